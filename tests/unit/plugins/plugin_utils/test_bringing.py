# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which results say that a node lacks nvidia-ml-py."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.labfleet.gpu.plugins.plugin_utils.bringing import lacks_binding
from ansible_collections.labfleet.gpu.plugins.plugin_utils.converging import joined

LACKS, HAS = {"pynvml": False}, {"pynvml": True}


@pytest.mark.parametrize(
    "answer, lacking",
    [
        ({"before": LACKS}, True),
        ({"before": HAS}, False),
        ({"before": {"driver": {}, "mig": LACKS}}, True),
        ({"before": {"driver": {}, "mig": HAS}}, False),
        ({"before": {"driver": {}}}, False),
        ({"components": {"driver": {"before": {}}, "mig": {"before": LACKS}}}, True),
        ({"components": {"driver": {"before": {}}, "mig": {"before": HAS}}}, False),
        ({"components": {"driver": {"before": {}}}}, False),
        # The run brought it itself; check mode could not.
        ({"components": {"mig": {"before": LACKS, "after": HAS}}}, False),
        ({"components": {"mig": {"before": LACKS, "after": LACKS}}}, True),
        ({"before": LACKS, "after": HAS}, False),
        ({"before": LACKS, "after": LACKS}, True),
        ({"msg": "the wish makes no sense"}, False),
    ],
)
def test_results_of_mig_layout_and_gpu_stack(answer: Any, lacking: bool) -> None:
    assert lacks_binding(answer) is lacking


def test_two_calls_have_one_result() -> None:
    first = {"changed": True, "steps": ["a"], "msg": "1 step done."}
    again = {"changed": False, "steps": ["b"], "msg": "Nothing to change.", "after": HAS}
    assert joined(first, again, False) == {**again, "changed": True, "steps": ["a", "b"]}
    assert joined({"changed": False, "failed": True, "steps": ["a"]}, again, False) == again
    assert joined(first, again, True) == again, "check mode foretells anew"
