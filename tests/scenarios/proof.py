# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every scenario asks of a change: done as foretold and nothing left to do, or refused before any step.

The runs of one proof are tasks of one playbook: starting Ansible costs more than a run that changes nothing.
"""

from __future__ import annotations

import json
import shlex
import sys
from typing import Any

from scenario import LAB_NUMBER, MIRROR, ROOT, Fleet

Result = dict[str, Any]

#: What check mode cannot tell: DKMS builds and signs while apt works, and apt's simulation is silent on that;
#: UUIDs of MIG devices are the driver's choice; what a requirement comes to is pip's.
TOLD_LATER = {"dkms", "dkms_state", "module_signer", "devices", "pip"}
MARK = "proof"


def proved(
    fleet: Fleet,
    node: str,
    rounds: bool = False,
    asks: bool = False,
    module: str = "nvidia_driver",
    **options: Any,
) -> Result:
    """The result of a run that did what check mode foretold, and after which the same again does nothing.

    ``rounds``: the plan ends in "look again", so that check mode shows its first phase only.
    ``asks``: something is missing that no source has, so that each run asks for it again.
    """
    foretold, done, again = _runs(fleet, node, ("check", "run", "mark", "run"), options, module)
    for result in (foretold, done, again):
        assert not result.get("failed"), result.get("msg")
    assert done["changed"] and done["steps"], "there was something to prove"
    steps = done["steps"][: len(foretold["steps"])] if rounds else done["steps"]
    assert foretold["steps"] == steps, _differing(foretold["steps"], done["steps"])
    if not rounds:
        assert foretold["reboot_reasons"] == done["reboot_reasons"]
        keys = {key for key in done["after"] if foretold["after"][key] != done["after"][key]} - TOLD_LATER
        assert not keys, {key: (foretold["after"][key], done["after"][key]) for key in keys}
    assert again["changed"] is False and again["steps"] == [], again["steps"]
    assert again["after"] == done["after"]
    assert again["reboot_reasons"] == done["reboot_reasons"], "still due, or still not"
    _untouched(fleet, node, asks)
    return done


def refused(fleet: Fleet, node: str, module: str = "nvidia_driver", **options: Any) -> str:
    """What a run says that is refused before any step, in check mode and without: the same."""
    foretold, done = _runs(fleet, node, ("mark", "check", "run"), options, module)
    for result in (foretold, done):
        assert result.get("failed") and result["blockers"] and not result["changed"], result
        assert result["steps"] == [] and result["msg"].endswith("Nothing was changed."), result["msg"]
    assert foretold["msg"] == done["msg"]
    fleet.lab("diff", node, "--since", MARK)
    return str(done["msg"])


def rebooted(fleet: Fleet, node: str, **options: Any) -> Result:
    """After a reboot nothing more waits for one, and the installed driver is the one that drives the GPUs."""
    fleet.lab("reboot", node)
    return in_effect(fleet, node, **options)


def in_effect(fleet: Fleet, node: str, **options: Any) -> Result:
    """The result of a run that changes nothing: the installed driver is loaded, its tools see every GPU."""
    now = fleet.driver(node, **options)
    assert not now.get("failed"), now.get("msg")
    assert not now["changed"] and not now["reboot_required"], (now["steps"], now["reboot_reasons"])
    after = now["after"]
    assert after["loaded_version"] == after["version"] == after["library_version"] == after["module_on_disk"]
    assert after["loaded_kernel_module"] == after["kernel_module"]
    assert len(fleet.sh(node, "nvidia-smi -L").splitlines()) == len(after["gpus"]) > 0
    return now


def _differing(foretold: list[Any], done: list[Any]) -> str:
    lines = [
        [f"{each['phase']}: {each['what']} ({each['why']})" for each in steps] for steps in (foretold, done)
    ]
    return f"foretold {lines[0]}, done {lines[1]}"


def _untouched(fleet: Fleet, node: str, asks: bool) -> None:
    """The last run asked no server, unless it had to, and changed no file since the mark."""
    asked = [int(count) for count in (fleet.work / "requests").read_text().split()]
    assert asks or asked == list(fleet.requests()), "a run that changes nothing asks no server"
    fleet.lab("diff", node, "--since", MARK)


def _runs(
    fleet: Fleet, node: str, what: tuple[str, ...], options: dict[str, Any], module: str
) -> tuple[Result, ...]:
    """The results of runs in this order; "mark" remembers the node's files and the servers' requests."""
    tasks: list[dict[str, Any]] = []
    for number, kind in enumerate(what):
        task: dict[str, Any] = _marking(fleet, node)
        if kind != "mark":
            mirror = {} if module in ("mig_layout", "gpu_settings", "conda_gpu_env") else MIRROR
            task = {f"labfleet.gpu.{module}": {**mirror, **options}}
            task.update(check_mode=kind == "check", diff=True, ignore_errors=True)
        tasks.append({"name": f"{kind} {number}", **task})
    results = in_one_playbook(fleet, node, tasks)
    return tuple(result for kind, result in zip(what, results, strict=True) if kind != "mark")


def in_one_playbook(fleet: Fleet, node: str, tasks: list[dict[str, Any]]) -> list[Result]:
    """The results of tasks, run one after the other."""
    tasks = [
        {"name": f"Task {number}", **task, "register": f"result_{number}"}
        for number, task in enumerate(tasks)
    ]
    answer = fleet.work / "results.json"
    answer.unlink(missing_ok=True)
    names = ", ".join(task["register"] for task in tasks)
    keep = {"content": "{{ [%s] | to_json }}" % names, "dest": str(answer), "mode": "0600"}
    last = {"name": "Keep the results", "ansible.builtin.copy": keep, **_HERE}
    path = fleet.work / "proof.yml"
    play = {"hosts": node, "gather_facts": False, "become": True, "tasks": [*tasks, last]}
    path.write_text(json.dumps([play]))
    run = fleet.playbook(path)
    assert answer.exists(), run.output
    results: list[Result] = json.loads(answer.read_text())
    return results


_HERE: dict[str, Any] = {
    "delegate_to": "localhost",
    "become": False,
    "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
    "check_mode": False,
}


def _marking(fleet: Fleet, node: str) -> dict[str, Any]:
    """A task on the controller."""
    lab = [sys.executable, str(ROOT / "tests/lab/lab.py"), "--lab", LAB_NUMBER, "mark", node, MARK]
    logs = " ".join(shlex.quote(str(path)) for path in fleet.request_logs())
    count = (
        f"for log in {logs}; do cat $log 2>/dev/null | wc -l; done > {shlex.quote(str(fleet.work))}/requests"
    )
    return {"ansible.builtin.shell": {"cmd": f"{shlex.join(lab)} && {count}"}, **_HERE}
