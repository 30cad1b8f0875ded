# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of a file on the node, as planners ask for it."""

from __future__ import annotations

import hashlib

from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import AskDigest, Digest, Trouble
from ansible_collections.labfleet.gpu.plugins.module_utils._survey import Survey
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree


def test_the_digest_of_a_file(tree: Tree) -> None:
    tree.write("/srv/a", "content")
    with module() as stands_for, Survey(Commands(stands_for), tree.files) as survey:
        for kind in ("sha256", "md5"):
            value = "%s:%s" % (kind, hashlib.new(kind, b"content").hexdigest())
            assert survey.answer(AskDigest("/srv/a", kind + ":x")) == Digest(value, 7)
        assert survey.answer(AskDigest("/srv/b", "sha256:x")) == Trouble(
            "/srv/b cannot be read: No such file or directory"
        )
        assert "refuses rot13" in survey.answer(AskDigest("/srv/a", "rot13:x")).what
