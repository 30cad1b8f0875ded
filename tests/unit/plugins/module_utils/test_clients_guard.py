# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gives back what a run that is killed has stopped: there before the first stop, and what it does."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import List, Sequence, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _clients_away, _clients_guard
from ansible_collections.labfleet.gpu.plugins.module_utils._clients import DRM, STOPPED, Units
from ansible_collections.labfleet.gpu.plugins.module_utils._clients_guard import SCRIPT, Note, guard
from ansible_collections.labfleet.gpu.plugins.module_utils._command import CommandError, Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.tests.unit.support.deadline import bare
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

#: A program that notes how it was called, and fails for what is named in the file "broken" beside it.
PROGRAM = """#!/bin/sh
echo "${0##*/} $*" >> "${0%/*}/ran"
for last; do :; done
! grep -qx "$last" "${0%/*}/hanging" 2>/dev/null || exec tail -f /dev/null
! grep -qx "$last" "${0%/*}/broken" 2>/dev/null
"""

#: A run that holds the lock.
RUN = """
import fcntl, sys, time
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


class Systemd:
    """Stands where AnsibleModule runs commands."""

    def __init__(self, watched: bool = False, refuses: bool = False) -> None:
        self.watched, self.refuses = watched, refuses
        self.ran: List[Sequence[str]] = []
        #: Units that are no longer to be told as failed.
        self.forgotten: List[str] = []

    def run_command(self, argv: Sequence[str], **_options: object) -> Tuple[int, str, str]:
        argv = bare(argv)
        if argv[1] == "is-active":
            return (0 if self.watched else 3), "", ""
        if argv[1] == "show":
            return 0, "", ""
        if argv[1] == "reset-failed":
            self.forgotten.append(argv[-1])
            return 0, "", ""
        self.ran.append(argv)
        return (1, "", "Refused.") if self.refuses and argv[0] == "systemd-run" else (0, "", "")

    @property
    def programs(self) -> List[str]:
        return [" ".join(argv[:2]) if argv[0] == "systemctl" else argv[0] for argv in self.ran]


def context(tree: Tree, systemd: Systemd) -> Context:
    return Context(Commands(systemd), tree.files, [])


@pytest.fixture
def booted(tree: Tree) -> Tree:
    """A node with systemd."""
    tree.path("/run/systemd/system").mkdir(parents=True)
    return tree


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where systemctl and modprobe are; nobody waits. The driver on disk is 580.95.05."""
    for name in ("systemctl", "modprobe", "sleep"):
        (tmp_path / name).write_text(PROGRAM)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "modinfo").write_text("#!/bin/sh\necho 580.95.05\n")
    (tmp_path / "modinfo").chmod(0o755)
    monkeypatch.setenv("PATH", "%s:%s" % (tmp_path, os.environ["PATH"]))
    return tmp_path


def run_script(tmp_path: Path, text: str, *driver: str, left: bool = False) -> str:
    """What the unit says with a note of this content; it fails if something is ``left``.

    The limits are shorter, and the machine's own files in this directory.
    """
    note = tmp_path / "stopped"
    if text:
        note.write_text(text)
    script = SCRIPT.replace("timeout 120", "timeout 1").replace("seq 120", "seq 3")
    for place in ("/sys/module", "/var/lib/dpkg"):
        script = script.replace(place, str(tmp_path))
    argv = ["sh", "-c", script, "sh", str(note), DRM, str(tmp_path / "lock"), *driver]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, universal_newlines=True) as unit:
        said = unit.communicate(timeout=20)[0]
    assert unit.returncode == (1 if left else 0)
    if said:
        assert (tmp_path / "lock").read_text() == "%d\n" % unit.pid, "whoever waits is told who has the lock"
    return said


def ran(programs: Path) -> List[str]:
    path = programs / "ran"
    return [line for line in path.read_text().splitlines() if "sleep" not in line] if path.exists() else []


def test_it_is_there_before_a_service_stops(booted: Tree) -> None:
    systemd = Systemd()
    _clients_away.stop_services(context(booted, systemd), Units(("a.service",)))
    assert systemd.programs == ["systemd-run", "systemctl stop"]
    assert "--unit=labfleet-gpu-give-back-%d.service" % os.getpid() in systemd.ran[0]


def test_it_is_there_before_the_module_goes_and_once_for_a_run(booted: Tree) -> None:
    systemd = Systemd()
    _clients_away.unload_module(context(booted, systemd), Units((DRM,)))
    assert systemd.programs == ["systemd-run", "rmmod"]
    systemd = Systemd(watched=True)
    _clients_away.unload_module(context(booted, systemd), Units((DRM,)))
    assert systemd.programs == ["rmmod"]


def test_without_it_nothing_stops(booted: Tree) -> None:
    systemd = Systemd(refuses=True)
    with pytest.raises(CommandError, match="have systemd watch over this run"):
        _clients_away.stop_services(context(booted, systemd), Units(("b.service",)))
    assert systemd.programs == ["systemd-run"] and booted.files.text(STOPPED) is None
    booted.write(STOPPED, "a.service\n")
    with pytest.raises(CommandError):
        _clients_away.unload_module(context(booted, systemd), Units((DRM,)))
    assert systemd.programs[1:] == ["systemd-run", "systemctl start"], "what had stopped before is back"


