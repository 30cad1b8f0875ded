# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo takes from a recap."""

from __future__ import annotations

import demo
import pytest

RECAP = (
    "PLAY RECAP *********\n"
    "node1                      : ok=3    changed=1    unreachable=0    failed=0    skipped=1\n"
    "node2                      : ok=3    changed=0    unreachable={}    failed={}    skipped=1\n"
)


def test_changes_are_added_up() -> None:
    assert demo.changes(RECAP.format(0, 0), {"node1", "node2"}) == 1


@pytest.mark.parametrize("numbers", [(1, 0), (0, 1)], ids=["unreachable", "failed"])
def test_a_failed_host_is_named(numbers: tuple[int, int]) -> None:
    with pytest.raises(demo.DemoError, match="These hosts failed: node2"):
        demo.changes(RECAP.format(*numbers), {"node1", "node2"})


def test_a_host_missing_from_the_recap_is_a_failure() -> None:
    with pytest.raises(demo.DemoError, match="node3"):
        demo.changes(RECAP.format(0, 0), {"node1", "node2", "node3"})
