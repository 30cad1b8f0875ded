# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a result looks like in a diff."""

from __future__ import annotations

from ansible_collections.labfleet.gpu.plugins.module_utils._report import as_lines


def test_lines_for_people() -> None:
    value = {
        "b": {"y": True, "x": None, "z": False},
        "a": 1,
        "empty": [],
        "items": ["one", ("two")],
        "nothing": {},
        "text": "580.95.05",
    }
    assert as_lines(value) == (
        "a: 1\nb:\n  x: none\n  y: yes\n  z: no\nempty: []\n"
        "items:\n  - one\n  - two\nnothing:\ntext: 580.95.05\n"
    )