def test_a_node_without_systemd_has_no_service_to_stop(tree: Tree) -> None:
    systemd = Systemd()
    guard(context(tree, systemd))
    assert systemd.ran == []


def test_what_a_run_left_starts_again_and_the_note_goes(programs: Path, tmp_path: Path) -> None:
    said = run_script(tmp_path, "nvidia_drm\na.service\nb.service\n")
    assert "starts again" in said
    assert ran(programs) == [
        "modprobe nvidia_drm",
        "systemctl start -- a.service",
        "systemctl start -- b.service",
    ]
    assert not list(tmp_path.glob("stopped*"))


@pytest.mark.parametrize("note", ["", "a.service 77\n"], ids=["none", "tried"])
def test_after_a_run_that_ended_well_there_is_nothing_to_do(
    programs: Path, tmp_path: Path, note: str
) -> None:
    assert run_script(tmp_path, note) == "" and ran(programs) == []
    assert [path.read_text() for path in tmp_path.glob("stopped*")] == ([note] if note else [])


def test_what_does_not_start_is_for_the_next_run(programs: Path, tmp_path: Path) -> None:
    (programs / "broken").write_text("a.service\n")
    said = run_script(tmp_path, "a.service\nb.service\nc.service 77\n", left=True)
    assert "a.service does not come back" in said and "b.service" not in said
    assert ran(programs) == ["systemctl start -- a.service", "systemctl start -- b.service"]
    (left,) = tmp_path.glob("stopped*")
    first, second = left.read_text().splitlines()
    assert first.split()[0] == "a.service" and first.split()[1].isdigit() and second == "c.service 77"


def test_a_service_that_hangs_does_not_keep_the_lock(programs: Path, tmp_path: Path) -> None:
    (programs / "hanging").write_text("a.service\n")
    run_script(tmp_path, "a.service\nb.service\n", left=True)
    assert ran(programs)[-1] == "systemctl start -- b.service"
    assert (tmp_path / "stopped").read_text().startswith("a.service ")


@pytest.mark.parametrize(
    "loaded, expected",
    [
        ("", ["modprobe nvidia"]),
        ("580.95.05", ["modprobe --quiet nvidia_uvm", "modprobe --quiet nvidia_modeset"]),
        ("570.195.03", []),
    ],
    ids=["unloaded", "loaded", "former"],
)
def test_the_driver_is_there_before_its_services(
    programs: Path, tmp_path: Path, loaded: str, expected: List[str]
) -> None:
    """Beside a driver that stays loaded no module of another version is."""
    if loaded:
        (tmp_path / "nvidia").mkdir()
        (tmp_path / "nvidia/version").write_text(loaded + "\n")
    (programs / "broken").write_text("nvidia\nb.service\n")
    run_script(tmp_path, "a.service\nb.service\n", "driver", left=True)
    assert ran(programs) == [*expected, "systemctl start -- a.service", "systemctl start -- b.service"]
    assert (tmp_path / "stopped").read_text() == "b.service\n", "as the driver's next run reads it"


@pytest.mark.parametrize("held, seconds", [(True, 4), (False, 1)])
def test_a_dpkg_that_goes_on_is_waited_for(programs: Path, tmp_path: Path, held: bool, seconds: int) -> None:
    with (tmp_path / "lock-frontend").open("w") as lock:
        if held:
            fcntl.lockf(lock, fcntl.LOCK_EX)
        run_script(tmp_path, "a.service\n", "driver")
    assert (programs / "ran").read_text().count("sleep 1") == seconds
    assert ran(programs)[-1] == "systemctl start -- a.service"


def test_a_failure_is_told_until_all_is_given_back(booted: Tree) -> None:
    """Nor is a unit of a process of the same number in the way of this one's."""
    systemd = Systemd()
    _clients_away.stop_services(context(booted, systemd), Units(("a.service",)))
    assert systemd.forgotten == ["labfleet-gpu-give-back-%d.service" % os.getpid()]
    assert "--collect" not in systemd.ran[0]
    _clients_away.give_back(context(booted, systemd))
    assert systemd.forgotten[1:] == ["labfleet-gpu-give-back-*.service"]


def test_it_waits_for_the_end_of_the_run(
    booted: Tree, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unit's own command, as systemd hands it on, beside a run that is killed."""
    lock, note = tmp_path / "lock", tmp_path / "stopped"
    monkeypatch.setattr(_clients_guard, "PATH", str(lock))
    systemd = Systemd()
    guard(context(booted, systemd), Note(str(note), "give-back-%d.service"))
    (argv,) = systemd.ran
    command = [word.replace("$$", "$") for word in argv[argv.index("flock") :]]
    run = subprocess.Popen([sys.executable, "-c", RUN, str(lock)], stdout=subprocess.PIPE)
    assert run.stdout and run.stdout.readline()
    note.write_text("a.service\n")
    unit = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):
        unit.wait(0.5)
    assert ran(programs) == []
    run.kill()
    assert unit.wait(20) == 0 and ran(programs) == ["systemctl start -- a.service"] and not note.exists()
    with lock.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    run.stdout.close()
    run.wait()
