# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the action plugin follows a job: over a connection that may fail, to its result."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Optional

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.playbook.role import Role
from ansible.playbook.task import Task
from ansible_collections.labfleet.gpu.plugins.plugin_utils import converging
from ansible_collections.labfleet.gpu.plugins.plugin_utils.converging import (
    _GONE,
    _RESULT,
    ConvergingAction,
    _in_words,
    _look,
    _split,
)

LINE = json.dumps({"number": 2, "total": 5, "what": "install driver 580.95.05", "phase": "packages"})


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", ([], "", "")),
        (LINE + "\n", ([LINE], "", "")),
        (LINE + "\n" + LINE[:10], ([LINE], "", "")),
        ("%s\n%s\n{}" % (LINE, _RESULT), ([LINE], _RESULT, "\n{}")),
        ("%s\n%s\nlast words\n" % (LINE, _GONE), ([LINE], _GONE, "\nlast words\n")),
    ],
)
def test_progress_and_what_follows(text: str, expected: object) -> None:
    assert _split(text) == expected


def test_a_step_in_words() -> None:
    assert _in_words("node7", LINE) == "  node7: [2/5] install driver 580.95.05"


DEAD = 2**22 + 1
"""No process: the kernel's own numbers end before (PID_MAX_LIMIT)."""


def here(command: str) -> "dict[str, Any]":
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


