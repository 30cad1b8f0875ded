# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""py-rattler itself, asked for what cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.child import ChildError, run
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.engine import solve

GONE = "http://127.0.0.1:9/x"


def test_a_channel_that_cannot_be_reached_is_told_of_in_the_same_words(tmp_path: Path) -> None:
    """It has two parts, and which of them fails first is chance: check mode and run must not differ in it."""
    told = set()
    for _time in range(12):
        with pytest.raises(ChildError) as caught:
            run(lambda: solve(str(tmp_path), [GONE], ["alpha"], ""))
        told.add(str(caught.value))
    (said,) = told
    assert "a channel cannot be read: " in said and "(%s)" % GONE in said
