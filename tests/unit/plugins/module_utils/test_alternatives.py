# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""update-alternatives, read from the files that it keeps."""

from __future__ import annotations

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._alternatives import (
    Alternative,
    observe_alternative,
    parse,
)
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

#: As update-alternatives writes it: two slaves, two choices, the second without one of the slaves.
KEPT = """manual
/usr/include/cudnn.h
cudnn_version_h
/usr/include/cudnn_version.h
libcudnn_so
/usr/lib/libcudnn.so

/usr/include/cudnn_v8.h
80
/usr/include/cudnn_version_v8.h
/usr/lib/libcudnn.so.8
/usr/include/cudnn_v9.h
90
/usr/include/cudnn_version_v9.h


"""


def test_choices_and_where_it_leads(tree: Tree) -> None:
    assert observe_alternative(tree.files, "libcudnn") == Alternative()
    tree.write("/var/lib/dpkg/alternatives/libcudnn", KEPT)
    tree.link("/etc/alternatives/libcudnn", "/usr/include/cudnn_v8.h")
    choices = (("/usr/include/cudnn_v8.h", 80), ("/usr/include/cudnn_v9.h", 90))
    assert observe_alternative(tree.files, "libcudnn") == Alternative(
        "/usr/include/cudnn_v8.h", False, choices
    )


@pytest.mark.parametrize("text", ["", "auto\n", "auto\n/x\n", "auto\n/x\n\n", "auto\n/x\n\n/y\nten\n\n"])
def test_what_is_spoilt_has_no_choices(text: str) -> None:
    assert parse(text) == (True, ())