class OverThisMachine(ConvergingAction):
    """The plugin with this machine for a node, over a connection that fails as it is told to."""

    def __init__(self, task: Task, answer: "dict[str, Any]", failures: "list[Any]"):
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
        templar = SimpleNamespace(template=lambda value: value)
        super().__init__(task, connection, None, None, templar, None)
        self.answer, self.failures = answer, failures

    def _execute_module(self, *_words: Any, **_more: Any) -> "dict[str, Any]":
        return dict(self.answer)

    def _low_level_execute_command(self, cmd: str, *_words: Any, **_more: Any) -> "dict[str, Any]":
        failure = self.failures.pop(0) if self.failures else None
        if isinstance(failure, Exception):
            raise failure
        return failure or here(cmd)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The directory of a job with one step begun."""
    directory = tmp_path / "the job"
    directory.mkdir()
    (directory / "progress").write_text(LINE + "\n", encoding="utf-8")
    (directory / "log").write_text("Traceback\nlast words\n", encoding="utf-8")
    return directory


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converging, "_PATIENCE", 0.3)
    monkeypatch.setattr(converging, "_RETRY_PAUSE", 0.1)


def follow(job: Path, *failures: Any, pid: int = DEAD) -> "dict[str, Any]":
    answer = {"job": {"directory": str(job), "pid": pid}, "invocation": {"module_args": {"branch": 580}}}
    return OverThisMachine(Task(), answer, list(failures)).run(task_vars={"inventory_hostname": "node7"})


RESULT = {"changed": True, "msg": "1 step done.", "_ansible_no_log": True, "_ansible_delegated_vars": {}}
HANDED_ON = {"changed": True, "msg": "1 step done.", "invocation": {"module_args": {"branch": 580}}}
LOST = AnsibleConnectionFailure("ssh: no route")
REFUSED = {"rc": 1, "stdout": "", "stderr": "sudo: try again"}
CUT = {"rc": 255, "stdout": "%s\n%s\n{" % (LINE, _RESULT), "stderr": "closed"}


@pytest.mark.parametrize("failures", [[], [LOST], [REFUSED], [CUT], [LOST, REFUSED]], ids=str)
def test_a_result_is_read_and_then_cleared_away(job: Path, failures: "list[Any]") -> None:
    (job / "result").write_text(json.dumps(RESULT), encoding="utf-8")
    assert follow(job, *failures) == HANDED_ON
    assert not job.exists()


def test_a_result_counts_although_its_directory_could_not_be_cleared_away(job: Path) -> None:
    (job / "result").write_text(json.dumps(RESULT), encoding="utf-8")
    looked = here(_look("'%s'" % job, DEAD))
    assert follow(job, looked, LOST) == HANDED_ON


@pytest.mark.parametrize("failure", [LOST, REFUSED], ids=str)
def test_a_connection_that_stays_lost_leaves_the_job_alone(job: Path, failure: Any) -> None:
    with pytest.raises(AnsibleConnectionFailure, match="node7 did not answer .* The change goes on there"):
        follow(job, *[failure] * 99, pid=os.getpid())
    assert (job / "progress").exists()


def test_a_job_that_died_is_a_failure(job: Path) -> None:
    result = follow(job)
    assert result["failed"] and result["changed"]
    assert result["msg"] == (
        "The run on node7 ended without a result after 1 steps were begun: Traceback\nlast words. "
        "Run again: it goes on from what is there."
    )
    assert not job.exists()


def test_a_running_job_has_no_mark(job: Path) -> None:
    looked = here(_look("'%s'" % job, os.getpid()))
    assert (looked["rc"], looked["stdout"]) == (0, LINE + "\n")


def test_a_result_that_comes_with_the_end_of_the_process_is_seen(job: Path) -> None:
    """The process writes it and is gone in the moment in which we look for the process."""
    moment = "kill() { echo {} > '%s/result'; return 1; }; " % job
    assert _split(here(moment + _look("'%s'" % job, DEAD))["stdout"])[1:] == (_RESULT, "\n{}\n")


def in_role(name: str, collection: Optional[str] = "labfleet.gpu") -> Task:
    task = Task()
    task._role = Role()
    task._role._role_name, task._role._role_collection = name, collection
    return task


@pytest.mark.parametrize(
    "collection, refused", [("labfleet.gpu", True), ("somebody.gpu", False), (None, False), ("none", False)]
)
def test_only_our_own_roles_answer_for_their_variables(
    job: Path, collection: Optional[str], refused: bool
) -> None:
    task = Task() if collection == "none" else in_role("nvidia_driver", collection)
    result = OverThisMachine(task, {"changed": False}, []).run(task_vars={"nvidia_driver_brnach": 580})
    said = "The role nvidia_driver has no variable nvidia_driver_brnach: did you mean nvidia_driver_branch?"
    # A result, so that a play may go on in spite of it, as preflight.yml does.
    assert result == ({"failed": True, "changed": False, "msg": said} if refused else {"changed": False})


@pytest.mark.parametrize(
    "variables, words",
    [
        ({"nvidia_driver_reboot_allowed": True}, "set gpu_node_reboot_allowed"),
        ({"gpu_check_enviroment": "x"}, "did you mean gpu_check_environment?"),
    ],
)
def test_a_variable_that_the_role_does_not_read_is_refused(variables: dict[str, Any], words: str) -> None:
    result = OverThisMachine(in_role("gpu_node"), {"changed": False}, []).run(task_vars=variables)
    assert result["failed"] and words in result["msg"]


ADVICE = "let them end, or set disrupt_running_work: true"
BLOCKED = {
    "failed": True,
    "msg": "Programs work on the GPUs (4711): %s. Nothing was changed." % ADVICE,
    "blockers": [{"what": "Programs work on the GPUs", "which": "4711", "next": ADVICE}],
}


def test_a_refusal_names_the_variable_of_the_role_that_asked() -> None:
    in_words = "let them end, or set gpu_node_disrupt_running_work: true"
    result = OverThisMachine(in_role("gpu_node"), json.loads(json.dumps(BLOCKED)), []).run(task_vars={})
    assert result["blockers"][0]["next"] == in_words
    assert result["msg"] == "Programs work on the GPUs (4711): %s. Nothing was changed." % in_words
    assert OverThisMachine(Task(), dict(BLOCKED), []).run(task_vars={})["msg"] == BLOCKED["msg"]


def test_what_several_refuse_names_the_variable_of_each() -> None:
    blockers = [
        {
            "component": name,
            "what": "A source is in the way",
            "which": "x.list",
            "next": f"set {option}: true",
        }
        for name, option in (("driver", "take_over"), ("cuda", "take_over"), ("mig", "gpus"), ("mig", "gpus"))
    ]
    told = "driver, cuda: A source is in the way (x.list): set take_over: true."
    msg = f"{told} mig: A source is in the way (x.list): set gpus: true. The 3 steps before this are done."
    answer = {"failed": True, "msg": msg, "blockers": blockers, "before": {}}
    found = OverThisMachine(in_role("gpu_node"), answer, []).run(task_vars={})
    assert found["msg"] == (
        "driver: A source is in the way (x.list): set nvidia_driver_take_over: true. "
        "cuda: A source is in the way (x.list): set cuda_toolkit_take_over: true. "
        "mig: A source is in the way (x.list): set mig_layout_gpus: true. The 3 steps before this are done."
    )


def test_a_failure_without_refusals_keeps_its_words() -> None:
    answer = {"failed": True, "msg": "The lock is held by 123. Nothing was changed.", "before": {}}
    assert OverThisMachine(in_role("gpu_node"), dict(answer), []).run(task_vars={})["msg"] == answer["msg"]


@pytest.mark.parametrize(
    "said, in_words",
    [
        (
            "driver: Neither branch nor version is set: for example branch: 580.",
            "driver: Neither branch nor version is set: for example nvidia_driver_branch: 580.",
        ),
        ("cuda: write versions: x.", "cuda: write cuda_toolkit_versions: x."),
        ("environment train: write cuda: 12.", "environment train: write conda_gpu_env_cuda: 12."),
        (
            "its PCI bus shows none: declare them with driver.gpus.",
            "its PCI bus shows none: declare them with nvidia_driver_gpus.",
        ),
        ("Nothing to translate.", "Nothing to translate."),
        ("driver: branch is 'cuda: 1', no branch.", "driver: nvidia_driver_branch is 'cuda: 1', no branch."),
        (
            "cudnn: cuda is '12.x', which is no CUDA version: write for example \"12\".",
            "cudnn: cudnn_cuda is '12.x', which is no CUDA version: write for example \"12\".",
        ),
        (
            "cuda: runfile is for source: runfile: write that",
            "cuda: cuda_toolkit_runfile is for cuda_toolkit_source: runfile: write that",
        ),
        ("driver: x. Set take_over: true.", "driver: x. Set nvidia_driver_take_over: true."),
        (
            "container: or leave it out: engines: [docker], or remove it (state: absent)",
            "container: or leave it out: container_toolkit_engines: [docker], or remove it "
            "(container_toolkit_state: absent)",
        ),
        ("cuda: runfile is 'cuda.run'", "cuda: cuda_toolkit_runfile is 'cuda.run'"),
        ("mig: config is '/etc/mig.yaml'", "mig: mig_layout_config is '/etc/mig.yaml'"),
        ("No file /srv/cudnn.tar.xz at https://cuda.example.org/x, /etc/cuda.list.",) * 2,
    ],
)
def test_options_that_are_refused_are_named_as_variables(said: str, in_words: str) -> None:
    failed = {"failed": True, "msg": said}
    assert OverThisMachine(in_role("gpu_node"), dict(failed), []).run(task_vars={})["msg"] == in_words
    assert OverThisMachine(Task(), dict(failed), []).run(task_vars={})["msg"] == said


@pytest.mark.parametrize(
    "asked, entry, checked",
    [(True, {}, True), (True, {"tasks": "preflight.yml"}, False), (False, {}, False)],
)
def test_whether_ansible_has_checked_the_arguments(asked: bool, entry: dict[str, str], checked: bool) -> None:
    role = SimpleNamespace(_should_validate=asked, _from_files=entry)
    assert converging._checked_by_ansible(role) is checked
    assert converging._checked_by_ansible(None) is False
