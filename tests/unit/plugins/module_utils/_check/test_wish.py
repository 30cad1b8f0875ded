# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of gpu_check, and the outcome in words."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._check.row import (
    FAILED,
    OK,
    SKIPPED,
    WARNED,
    Row,
    counted,
    in_a_sentence,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._check.rows import JUDGES
from ansible_collections.labfleet.gpu.plugins.module_utils._check.wish import (
    ARGUMENTS,
    ROWS,
    CheckWish,
    wish_from,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish


def wish(**options: Any) -> CheckWish:
    return wish_from({**{name: each.get("default") for name, each in ARGUMENTS.items()}, **options})


def test_every_row_has_a_judge() -> None:
    assert tuple(JUDGES) == ROWS


def test_rows() -> None:
    assert wish().rows == ROWS
    assert wish(only=["memory", "nvml"]).rows == ("nvml", "ecc_errors", "remapped_rows", "retired_pages")
    assert wish(only=["memory"], skip=["ecc_errors"]).rows == ("remapped_rows", "retired_pages")
    assert wish(only=["leftovers"]).asks("processes") and not wish(only=["nvml"]).asks(
        "processes", "toolkits"
    )
    assert wish(tolerate=["mig"]).tolerate == ("mig_devices",)


@pytest.mark.parametrize(
    "name, root, prefix",
    [
        ("train", "/opt/conda/envs", "/opt/conda/envs/train"),
        ("train", "/srv/envs/", "/srv/envs/train"),
        ("/home/alice/venv/", "/opt/conda/envs", "/home/alice/venv"),
    ],
)
def test_environment(name: str, root: str, prefix: str) -> None:
    assert wish(environment=name, environment_root=root).prefix == prefix


@pytest.mark.parametrize(
    "options, words",
    [
        ({"only": ["memmory"]}, "only has 'memmory', which is no row and no group: did you mean memory."),
        ({"skip": ["zzz"]}, "skip has 'zzz', which is no row and no group: write one of driver, gpus,"),
        ({"only": ["nvml"], "skip": ["driver"]}, "only and skip leave no row"),
        ({"environment": "envs/train"}, "environment is 'envs/train': write its name, or its whole path."),
        ({"environment": ""}, "environment is ''"),
        ({"environment": ".."}, "environment is '..'"),
        (
            {"environment": "train", "environment_root": "envs"},
            "environment_root is 'envs': write a whole path.",
        ),
        ({"expected_gpus": -1}, "expected_gpus is -1: write 0 or more."),
        ({"min_pcie_width": 0}, "min_pcie_width is 0: write 1 or more."),
        ({"time_limit": 0}, "time_limit is 0"),
        ({"toolkits": [12.4]}, "toolkits[0] is the unquoted number 12.4"),
    ],
)
def test_bad_input(options: Dict[str, Any], words: str) -> None:
    with pytest.raises(BadWish) as caught:
        wish(**options)
    assert words in str(caught.value)


def row(result: str, name: str = "nvml") -> Row:
    return Row(name, "node", result, "a reason", "do this" if result in (FAILED, WARNED) else "")


def test_the_sentence() -> None:
    assert in_a_sentence([row(OK), row(SKIPPED)]) == "1 row ok, 1 skipped."
    assert in_a_sentence([row(OK), row(WARNED)]) == "1 row ok, 1 warned: node: a reason (nvml: do this)."
    said = in_a_sentence([row(OK), *[row(FAILED)] * 5])
    assert said.startswith("5 of 6 rows failed: node: a reason (nvml: do this); ")
    assert said.endswith("and 2 more, see failed_rows.")
    assert in_a_sentence([row(SKIPPED)]).startswith("No row is ok: 1 skipped")
    assert counted([row(OK), row(SKIPPED)]) == {OK: 1, WARNED: 0, FAILED: 0, SKIPPED: 1}
