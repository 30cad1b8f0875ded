# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""gpu_info where the node has no nvidia-ml-py: the controller's is lent for a second call, then gone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pynvml
import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.labfleet.gpu.plugins.action.gpu_info import ActionModule

OWN = Path(pynvml.__file__).read_text(encoding="utf-8")


class OverThisMachine(ActionModule):
    """The plugin over a connection to this machine, where a shell stands for the module.

    ``has``: what that says of nvidia-ml-py on the node; ``lent``: what each call found in the controller's.
    """

    def __init__(self, folder: Path, has: bool | None, **keywords: Any) -> None:
        task = Task.load({"action": "labfleet.gpu.gpu_info", **keywords})
        context, loader = PlayContext(), DataLoader()
        connection = connection_loader.get("local", context)
        connection.set_options()
        connection._shell.set_options(direct={"remote_tmp": str(folder)})
        super().__init__(task, connection, context, loader, Templar(loader), None)
        self.has = has
        self.lent: list[str] = []

    def _execute_module(self, *_words: Any, **_more: Any) -> dict[str, Any]:
        shown = f"{self._compute_environment_string()} sh -c 'cat \"$LABFLEET_GPU_PYNVML\"'"
        self.lent.append(self._low_level_execute_command(shown)["stdout"])
        return {"changed": False, "pynvml": self.has, "call": len(self.lent)}


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_node_without_it(tmp_path: Path, check_mode: bool) -> None:
    action = OverThisMachine(tmp_path, False, check_mode=check_mode)
    assert action.run(task_vars={}) == {"changed": False, "pynvml": False, "call": 2}
    assert action.lent == ["", OWN]
    assert list(tmp_path.rglob("pynvml.py"))
    action.cleanup()
    assert not list(tmp_path.iterdir()), "it goes with the directory of the task"


@pytest.mark.parametrize("has", [True, None])
def test_a_node_that_has_it_or_has_nobody_to_ask(tmp_path: Path, has: bool | None) -> None:
    action = OverThisMachine(tmp_path, has)
    assert action.run(task_vars={}) == {"changed": False, "pynvml": has, "call": 1}
    assert action.lent == [""] and not list(tmp_path.iterdir())


def test_a_controller_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert OverThisMachine(tmp_path, False).run(task_vars={})["call"] == 1
