# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gpu_stack is called with where it is to read the variables of the roles."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.labfleet.gpu.plugins.action import gpu_stack
from ansible_collections.labfleet.gpu.plugins.action.gpu_stack import ActionModule
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.state import digest
from ansible_collections.labfleet.gpu.plugins.module_utils._restore import program
from ansible_collections.labfleet.gpu.plugins.plugin_utils.bringing_engine import BringingEngineAction
from ansible_collections.labfleet.gpu.plugins.plugin_utils.sources import sources_digest

VARIABLES = {
    "nvidia_driver_branch": 580,
    "cuda_toolkit_versions": ["12.8"],
    "cudnn_version": "9",
    "site_wide_hold": True,
    "nvidia_driver_hold": trust_as_template("{{ site_wide_hold }}"),
    "mig_layout_instances": {"1g.10gb": 7},
}


def called_with(variables: dict[str, Any], **options: Any) -> dict[str, Any]:
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(args=options)
    action._templar = Templar(loader=DataLoader(), variables=variables)
    action._task._role = None
    return action._arguments(variables)


def test_every_component_that_a_variable_asks_for() -> None:
    found = called_with(VARIABLES, role_variables=True, framework=None)
    assert sorted(found) == ["cuda", "cudnn", "driver", "framework", "mig"]
    assert found["framework"] is None, "what is named, as nothing"
    assert found["driver"]["branch"] == 580 and found["driver"]["hold"] is True
    assert found["cuda"]["versions"] == ["12.8"] and found["mig"]["instances"] == {"1g.10gb": 7}


def test_what_is_named_goes_before_the_variables() -> None:
    found = called_with(VARIABLES, role_variables="yes", driver={"branch": 570}, cuda=None)
    assert found["driver"] == {"branch": 570} and found["cuda"] is None and "version" in found["cudnn"]


def test_the_framework_is_a_variable_of_gpu_node() -> None:
    framework = {"name": "pytorch", "version": "2.8"}
    assert called_with({"gpu_node_framework": framework}, role_variables=True)["framework"] == framework


@pytest.mark.parametrize(
    "variables, words",
    [
        ({"nvidia_driver_brnach": 580}, "did you mean nvidia_driver_branch?"),
        ({"nvidia_driver_disrupt_running_work": True}, "set gpu_node_disrupt_running_work"),
        ({"gpu_node_check": "perhaps"}, "must be one of: never, changed, always"),
    ],
    ids=str,
)
def test_outside_the_role_variables_are_refused_as_in_it(variables: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleActionFail, match=re.escape(words)):
        called_with(variables, role_variables=True)


@pytest.mark.parametrize(
    "variables, words",
    [
        ({"gpu_settings_persistence": "maybe"}, "argument 'gpu_settings_persistence' is of type str"),
        ({"cuda_toolkit_versions": {"a": 1}}, "argument 'cuda_toolkit_versions' is of type dict"),
        (
            {"conda_gpu_env_environments": {"train": {}}},
            "conda_gpu_env_environments is of type dict: write a list of dictionaries",
        ),
        ({"conda_gpu_env_environments": 5}, "conda_gpu_env_environments is of type int: write a list"),
        ({"conda_gpu_env_environments": [{}, "a"]}, "conda_gpu_env_environments has a str in it: write"),
    ],
    ids=str,
)
def test_a_variable_of_a_component_that_has_another_type(variables: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleActionFail, match=re.escape(words)):
        called_with({**VARIABLES, **variables}, role_variables=True)


def test_no_password_is_in_what_is_said_of_a_wrong_variable() -> None:
    wrong = {
        "conda_gpu_env_pip_index_url": "https://me:hunter22@pypi.example/simple",
        "conda_gpu_env_environments": [{"name": "train"}, "oops"],
    }
    address = {"nvidia_driver_hold": "https://me:hunter22@mirror.example/"}
    for variables in (wrong, address):
        with pytest.raises(AnsibleActionFail) as refused:
            called_with({**VARIABLES, **variables}, role_variables=True)
        assert "hunter22" not in str(refused.value)


def test_a_framework_takes_what_is_set_for_toolkits_along() -> None:
    variables = {"gpu_node_framework": {"name": "jax"}, "cuda_toolkit_repository_url": "http://mirror/"}
    assert called_with(variables, role_variables=True)["cuda"] == {"repository_url": "http://mirror/"}
    assert "cuda" not in called_with({**variables, "gpu_node_framework": None}, role_variables=True)


def test_what_is_neither_yes_nor_no() -> None:
    with pytest.raises(AnsibleActionFail, match="role_variables is 'perhaps': write true or false."):
        called_with(VARIABLES, role_variables="perhaps")


@pytest.mark.parametrize("options", [{}, {"role_variables": False}, {"role_variables": None}])
def test_without_it_variables_are_not_read(options: dict[str, Any]) -> None:
    assert called_with(VARIABLES, driver={"branch": 570}, **options) == {"driver": {"branch": 570}}


class Called:
    """What stands where Ansible runs modules: which, with what; each look says what it is told to."""

    def __init__(self, **answers: dict[str, Any]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, module_name: str, module_args: dict[str, Any], **_more: Any) -> dict[str, Any]:
        self.calls.append((module_name, module_args))
        return dict(self.answers[module_name.rpartition(".")[2]], invocation={"module_args": module_args})


def looked(called: Called, **asked: Any) -> dict[str, Any] | None:
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(args=asked)
    action._execute_module = called
    return action._at_once({})


