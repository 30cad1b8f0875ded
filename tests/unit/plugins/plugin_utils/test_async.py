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
TASKS: dict[str, list[dict[str, Any]]] = {
    "waited for": [
        {"labfleet.gpu.gpu_info": {"gather": ["driver"]}, "async": 60, "poll": 1, "register": "told"},
    ],
    "looked for later": [
        {"labfleet.gpu.gpu_info": {"gather": ["driver"]}, "async": 60, "poll": 0, "register": "begun"},
        {
            "ansible.builtin.async_status": {"jid": "{{ begun.ansible_job_id }}"},
            "register": "told",
            "until": "told is finished",
            "delay": 1,
            "retries": 60,
        },
    ],
}


@pytest.mark.parametrize("way", TASKS)
def test_the_result_comes_in_the_end(way: str, tmp_path: Path) -> None:
    tasks = [*TASKS[way], {"ansible.builtin.copy": {"content": "{{ told | to_json }}", "dest": "told.json"}}]
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
    assert not told["changed"] and "version" in told["driver"] and "environments" not in told
