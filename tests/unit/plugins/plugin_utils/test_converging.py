# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugin reads from a running job."""

from __future__ import annotations

import json

import pytest
from ansible_collections.labfleet.gpu.plugins.plugin_utils.converging import _GONE, _RESULT, _in_words, _split

LINE = json.dumps({"number": 2, "total": 5, "what": "install driver 580.95.05", "phase": "packages"})


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", ([], "", "")),
        (LINE + "\n", ([LINE], "", "")),
        (LINE + "\n" + LINE[:10], ([LINE], "", "")),
        ("%s\n%s\n{}" % (LINE, _RESULT), ([LINE], _RESULT, "\n{}")),
        ("%s\n%s\nlast words\n" % (LINE, _GONE), ([LINE], _GONE, "\nlast words\n")),
    ],
)
def test_progress_and_what_follows(text: str, expected: object) -> None:
    assert _split(text) == expected


def test_a_step_in_words() -> None:
    assert _in_words("node7", LINE) == "  node7: [2/5] install driver 580.95.05"
