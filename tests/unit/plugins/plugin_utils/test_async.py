# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of ours with async, as Ansible runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GPU = Path(__file__).resolve().parents[4]
INFO: dict[str, Any] = {"labfleet.gpu.gpu_info": {"gather": ["driver"]}}
#: It would look first.
STACK: dict[str, Any] = {"labfleet.gpu.gpu_stack": {"settings": {"persist": False}}}


def waited_for(task: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**task, "async": 60, "poll": 1, "register": "told"}]


def looked_for_later(task: dict[str, Any]) -> list[dict[str, Any]]:
    status = {"ansible.builtin.async_status": {"jid": "{{ begun.ansible_job_id }}"}}
    again = {"register": "told", "until": "told is finished", "delay": 1, "retries": 60}
    return [{**task, "async": 60, "poll": 0, "register": "begun"}, {**status, **again}]


@pytest.mark.parametrize(
    "tasks, found",
    [
        (waited_for(INFO), "driver"),
        (looked_for_later(INFO), "driver"),
        (looked_for_later(STACK), "components"),
    ],
    ids=["waited for", "looked for later", "the stack"],
)
def test_the_result_comes_in_the_end(tasks: list[dict[str, Any]], found: str, tmp_path: Path) -> None:
    tasks = [*tasks, {"ansible.builtin.copy": {"content": "{{ told | to_json }}", "dest": "told.json"}}]
    plays = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]
    (tmp_path / "plays.yml").write_text(json.dumps(plays))
    environ = {
        **os.environ,
        "ANSIBLE_ASYNC_DIR": str(tmp_path / "jobs"),
        "ANSIBLE_HOME": str(tmp_path),
        "ANSIBLE_COLLECTIONS_PATH": str(GPU.parents[2]),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    command = [sys.executable, "-m", "ansible.cli.playbook", "-i", "localhost,", "-c", "local", "plays.yml"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert not told["changed"] and told[found] and told["ansible_job_id"]
