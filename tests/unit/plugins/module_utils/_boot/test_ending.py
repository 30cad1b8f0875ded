# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``persist: false`` and nothing else."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.ending import ending, says_nothing_else
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.plan import Persist
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.state import Stored, text_of
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.unit import UNIT_PATH, unit_text
from ansible_collections.labfleet.gpu.plugins.module_utils._converge import converge
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.arguments import ARGUMENTS as MIG
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.arguments import SAYING as OF_MIG
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.component import MIG as COMPONENT
from ansible_collections.labfleet.gpu.plugins.module_utils._restore import parts
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.wish import ARGUMENTS as SETTINGS
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.wish import SAYING as OF_SETTINGS
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module

#: Options that say how, not what.
HOW = {"persist", "disrupt_running_work", "take_over", "gpu_services"}


def test_it_ends_for_all_gpus_without_asking_any() -> None:
    component = ending(COMPONENT).component
    stored = Stored("mig", text_of({"GPU-a": {"mig": True}}), unit="x", enabled=True)
    plan = component.plan(stored, None, {})
    assert [step.action for step in plan.steps].count("remove-file") == 2 and not plan.needs
    assert plan.promised() == {"boot": {"unit": False, "gpus": {}}}
    assert component.plan(Stored("mig"), None, {}).steps == ()
    assert UNIT_PATH in str(plan.steps)


@pytest.mark.parametrize("options, names", [(MIG, OF_MIG), (SETTINGS, OF_SETTINGS)], ids=["mig", "settings"])
def test_every_option_that_says_what_is_known(options: Dict[str, Any], names: Any) -> None:
    assert set(options) - HOW == set(names)
    empty: Dict[str, Any] = {name: None for name in options}
    assert says_nothing_else({**empty, "persist": False}, names)
    assert not says_nothing_else({**empty, "persist": True}, names)
    assert not says_nothing_else({**empty, "persist": False, "gpus": [0]}, names)
    assert Persist().wanted is None


@pytest.mark.parametrize(
    "python, written",
    [
        ("/usr/bin/python3", "ExecStart=/usr/bin/python3 -I "),
        ("/opt/my python/bin/python", 'ExecStart="/opt/my python/bin/python" -I '),
        ("/opt/50%/python", 'ExecStart="/opt/50%%/python" -I '),
    ],
)
def test_an_interpreter_as_systemd_reads_it(python: str, written: str) -> None:
    assert written in unit_text(python)


@pytest.mark.parametrize(
    "part, options", [(parts.mig, MIG), (parts.settings, SETTINGS)], ids=["mig", "settings"]
)
def test_a_run_of_its_own_module(
    part: Any, options: Dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    asked: Dict[str, Any] = {name: None for name in options}
    with module(_ansible_check_mode=True) as ansible_module, pytest.raises(SystemExit):
        converge(ansible_module, [part({**asked, "persist": False})])
    told = json.loads(capsys.readouterr().out)
    assert not told.get("failed") and "boot" in told["before"], told
