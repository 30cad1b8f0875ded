# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The py-rattler of a controller becomes a wheel, which a node unpacks and uses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._conda import wheel
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.bring import bring_engine
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.questions import LACKING
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.steps import BringEngine
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files
from ansible_collections.labfleet.gpu.plugins.plugin_utils.bringing_engine import lacks_engine, pack
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module


@pytest.mark.parametrize(
    "answer, lacking",
    [
        ({"blockers": [{"what": LACKING, "which": "Python 3.11 has none", "next": "x"}]}, True),
        ({"blockers": [{"what": "It is a link", "which": "x", "next": "x"}]}, False),
        ({"msg": "the wish makes no sense"}, False),
        ({"changed": False, "steps": []}, False),
    ],
)
def test_which_results_ask_for_it(answer: Any, lacking: bool) -> None:
    assert lacks_engine(answer) is lacking


def test_what_is_packed_is_unpacked_and_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version, installed = wheel.installed()
    packed = pack(installed, version, str(tmp_path))
    assert wheel.suits(packed, os.uname().machine) == version
    tools = tmp_path / "tools"
    monkeypatch.setattr(wheel, "TOOLS", str(tools))
    with module() as running:
        context = Context(Commands(running), Files("/"), [])
        bring_engine(context, BringEngine(version, wheel=packed))
        # Again, over what is there.
        bring_engine(context, BringEngine(version, wheel=packed))
    assert sorted(each.name for each in tools.iterdir()) == [f"py_rattler-{version}.dist-info", "rattler"]
    program = f"import sys; sys.path.append({str(tools)!r}); import rattler; print(rattler.__file__)"
    used = [sys.executable, "-S", "-c", program]
    found = subprocess.run(used, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
    assert found == str(tools / "rattler/__init__.py")
