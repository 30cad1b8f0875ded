# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role of somebody else uses ours with a wrong variable: whoever checks it, one sentence says so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

GPU = Path(__file__).resolve().parents[4]
OURS, ANOTHER = "labfleet.gpu.gpu_node", "labfleet.gpu.nvidia_driver"
WRONG = {"gpu_node_check": "sometimes", "nvidia_driver_state": "gone"}
FOUND = "value of gpu_node_check must be one of: never, changed, always, got: sometimes"
BY_ANSIBLE = f"Validation of arguments failed:\n{FOUND}"
BY_US = f"The role gpu_node cannot take what it was given: {FOUND}."
OF_ANOTHER = (
    "The role nvidia_driver cannot take what it was given: "
    "value of nvidia_driver_state must be one of: present, absent, got: gone."
)
#: Nothing of it is wrong: it says nothing of whether ours was checked.
SPECIFICATION = {"argument_specs": {"main": {"options": {"their_own": {"type": "str"}}}}}


def uses(way: str, role: str = OURS, **more: Any) -> dict[str, Any]:
    return {f"ansible.builtin.{way}_role": {"name": role, **more}}


#: The task of a role of others, and what is then said.
TASKS: dict[str, tuple[dict[str, Any], str]] = {
    "imports": (uses("import"), BY_ANSIBLE),
    "includes": (uses("include"), BY_ANSIBLE),
    "imports_unchecked": (uses("import", rolespec_validate=False), BY_US),
    "includes_unchecked": (uses("include", rolespec_validate=False), BY_US),
    "includes_another": (uses("include", ANOTHER, rolespec_validate=False), OF_ANOTHER),
    "imports_other_tasks": (uses("import", tasks_from="preflight.yml"), BY_US),
    "includes_other_tasks": (uses("include", tasks_from="preflight"), BY_US),
    "includes_our_file": (
        {"ansible.builtin.include_tasks": {"file": f"{GPU}/roles/gpu_node/tasks/main.yml"}},
        BY_US,
    ),
    "calls_our_action": ({"labfleet.gpu.gpu_stack": {"role_variables": True}}, BY_US),
}


def play(folder: Path, roles: dict[str, dict[str, Any]], plays: list[dict[str, Any]]) -> dict[str, str]:
    """The last words on each host; there is one for each role. In check mode, should nobody refuse."""
    for name, files in roles.items():
        for path, content in {"meta/argument_specs": SPECIFICATION, **files}.items():
            written(folder / "roles" / name / f"{path}.yml", content)
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    written(folder / "hosts.yml", {"all": {"hosts": dict.fromkeys(roles, {}), "vars": {**here, **WRONG}}})
    written(folder / "plays.yml", [{"gather_facts": False, **each} for each in plays])
    environ = {
        **os.environ,
        "ANSIBLE_HOME": str(folder),
        "ANSIBLE_COLLECTIONS_PATH": str(GPU.parents[2]),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
        "ANSIBLE_NOCOLOR": "1",
    }
    command = [sys.executable, "-m", "ansible.cli.playbook", "--check", "-i", "hosts.yml", "plays.yml"]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    results = re.findall(r"^(\w+) \| \w+!? => (\{.*?^\})", done.stdout, re.MULTILINE | re.DOTALL)
    assert results, done.stderr
    said = ((host, json.loads(result).get("msg")) for host, result in results)
    return {host: words for host, words in said if words}


def written(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_it_is_said_in_every_way_of_use(tmp_path: Path) -> None:
    roles: dict[str, Any] = {name: {"tasks/main": [task]} for name, (task, _said) in TASKS.items()}
    # The plays go on for the one that does not use ours.
    roles.update(depends={"meta/main": {"dependencies": [OURS]}}, does_nothing={})
    each_its_own = {"ansible.builtin.include_role": {"name": "{{ inventory_hostname }}"}}
    tasks = {"hosts": "all:!depends", "tasks": [each_its_own]}
    said = play(tmp_path, roles, [tasks, {"hosts": "depends", "roles": ["depends"]}])
    assert said.pop("does_nothing") == "The arg spec validation passed"
    assert said == {**{name: words for name, (_task, words) in TASKS.items()}, "depends": BY_ANSIBLE}
