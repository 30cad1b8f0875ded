# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is in the way of a change of a GPU ends or stops, and services come back; what the controller sends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Iterator, List, Sequence, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _asked, _clients_away
from ansible_collections.labfleet.gpu.plugins.module_utils._asking import Binding
from ansible_collections.labfleet.gpu.plugins.module_utils._clients import DRM, STOPPED, Units, Work
from ansible_collections.labfleet.gpu.plugins.module_utils._clients_seen import stopped_services
from ansible_collections.labfleet.gpu.plugins.module_utils._command import CommandError, Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import Client
from ansible_collections.labfleet.gpu.tests.unit.support.deadline import bare
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
)


class Systemd:
    """Stands where AnsibleModule runs commands; commands with one of these words fail."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.ran: List[str] = []
        #: Units that systemd stops with any other.
        self.dependents = ""
        self.load_state = "loaded"

    def run_command(self, argv: Sequence[str], **_options: object) -> Tuple[int, str, str]:
        argv = bare(argv)
        if argv[1:3] == ["show", "--property=LoadState"]:
            return 0, "LoadState=%s\n" % self.load_state, ""
        if argv[1] == "show":
            return 0, "RequiredBy=%s\nBoundBy=\n" % self.dependents, ""
        if argv[1] == "is-active":
            return 0, "", ""
        self.ran.append(" ".join(argv))
        return (1, "", "Job failed.") if set(argv) & set(self.failing) else (0, "", "")


def context(files: Files, systemd: Systemd) -> Context:
    return Context(Commands(systemd), files, [])


def started(*argv: str) -> "subprocess.Popen[str]":
    """A process that says a line, or sleeps, and is reaped when it ends."""
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, universal_newlines=True)
    threading.Thread(target=process.wait, daemon=True).start()
    return process


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[str]"]:
    process = started("sleep", "60")
    yield process
    process.kill()


def client(process: "subprocess.Popen[str]") -> Client:
    command = Files().text("/proc/%d/comm" % process.pid) or ""
    return Client(process.pid, "root", command.strip())


def test_a_process_is_asked_to_end(sleeper: "subprocess.Popen[str]") -> None:
    _clients_away.end_work(context(Files(), Systemd()), Work((client(sleeper),)))
    assert sleeper.wait(5) == -15


def test_one_that_does_not_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_clients_away, "_PATIENCE", 0.3)
    process = started(sys.executable, "-c", STUBBORN)
    assert process.stdout and process.stdout.readline() == "1\n"
    _clients_away.end_work(context(Files(), Systemd()), Work((client(process),)))
    assert process.wait(5) == -9


def test_another_process_of_the_same_number_is_left_alone(sleeper: "subprocess.Popen[str]") -> None:
    _clients_away.end_work(context(Files(), Systemd()), Work((Client(sleeper.pid, "root", "python3"),)))
    assert sleeper.poll() is None


def test_services_stop_with_a_note_and_start_again(tree: Tree) -> None:
    systemd = Systemd()
    units = Units(("a.service", "b.service"))
    _clients_away.stop_services(context(tree.files, systemd), units)
    assert tree.files.text(STOPPED) == "a.service\nb.service\n"
    _clients_away.start_services(context(tree.files, systemd), units)
    assert tree.files.text(STOPPED) is None
    assert systemd.ran == [
        "systemctl stop -- a.service b.service",
        "systemctl start -- a.service",
        "systemctl start -- b.service",
    ]


def test_a_service_that_does_not_start_is_told_and_left_to_the_next_run(tree: Tree) -> None:
    where = context(tree.files, Systemd("a.service"))
    _clients_away.start_services(where, Units(("a.service", "b.service")))
    assert where.warnings == ["a.service does not start again: Job failed. The next run tries once more."]
    assert tree.files.text(STOPPED) == "a.service %d\n" % os.getpid()
    assert stopped_services(tree.files) == (), "this run is not asked to start it for ever"
    tree.write(STOPPED, "a.service 1\nc.service\n")
    assert stopped_services(tree.files) == ("a.service", "c.service")
    _clients_away.start_services(context(tree.files, Systemd()), Units(("a.service",)))
    assert tree.files.text(STOPPED) is None


def test_a_service_that_is_gone_is_not_tried_for_ever(tree: Tree) -> None:
    systemd = Systemd("a.service")
    systemd.load_state = "not-found"
    where = context(tree.files, systemd)
    _clients_away.start_services(where, Units(("a.service",)))
    assert where.warnings == ["a.service does not start again: Job failed."]
    assert tree.files.text(STOPPED) is None


def test_a_service_that_does_not_stop_is_told(tree: Tree) -> None:
    with pytest.raises(CommandError, match="Failed to stop a.service"):
        _clients_away.stop_services(context(tree.files, Systemd("a.service")), Units(("a.service",)))


def test_one_that_does_not_stop_leaves_none_stopped(tree: Tree) -> None:
    systemd = Systemd("stop")
    with pytest.raises(CommandError, match="Failed to stop a.service, b.service"):
        _clients_away.stop_services(context(tree.files, systemd), Units(("a.service", "b.service")))
    assert systemd.ran[1:] == ["systemctl start -- a.service", "systemctl start -- b.service"]
    assert tree.files.text(STOPPED) is None


def test_what_systemd_stops_with_a_service_starts_again_too(tree: Tree) -> None:
    systemd = Systemd()
    systemd.dependents = "exporter.service gpu.target"
    units = Units(("dcgm.service",))
    _clients_away.stop_services(context(tree.files, systemd), units)
    assert tree.files.text(STOPPED) == "dcgm.service\nexporter.service\n"
    _clients_away.start_services(context(tree.files, systemd), units)
    assert systemd.ran[1:] == ["systemctl start -- dcgm.service", "systemctl start -- exporter.service"]
    assert tree.files.text(STOPPED) is None


def test_nvidia_ml_py_is_put_where_it_belongs(tree: Tree) -> None:
    source = str(tree.write("/tmp/pynvml.py", "nothing = 1\n"))
    binding = Binding(source, "/opt/labfleet-gpu/python3.8/pynvml.py")
    _asked.bring_pynvml(context(tree.files, Systemd()), binding)
    assert tree.files.text(binding.path) == "nothing = 1\n"
    with pytest.raises(EffectError, match="cannot be read"):
        _asked.bring_pynvml(context(tree.files, Systemd()), Binding(source + "x", binding.path))


@pytest.mark.parametrize("stopped", ["", "a.service\n"])
def test_the_module_goes_with_a_note_and_is_back_before_services(tree: Tree, stopped: str) -> None:
    if stopped:
        tree.write(STOPPED, stopped)
    systemd = Systemd()
    where = context(tree.files, systemd)
    _clients_away.unload_module(where, Units((DRM,)))
    assert tree.files.text(STOPPED) == "nvidia_drm\n" + stopped
    assert stopped_services(tree.files) == ("nvidia_drm", *stopped.split()), (
        "the next run after a kill has it"
    )
    _clients_away.give_back(where)
    assert systemd.ran == [
        "rmmod nvidia_drm",
        "modprobe nvidia_drm",
        *("systemctl start -- %s" % name for name in stopped.split()),
    ]
    assert tree.files.text(STOPPED) is None and not where.warnings


def test_a_module_that_is_to_be_back_is_no_service_to_stop(tree: Tree) -> None:
    systemd = Systemd()
    _clients_away.stop_services(context(tree.files, systemd), Units((DRM, "a.service")))
    assert tree.files.text(STOPPED) == "nvidia_drm\na.service\n"
    assert systemd.ran == ["systemctl stop -- a.service"]


def test_a_module_in_use_is_told_and_stays(tree: Tree) -> None:
    tree.path("/sys/module/nvidia_drm").mkdir(parents=True)
    where = context(tree.files, Systemd("rmmod"))
    _clients_away.unload_module(where, Units((DRM,)))
    assert where.warnings == ["nvidia_drm stays loaded, which may be in the way of a reset: Job failed."]


@pytest.mark.parametrize("missing", [False, True])
def test_a_module_that_does_not_load_is_tried_again_while_it_is_installed(tree: Tree, missing: bool) -> None:
    where = context(tree.files, Systemd("modprobe", *(["modinfo"] if missing else [])))
    _clients_away.start_services(where, Units((DRM,)))
    assert where.warnings[0].startswith("nvidia_drm does not load again: Job failed.")
    assert tree.files.text(STOPPED) == (None if missing else "nvidia_drm %d\n" % os.getpid())
