# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands: a fixed environment, and one sentence when they fail."""

from __future__ import annotations

from typing import Iterator

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import CommandError, Commands, Completed
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module


@pytest.fixture
def commands() -> Iterator[Commands]:
    with module() as ansible_module:
        yield Commands(ansible_module)


def test_locale_and_questions_are_settled(commands: Commands) -> None:
    done = commands.run(
        ["sh", "-c", "echo $LC_ALL $DEBIAN_FRONTEND $NEEDRESTART_SUSPEND $MINE"], {"MINE": "x"}
    )
    assert (done.rc, done.out) == (0, "C.UTF-8 noninteractive 1 x\n")


def test_arguments_are_not_read_by_a_shell(commands: Commands) -> None:
    assert commands.run(["printf", "%s", "$HOME; a b"]).out == "$HOME; a b"


def test_a_failure_says_what_was_attempted_and_what_was_said(commands: Commands) -> None:
    with pytest.raises(CommandError) as failed:
        commands.attempt("see the light", ["sh", "-c", "echo out; echo dark >&2; exit 3"])
    message = str(failed.value)
    assert message.startswith("Failed to see the light: 'sh -c ")
    assert message.endswith("ended with 3. It said: out\ndark")


def test_a_program_that_is_not_there(commands: Commands) -> None:
    done = commands.try_run(["/nowhere/modinfo", "x"])
    assert (done.rc, done.out) == (127, "")
    assert "/nowhere/modinfo: No such file or directory" in done.err
    with pytest.raises(CommandError):
        commands.attempt("read the module", ["/nowhere/modinfo"])


def test_the_last_lines() -> None:
    done = Completed(("x",), 1, "1\n2\n3\n", "4\n\n")
    assert done.tail(2) == "3\n4"
    assert Completed(("x",), 1, "", " \n").tail() == ""