KEPT, LOOK = "labfleet.gpu.gpu_stack_at_rest_kept", "labfleet.gpu.gpu_stack_at_rest"
LACKING = {"at_rest": False, "changed": False, "kept": False}
SETTLED = {"at_rest": True, "changed": False, "msg": "Nothing to change."}


@pytest.mark.parametrize("lacking", [False, True])
@pytest.mark.parametrize(
    "asked, boot",
    [
        ({"driver": {"branch": 580}, "cudnn": {"version": "9"}, "mig": None}, False),
        ({"driver": {"branch": 580}, "environments": [{"name": "train"}]}, False),
        ({"framework": {"name": "pytorch"}}, False),
        ({"settings": {"persistence": True, "persist": False}}, False),
        ({"settings": {"persistence": True, "persist": True}, "container": {}}, True),
        ({"mig": {"mig": True, "persist": "yes"}}, True),
    ],
    ids=str,
)
def test_the_code_on_the_node_goes_first_and_sources_follow_where_it_is_lacking(
    asked: dict[str, Any], boot: bool, lacking: bool
) -> None:
    answers = {"gpu_stack_at_rest_kept": LACKING if lacking else SETTLED, "gpu_stack_at_rest": SETTLED}
    called = Called(**answers)
    found = looked(called, **asked)
    given = {name: each for name, each in asked.items() if each is not None}
    expected = {"asked": given, "sources": sources_digest()}
    if boot:
        expected["boot_program"] = digest(program_of_a_node())
    assert called.calls == [(name, expected) for name in ([KEPT, LOOK] if lacking else [KEPT])]
    said = {"changed": False, "msg": "Nothing to change."}
    assert found == {**said, "invocation": {"module_args": given}}


@pytest.mark.parametrize("answer", [{"at_rest": False}, {"failed": True}, {"at_rest": True, "failed": True}])
def test_what_a_look_does_not_settle_is_left_to_the_whole_module(answer: dict[str, Any]) -> None:
    sent = Called(gpu_stack_at_rest_kept=LACKING, gpu_stack_at_rest=answer)
    assert looked(sent, driver={"branch": 580}) is None and len(sent.calls) == 2
    failed = Called(gpu_stack_at_rest_kept={"failed": True}, gpu_stack_at_rest=answer)
    assert looked(failed, driver={"branch": 580}) is None and len(failed.calls) == 2
    settled = Called(gpu_stack_at_rest_kept={"at_rest": False})
    assert looked(settled, driver={"branch": 580}) is None and len(settled.calls) == 1


def left(
    answer: dict[str, Any], lacking: bool = True, check_mode: bool = False, execute: Any = None
) -> list[Any]:
    """The modules that follow a call of gpu_stack which ended so."""
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(check_mode=check_mode)
    action._lacking = lacking
    called = Called(gpu_stack_at_rest=SETTLED)
    action._execute_module = execute or called
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BringingEngineAction, "run", lambda *_given: answer)
        assert action.run(None, {}) is answer
    return called.calls


def test_a_change_leaves_the_code_for_the_run_after_it() -> None:
    assert left({"changed": True}) == [(LOOK, {"asked": {}, "sources": sources_digest()})]
    assert left({"changed": True}, lacking=False) == []
    assert left({"changed": True}, check_mode=True) == []
    assert left({"changed": True, "failed": True}) == []
    assert left({"changed": False}) == []


def test_sources_that_were_replaced_since_the_run_began_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = sources_digest()
    monkeypatch.setattr(gpu_stack, "sources_digest", lambda: "of another release")
    called = Called(gpu_stack_at_rest_kept=LACKING, gpu_stack_at_rest=SETTLED)
    assert looked(called, driver={"branch": 580}) is not None
    asked = {"asked": {"driver": {"branch": 580}}}
    assert called.calls == [(KEPT, {**asked, "sources": begun}), (LOOK, asked)]
    assert left({"changed": True}) == [(LOOK, {"asked": {}})]

    def gone() -> str:
        raise FileNotFoundError("of a release that is just replaced")

    monkeypatch.setattr(gpu_stack, "sources_digest", gone)
    assert left({"changed": True}) == [(LOOK, {"asked": {}})]


@pytest.mark.parametrize("error", [AnsibleError("no such module"), OSError("disk full")], ids=str)
def test_what_was_changed_is_done_whatever_becomes_of_the_look_after_it(error: Exception) -> None:
    def fails(**_given: Any) -> Any:
        raise error

    assert left({"changed": True}, execute=fails) == []


@pytest.mark.parametrize("asked", [{}, {"driver": None}, {"drivr": {}, "cuda": {}}], ids=str)
def test_what_is_wrong_is_not_looked_at(asked: dict[str, Any]) -> None:
    called = Called()
    assert looked(called, **asked) is None and not called.calls


PACKED = "ansible_collections/labfleet/gpu/plugins/module_utils"
MAKE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    f"from {PACKED.replace('/', '.')}._restore.program import program; "
    "sys.stdout.buffer.write(program())"
)


def program_of_a_node() -> bytes:
    """The program as a node makes it, from an archive as Ansible sends it."""
    utils = Path(str(program.__file__)).parents[1]
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "sent.zip"
        with zipfile.ZipFile(archive, "w") as sent:
            for path in sorted(utils.rglob("*.py")):
                sent.write(path, f"{PACKED}/{path.relative_to(utils)}")
            for folder_name in [PACKED.rsplit("/", depth)[0] for depth in range(5)]:
                if f"{folder_name}/__init__.py" not in sent.namelist():
                    sent.writestr(f"{folder_name}/__init__.py", "")
        command = [sys.executable, "-I", "-c", MAKE, str(archive)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
