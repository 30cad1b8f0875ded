# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole tree in one call: what the controller packs, and what the module answers to it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError, AnsibleFileNotFound
from ansible.module_utils.testing import patch_module_args
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible_collections.labfleet.gpu.plugins.action.simulator_files import OPTIONS, ActionModule
from ansible_collections.labfleet.gpu.plugins.modules import simulator_files


class OverThisMachine(ActionModule):
    """The plugin with this machine for a node: the module runs in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], mode: dict[str, Any], **options: Any) -> None:
        task = Task()
        task.args = options
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
        super().__init__(task, connection, None, DataLoader(), None, None)
        self.capsys, self.mode, self.calls = capsys, mode, 0

    def _execute_module(self, *_words: Any, module_args: Any = None, **_more: Any) -> dict[str, Any]:
        self.calls += 1
        with patch_module_args({**module_args, **self.mode}), pytest.raises(SystemExit):
            simulator_files.main()
        return json.loads(self.capsys.readouterr().out)


class Caller:
    """Tasks for the node below ``top``; sources lie on the controller in ``role``."""

    def __init__(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.top, self.role, self.capsys = tmp_path / "node", tmp_path / "role", capsys
        self.top.mkdir()
        for name in ("library/a.py", "library/__pycache__/a.pyc", "library/below/b.py", "program", "key.pem"):
            (self.role / name).parent.mkdir(parents=True, exist_ok=True)
            (self.role / name).write_text(f"{name}\n", encoding="ascii")

    def call(self, mode: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        plugin = OverThisMachine(self.capsys, mode or {}, **options)
        answer = plugin.run(task_vars={})
        assert plugin.calls == 1
        return answer

    def wish(self) -> dict[str, Any]:
        return {
            "directories": {
                f"{self.top}/library": str(self.role / "library"),
                f"{self.top}/keys": [str(self.role / "key.pem")],
                f"{self.top}/none": [],
            },
            "programs": {f"{self.top}/program": str(self.role / "program")},
            "files": {f"{self.top}/unit": str(self.role / "program")},
            "texts": {f"{self.top}/list": "good\n"},
            "validate": {f"{self.top}/list": "grep -q good %s"},
        }

    def files(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.top)): oct(path.stat().st_mode & 0o777)
            for path in self.top.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def caller(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Caller:
    return Caller(tmp_path, capsys)


def test_one_call_brings_all_and_the_next_nothing(caller: Caller) -> None:
    answer = caller.call(**caller.wish())
    assert answer["changed"] and "diff" not in answer
    assert caller.files() == {
        **dict.fromkeys(("library/a.py", "library/below/b.py", "keys/key.pem", "unit", "list"), "0o644"),
        "program": "0o755",
    }
    assert (caller.top / "none").is_dir()
    assert answer["changes"][-1] == {"path": f"{caller.top}/list", "what": "create"}
    again = caller.call(**caller.wish())
    assert (again["changed"], again["changes"]) == (False, [])


def test_what_was_packed_is_not_shown(caller: Caller) -> None:
    """Below 2.21 every answer has the arguments, since then those that are asked for it."""
    arguments = caller.call({"_ansible_inject_invocation": True}, **caller.wish())["invocation"][
        "module_args"
    ]
    assert arguments["packed"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert arguments["texts"] == {f"{caller.top}/list": "good\n"}


def test_check_mode_says_what_the_run_then_does(caller: Caller) -> None:
    predicted = caller.call({"_ansible_check_mode": True, "_ansible_diff": True}, **caller.wish())
    assert list(caller.top.iterdir()) == []
    done = caller.call(**caller.wish())
    assert predicted["changes"] == done["changes"] and predicted["changed"] is done["changed"] is True
    assert {part["after_header"] for part in predicted["diff"]} == {row["path"] for row in done["changes"]}


def test_a_file_that_is_shipped_no_longer_is_removed(caller: Caller) -> None:
    caller.call(**caller.wish())
    (caller.role / "library/a.py").unlink()
    assert caller.call(**caller.wish())["changes"] == [
        {"path": f"{caller.top}/library/a.py", "what": "remove"}
    ]


def test_a_list_that_its_program_does_not_like_is_not_written(caller: Caller) -> None:
    caller.call(**caller.wish())
    wish = {**caller.wish(), "texts": {f"{caller.top}/list": "bad\n"}}
    for mode in ({}, {"_ansible_check_mode": True}):
        answer = caller.call(mode, **wish)
        assert answer["failed"] and not answer["changed"], mode
        assert answer["msg"].startswith(f"Failed to validate {caller.top}/list: 'grep -q good ")
    assert (caller.top / "list").read_text() == "good\n"


def test_what_was_done_before_a_failure_is_told(caller: Caller) -> None:
    answer = caller.call(**{**caller.wish(), "texts": {f"{caller.top}/list": "bad\n"}})
    assert answer["failed"] and answer["changed"]
    assert {"path": f"{caller.top}/program", "what": "create"} in answer["changes"]
    assert not (caller.top / "list").exists()


def test_a_program_that_is_replaced_first_is_not_asked_in_check_mode(caller: Caller) -> None:
    wish = {**caller.wish(), "validate": {f"{caller.top}/list": f"{caller.top}/program %s"}}
    (caller.role / "program").write_text("#!/bin/sh\nexec grep -q good $1\n", encoding="ascii")
    assert caller.call({"_ansible_check_mode": True}, **wish)["changed"]
    assert caller.call(**wish)["changed"]
    assert (caller.top / "list").exists()


def test_a_refusal_is_one_sentence(caller: Caller) -> None:
    (caller.top / "library").write_text("mine", encoding="ascii")
    answer = caller.call(**caller.wish())
    assert answer["failed"] and "library is no directory, but must be one" in answer["msg"]


@pytest.mark.parametrize(
    "options, complaint",
    [
        ({"files": {"etc/x": "program"}}, "'etc/x' is no plain absolute path"),
        ({"absent": ["/etc/../x"]}, "'/etc/../x' is no plain absolute path"),
        ({"directories": {"/etc/x/": []}}, "'/etc/x/' is no plain absolute path"),
        (
            {"directories": {"/etc/x": ["program", "library/../program"]}},
            "Two files would become /etc/x/program",
        ),
        ({"nosuch": {}}, "nosuch"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_the_node_is_asked(
    caller: Caller, options: dict[str, Any], complaint: str
) -> None:
    def placed(source: Any) -> Any:
        return [placed(item) for item in source] if isinstance(source, list) else f"{caller.role}/{source}"

    if "absent" not in options:
        options = {
            name: {path: placed(value) for path, value in rows.items()} for name, rows in options.items()
        }
    plugin = OverThisMachine(caller.capsys, {}, **options)
    with pytest.raises(AnsibleError, match=complaint):
        plugin.run(task_vars={})
    assert plugin.calls == 0


def test_a_source_that_is_not_there_is_named(caller: Caller) -> None:
    with pytest.raises(AnsibleFileNotFound, match="nosuch.py"):
        caller.call(files={"/etc/x": str(caller.role / "nosuch.py")})


def test_plugin_and_module_have_the_same_options() -> None:
    assert {**OPTIONS, "packed": simulator_files.ARGUMENTS["packed"]} == simulator_files.ARGUMENTS
