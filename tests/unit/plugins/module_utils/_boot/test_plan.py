# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is restored at boot: how a wish begins to be, follows, and ends to be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.plan import Chosen, Persist, with_boot
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.state import (
    Entries,
    Stored,
    digest,
    entries_of,
    observe,
    text_of,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.unit import (
    ENABLED_PATH,
    PROGRAM_PATH,
    RULE,
    RULE_PATH,
    STORES,
    UNIT_PATH,
    unit_text,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import (
    Context,
    RemoveFile,
    WriteFile,
    remove_file,
    write_bytes,
    write_file,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Blocker, Plan, Step

PROGRAM, PYTHON = b"the program", "/usr/bin/python3"
YES, NO, AS_IT_IS = Persist(True, digest(PROGRAM), PYTHON, PROGRAM), Persist(False), Persist()
A, B, GONE = "GPU-a", "GPU-b", "GPU-gone"
ONE, TWO = {"power_limit": 300}, {"power_limit": 250, "ecc": False}
READY = Stored("settings", None, unit_text(PYTHON), RULE, digest(PROGRAM), True)
WORK = Plan(steps=(Step("settings", "set-gpu", "set", "it is not so"),), promise={"gpus": {}})


def stored(entries: Optional[Entries] = None, **more: Any) -> Stored:
    return replace(READY, store=None if entries is None else text_of(entries), **more)


def actions(plan: Plan) -> List[str]:
    return [step.action for step in plan.steps if step.phase == "boot"]


def told(plan: Plan) -> Dict[str, Any]:
    found: Dict[str, Any] = plan.foretold()["boot"]
    return found


def test_a_first_wish_brings_all_parts_after_the_change_itself() -> None:
    plan = with_boot(WORK, Stored("settings"), YES, Chosen({A: ONE}, True))
    assert [step.phase for step in plan.steps] == ["settings"] + ["boot"] * 5
    assert actions(plan) == ["write-file", "write-program", "write-file", "write-file", "enable-restore"]
    assert told(plan) == {"unit": True, "gpus": {A: ONE}} and plan.promised()["gpus"] == {}
    assert "python3 -I /opt/labfleet-gpu/restore.pyz\n" in plan.steps[3].data.content


def test_what_is_as_it_should_be_is_left() -> None:
    plan = with_boot(Plan(promise={}), stored({A: ONE}), YES, Chosen({A: ONE}, True))
    assert plan.steps == () and told(plan) == {"unit": True, "gpus": {A: ONE}}
    # Where only a look is taken, of the program there is its digest alone.
    light = replace(YES, program=b"")
    assert with_boot(Plan(promise={}), stored({A: ONE}), light, Chosen({A: ONE}, True)) == plan


@pytest.mark.parametrize(
    "part, value, expected",
    [
        ("program", digest(b"older"), ["write-program"]),
        ("program", None, ["write-program"]),
        ("unit", "changed by hand", ["write-file", "enable-restore"]),
        ("rule", None, ["write-file", "enable-restore"]),
        ("enabled", False, ["enable-restore"]),
    ],
)
def test_a_part_that_is_missing_or_another_comes_again(part: str, value: Any, expected: List[str]) -> None:
    plan = with_boot(Plan(), stored({A: ONE}, **{part: value}), YES, Chosen({A: ONE}, True))
    assert actions(plan) == expected


@pytest.mark.parametrize(
    "persist, chosen, after",
    [
        # Others' entries stay, settings that are not named stay.
        (YES, Chosen({A: TWO}, False), {A: TWO, B: ONE, GONE: ONE}),
        (YES, Chosen({A: {"ecc": False}}, False), {A: {**ONE, "ecc": False}, B: ONE, GONE: ONE}),
        # A wish for all GPUs forgets those that are gone.
        (YES, Chosen({A: ONE, B: TWO}, True), {A: ONE, B: TWO}),
        # Without the option what is there follows, and nothing begins.
        (AS_IT_IS, Chosen({A: TWO}, False), {A: TWO, B: ONE, GONE: ONE}),
        (AS_IT_IS, Chosen({A: ONE, B: ONE}, True), {A: ONE, B: ONE, GONE: ONE}),
        (AS_IT_IS, Chosen({"GPU-new": TWO}, True), {A: ONE, B: ONE, GONE: ONE}),
        (
            AS_IT_IS,
            Chosen({A: {"mig": False, "power_limit": None}}, False),
            {A: {"mig": False}, B: ONE, GONE: ONE},
        ),
        # It ends for those that are named.
        (NO, Chosen({A: TWO}, False), {B: ONE, GONE: ONE}),
    ],
)
def test_what_is_stored_then(persist: Persist, chosen: Chosen, after: Entries) -> None:
    before = {A: ONE, B: ONE, GONE: ONE}
    plan = with_boot(Plan(promise={}), stored(before), persist, chosen)
    assert told(plan)["gpus"] == after
    written = [entries_of(step.data.content) for step in plan.steps if isinstance(step.data, WriteFile)]
    assert written == ([] if after == before else [after])


def test_it_ends_and_leaves_nothing() -> None:
    everyone = Chosen({A: ONE}, True)
    plan = with_boot(Plan(promise={}), stored({A: ONE, GONE: TWO}), NO, everyone)
    removed = {step.data.path for step in plan.steps if isinstance(step.data, RemoveFile)}
    assert removed == {STORES["settings"], UNIT_PATH, RULE_PATH, PROGRAM_PATH}
    assert actions(plan)[1] == "disable-restore" and actions(plan)[-1] == "forget-restore"
    assert told(plan) == {"unit": False, "gpus": {}}
    shared = with_boot(Plan(promise={}), stored({A: ONE}, shared=True), NO, everyone)
    assert actions(shared) == ["remove-file"] and told(shared) == {"unit": False, "gpus": {}}
    assert with_boot(Plan(), Stored("mig"), NO, everyone).steps == ()


def test_what_cannot_be_read_is_written_anew_only_for_all_gpus() -> None:
    broken = replace(READY, store="{")
    assert with_boot(WORK, broken, AS_IT_IS, Chosen({A: ONE}, True)) == WORK
    for persist in (YES, NO):
        refused = with_boot(WORK, broken, persist, Chosen({A: ONE}, False))
        assert STORES["settings"] in str(refused.blockers[0])
    assert told(with_boot(WORK, broken, YES, Chosen({A: ONE}, True)))["gpus"] == {A: ONE}


def test_a_warning_of_what_a_reboot_takes_goes_where_it_is_restored() -> None:
    warned = Plan(warnings=("lost at reboot", "forgotten"), passing=("lost at reboot",), promise={})
    chosen = Chosen({A: ONE, B: ONE}, True)
    for persist, before, left in (
        (YES, {}, ("forgotten",)),
        (AS_IT_IS, {A: ONE, B: ONE}, ("forgotten",)),
        (AS_IT_IS, {A: ONE}, warned.warnings),
        (NO, {A: ONE, B: ONE}, warned.warnings),
    ):
        assert with_boot(warned, stored(before), persist, chosen).warnings == left


def test_what_is_refused_is_not_stored() -> None:
    refused = Plan(blockers=(Blocker("no", "GPU 0", "do not"),))
    assert with_boot(refused, Stored("mig"), YES, Chosen({A: ONE}, True)) is refused


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"gpus": {}}', '{"gpus": [1]}', '{"gpus": [{}]}'])
def test_a_store_that_cannot_be_understood(text: str) -> None:
    if text == '{"gpus": {}}':
        assert entries_of(text) == {}
        return
    with pytest.raises(ValueError):
        entries_of(text)


def test_what_the_steps_write_is_what_is_observed(tmp_path: Path) -> None:
    files = Files(str(tmp_path))
    context = Context(Commands(None), files, [])
    assert observe(files, "mig") == Stored("mig")
    plan = with_boot(Plan(), observe(files, "mig"), YES, Chosen({A: {"mig": True}}, True))
    for step in plan.steps:
        if step.action == "write-file":
            write_file(context, step.data)
        elif step.action == "write-program":
            write_bytes(context, step.data.path, step.data.content)
    link = tmp_path / ENABLED_PATH.lstrip("/")
    link.parent.mkdir()
    link.symlink_to(UNIT_PATH)
    seen = observe(files, "mig")
    assert seen.works and seen.entries == {A: {"mig": True}} and not seen.shared
    assert observe(files, "settings").shared
    assert json.loads(seen.store or "")["gpus"][0]["gpu"] == A
    again = with_boot(Plan(), seen, YES, Chosen({A: {"mig": True}}, True))
    assert again.steps == ()
    removal = with_boot(Plan(), seen, NO, Chosen({A: {"mig": True}}, True))
    for step in removal.steps:
        if step.action == "remove-file":
            remove_file(context, step.data)
    link.unlink()
    assert observe(files, "mig") == Stored("mig")
