# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is loaded later travels with every module that changes something, and not with the one that looks."""

from __future__ import annotations

import pytest
from interpreters import ROOT
from packing import _exists, loaded_later, packed

LOOKING = "gpu_stack_at_rest"
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
USING = [name for name in MODULES if any(loaded_later(each) for each in packed(name))]


def test_there_is_something_to_look_at() -> None:
    assert {LOOKING, "gpu_stack", "nvidia_driver", "cuda_toolkit", "cudnn"} <= set(USING)


@pytest.mark.parametrize("module", [name for name in USING if name != LOOKING])
def test_what_is_loaded_later_is_there(module: str) -> None:
    travelling = packed(module)
    wanted = {each for name in travelling for each in loaded_later(name)}
    assert all(_exists(each) for each in wanted)
    assert wanted <= travelling, f"{module} travels without {sorted(wanted - travelling)}"


def test_the_looking_module_travels_light() -> None:
    travelling = packed(LOOKING)
    assert not travelling & {each for name in travelling for each in loaded_later(name)}
    assert not travelling & {"_survey", "_job", "_together", "_effects_transact", "_download", "_workspace"}
    assert not [name for name in travelling if name.rpartition(".")[2].startswith("apply")]
