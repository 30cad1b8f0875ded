# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop, unload, load, start: on a tree like the kernel's, small programs in the place of kmod and systemd."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Iterator, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _command
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._driver import apply_activate
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.activate import Start, Stop
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.apply import ACTIONS
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    LOADED_PATH,
    REFUSED_PATH,
    RESTORE_PATH,
    STOPPED_PATH,
    Module,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

NEW = Module("580.95.05", OPEN)

#: Like kmod's: a module that is in use stays, and only a module that is there is loaded.
PROGRAMS = {
    "rmmod": """
read -r count <"$ROOT/sys/module/$1/refcnt"
[ "$count" = 0 ] || { echo "rmmod: ERROR: Module $1 is in use" >&2; exit 1; }
rm -r "$ROOT/sys/module/$1"
for holders in "$ROOT"/sys/module/*/holders; do
    [ -e "$holders/$1" ] || continue
    rm "$holders/$1"
    read -r count <"$holders/../refcnt"
    echo $((count - 1)) >"$holders/../refcnt"
done
""",
    "modprobe": """
[ "$1" = --quiet ] && shift
[ -e "$ROOT/lib/modules/$1.ko" ] || { echo "modprobe: FATAL: Module $1 not found" >&2; exit 1; }
mkdir -p "$ROOT/sys/module/$1/holders"
echo 0 >"$ROOT/sys/module/$1/refcnt"
""",
    "lsmod": """
echo "Module                  Size  Used by"
cd "$ROOT/sys/module"
for name in *; do
    read -r count <"$name/refcnt"
    echo "$name 16384 $count $(ls "$name/holders" | paste -sd,)"
done
""",
    "systemctl": """
verb=$1; shift; [ "$1" = -- ] && shift
[ "$verb" = is-active ] && exit 3
[ "$verb" = is-enabled ] && { [ -e "$ROOT/enabled/$1" ] && echo enabled || echo disabled; exit 0; }
for unit in "$@"; do
    [ -e "$ROOT/broken/$verb-$unit" ] && { echo "Job for $unit failed." >&2; exit 1; }
done
exit 0
""",
    "systemd-run": """
! [ -e "$ROOT/broken/systemd-run" ] || { echo "Access denied" >&2; exit 1; }
""",
}


@pytest.fixture
def node(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """The old driver is loaded, uvm and modeset use it; each program writes down how it was called."""
    for name, body in PROGRAMS.items():
        head = '#!/bin/sh\nROOT=%s\necho "%s $*" >>"$ROOT/calls"\n' % (tree.root, name)
        tree.write("/bin/" + name, head + body).chmod(0o755)
    monkeypatch.setitem(_command.ENVIRONMENT, "PATH", "%s:/usr/bin:/bin" % tree.path("/bin"))
    monkeypatch.setattr(apply_activate, "SETTLE", 0.0)
    for name in ("nvidia", "nvidia_uvm", "nvidia_modeset"):
        tree.write("/lib/modules/%s.ko" % name)
        tree.write("/sys/module/%s/refcnt" % name, "2\n" if name == "nvidia" else "0\n")
        tree.path("/sys/module/%s/holders" % name).mkdir()
    for name in ("nvidia_uvm", "nvidia_modeset"):
        tree.write("/sys/module/nvidia/holders/" + name)
    return tree


@pytest.fixture
def context(node: Tree) -> Iterator[Context]:
    with module() as ansible_module:
        yield Context(Commands(ansible_module), node.files, [])


def calls(node: Tree) -> List[str]:
    return [call for call in (node.files.text("/calls") or "").splitlines() if not call.startswith("lsmod")]


def loaded(node: Tree) -> List[str]:
    return node.files.names("/sys/module")


def work(node: Tree, pid: int = 4711) -> None:
    """A process that has a GPU open."""
    node.write("/proc/%d/comm" % pid, "python3\n")
    node.path("/proc/%d/fd" % pid).mkdir()
    node.link("/proc/%d/fd/3" % pid, "/dev/nvidia0")


def test_all_is_well(context: Context, node: Tree) -> None:
    node.write("/enabled/nvidia-persistenced.service")
    node.write(RESTORE_PATH, json.dumps({"modules": ["nvidia_modeset", "nvidia"], "settings": {}}))
    units = ("trainer.service", "nvidia-persistenced.service")
    ACTIONS["stop-units"](context, Stop(units, NEW))
    assert node.files.text(STOPPED_PATH) == "nvidia-persistenced.service\ntrainer.service\n"
    ACTIONS["unload-modules"](context, NEW)
    assert loaded(node) == []
    ACTIONS["load-modules"](context, NEW)
    assert loaded(node) == ["nvidia", "nvidia_modeset", "nvidia_uvm"]
    ACTIONS["start-units"](context, Start(units))
    assert node.files.names("/run") == [LOADED_PATH.rpartition("/")[2]]
    assert context.warnings == []
    assert [call for call in calls(node) if "is-enabled" not in call] == [
        "systemctl stop -- nvidia-persistenced.service trainer.service",
        "rmmod nvidia_uvm",
        "rmmod nvidia_modeset",
        "rmmod nvidia",
        "modprobe nvidia",
        "modprobe --quiet nvidia_uvm",
        "modprobe nvidia_modeset",
        "systemctl start -- nvidia-persistenced.service",
        "systemctl start -- trainer.service",
    ]


def test_who_starts_services_after_a_kill_is_there_before_the_first_stops(
    context: Context, node: Tree
) -> None:
    node.path("/run/systemd/system").mkdir(parents=True)
    ACTIONS["stop-units"](context, Stop(("trainer.service",), NEW))
    said = node.files.text("/calls") or ""
    name = "labfleet-gpu-start-again-%d.service" % os.getpid()
    run, stop = (
        said.index("systemd-run --quiet --unit=" + name),
        said.index("systemctl stop -- trainer.service"),
    )
    assert run < stop and "sh %s nvidia_drm /run/labfleet-gpu.lock driver\n" % STOPPED_PATH in said[run:stop]
    ACTIONS["start-units"](context, Start(("trainer.service",)))
    assert calls(node)[-1] == "systemctl reset-failed -- labfleet-gpu-start-again-*.service"


def test_without_it_nothing_stops_and_the_driver_waits_for_the_reboot(context: Context, node: Tree) -> None:
    node.path("/run/systemd/system").mkdir(parents=True)
    node.write("/broken/systemd-run")
    ACTIONS["stop-units"](context, Stop(("trainer.service",), NEW))
    assert not node.files.exists(STOPPED_PATH) and "systemctl stop" not in (node.files.text("/calls") or "")
    assert "have systemd watch over this run" in (node.files.text(REFUSED_PATH) or "")
    ACTIONS["unload-modules"](context, NEW)
    assert "nvidia" in loaded(node)


def test_units_of_the_run_before_are_not_forgotten(context: Context, node: Tree) -> None:
    node.write(STOPPED_PATH, "early.service\n")
    ACTIONS["stop-units"](context, Stop(("late.service",), NEW))
    assert node.files.text(STOPPED_PATH) == "early.service\nlate.service\n"
    ACTIONS["start-units"](context, Start(("late.service",)))
    assert "systemctl start -- early.service" in calls(node)


def refusal(context: Context, node: Tree, *unloaded: str) -> str:
    """The rest of the way after a refusal: nothing is loaded, what was stopped is started; why it was.

    ``unloaded`` are the modules that are told to be missing until the reboot.
    """
    ACTIONS["unload-modules"](context, NEW)
    ACTIONS["load-modules"](context, NEW)
    ACTIONS["start-units"](context, Start(("trainer.service",)))
    assert not [call for call in calls(node) if call.startswith("modprobe")]
    assert calls(node)[-1] == "systemctl start -- trainer.service"
    assert node.files.text(STOPPED_PATH) is None
    marker = node.files.text(REFUSED_PATH) or ""
    first, why = marker.splitlines()
    assert first == "580.95.05 open"
    warning, *more = context.warnings
    assert [text.split()[3] for text in more] == list(unloaded)
    assert why in warning and "not activated without a reboot" in warning
    return why


def test_a_unit_that_does_not_stop(context: Context, node: Tree) -> None:
    node.write("/broken/stop-trainer.service")
    ACTIONS["stop-units"](context, Stop(("trainer.service",), NEW))
    assert "trainer.service cannot be stopped: Job for trainer.service failed." in refusal(context, node)
    assert "nvidia" in loaded(node)


def test_a_module_that_is_in_use_keeps_all_of_them(context: Context, node: Tree) -> None:
    """Nothing is unloaded for nothing: the old module would be left without its companions."""
    node.write("/sys/module/nvidia/refcnt", "3\n")
    work(node)
    before = loaded(node)
    assert "module nvidia is in use by 4711" in refusal(context, node)
    assert loaded(node) == before and not [call for call in calls(node) if call.startswith("rmmod")]


def test_a_module_that_the_kernel_holds_for_a_reason_of_its_own(context: Context, node: Tree) -> None:
    node.write("/sys/module/nvidia_uvm/refcnt", "1\n")
    assert "nvidia_uvm is in use, and no program is seen" in refusal(context, node)


def held_late(node: Tree, on_disk: str) -> None:
    """With the display module loaded the references below it are not foreseen."""
    node.write("/sys/module/nvidia_drm/refcnt", "0\n")
    node.path("/sys/module/nvidia_drm/holders").mkdir()
    node.write("/sys/module/nvidia/refcnt", "3\n")
    node.write("/lib/modules/nvidia_drm.ko")
    node.write("/lib/modules/%s/updates/dkms/nvidia.ko" % os.uname().release)
    node.write(
        "/proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\n",
    )
    fields = "version:        %s\nlicense:        Dual MIT/GPL\n" % on_disk
    node.write("/bin/modinfo", "#!/bin/sh\nprintf '%s'\n" % fields).chmod(0o755)


def test_what_rmmod_leaves_half_done_is_loaded_again(context: Context, node: Tree) -> None:
    held_late(node, on_disk="580.95.05")
    before = loaded(node)
    ACTIONS["unload-modules"](context, NEW)
    assert loaded(node) == before
    assert [call for call in calls(node) if call.startswith("modprobe")] == [
        "modprobe nvidia_modeset",
        "modprobe nvidia_drm",
        "modprobe nvidia_uvm",
    ]
    (warning,) = context.warnings
    assert "Module nvidia is in use" in warning
    ACTIONS["load-modules"](context, NEW)
    assert loaded(node) == before and not node.files.exists(LOADED_PATH)


def test_modules_of_another_version_are_not_loaded_beside_the_one_that_stays(
    context: Context, node: Tree
) -> None:
    held_late(node, on_disk="580.105.08")
    assert "Module nvidia is in use" in refusal(context, node, "nvidia_modeset", "nvidia_drm", "nvidia_uvm")
    assert loaded(node) == ["nvidia"]


def test_a_module_that_cannot_be_loaded_again_is_told(context: Context, node: Tree) -> None:
    held_late(node, on_disk="580.95.05")
    node.path("/lib/modules/nvidia_drm.ko").unlink()
    ACTIONS["unload-modules"](context, NEW)
    assert loaded(node) == ["nvidia", "nvidia_modeset", "nvidia_uvm"]
    assert "nvidia_drm stays unloaded until the reboot: modprobe: FATAL" in context.warnings[1]


def test_a_modprobe_that_is_told_to_load_nothing(context: Context, node: Tree) -> None:
    """As "install nvidia /bin/true" does: without the refusal each run would try again."""
    ACTIONS["unload-modules"](context, NEW)
    node.write("/bin/modprobe", "#!/bin/sh\nexit 0\n").chmod(0o755)
    ACTIONS["load-modules"](context, NEW)
    assert "modprobe loaded nothing" in (node.files.text(REFUSED_PATH) or "")
    assert not node.files.exists(LOADED_PATH)


def test_last_references_are_waited_for(
    context: Context, node: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.write("/sys/module/nvidia/refcnt", "3\n")
    monkeypatch.setattr(apply_activate, "SETTLE", 20.0)
    monkeypatch.setattr("time.sleep", lambda _seconds: node.write("/sys/module/nvidia/refcnt", "2\n"))
    ACTIONS["unload-modules"](context, NEW)
    assert loaded(node) == [] and context.warnings == []


def test_a_module_that_cannot_be_loaded(context: Context, node: Tree) -> None:
    ACTIONS["unload-modules"](context, NEW)
    Path(node.path("/lib/modules/nvidia.ko")).unlink()
    ACTIONS["load-modules"](context, NEW)
    assert loaded(node) == []
    assert (node.files.text(REFUSED_PATH) or "").endswith("modprobe: FATAL: Module nvidia not found\n")
    assert len(context.warnings) == 1


def test_a_companion_that_is_gone_is_a_warning(context: Context, node: Tree) -> None:
    node.write(RESTORE_PATH, json.dumps({"modules": ["nvidia_peermem", "nvidia"], "settings": {}}))
    ACTIONS["load-modules"](context, NEW)
    assert ["nvidia_peermem was not loaded again" in warning for warning in context.warnings] == [True]


def test_lsmod_in_all_its_forms() -> None:
    text = """Module                  Size  Used by
nvidia_uvm           1773568  2
nvidia_drm            135168  4
nvidia_modeset       1830912  3 nvidia_drm
nvidia             104165376  88 nvidia_uvm,nvidia_modeset
odd                    16384  -2 -
"""
    assert apply_activate.parse_lsmod(text) == {
        "nvidia_uvm": (2, 0),
        "nvidia_drm": (4, 0),
        "nvidia_modeset": (3, 1),
        "nvidia": (88, 2),
        "odd": (-2, 1),
    }
    assert apply_activate.parse_lsmod("") == {}


def test_a_refusal_of_another_driver_is_no_refusal(context: Context, node: Tree) -> None:
    node.write(REFUSED_PATH, "570.172.08 open\nin use\n")
    ACTIONS["unload-modules"](context, NEW)
    assert loaded(node) == []


def test_a_unit_that_does_not_start_is_a_warning_and_the_others_are_started(
    context: Context, node: Tree
) -> None:
    node.write("/broken/start-a.service")
    ACTIONS["start-units"](context, Start(("a.service", "b.service")))
    assert calls(node)[-1] == "systemctl start -- b.service"
    assert ["start a.service" in warning for warning in context.warnings] == [True]
    assert node.files.text(STOPPED_PATH) is None


def test_enabled_units_of_the_driver_start_and_others_do_not(context: Context, node: Tree) -> None:
    node.write("/enabled/nvidia-fabricmanager.service")
    ACTIONS["start-units"](context, Start(()))
    assert [call for call in calls(node) if " start " in call] == [
        "systemctl start -- nvidia-fabricmanager.service"
    ]


@pytest.mark.parametrize("note", ["", "{", "[]", '{"modules": 1}'])
def test_a_note_that_is_not_readable_is_passed_over(context: Context, node: Tree, note: str) -> None:
    node.write(RESTORE_PATH, note)
    ACTIONS["load-modules"](context, NEW)
    ACTIONS["start-units"](context, Start(()))
    assert context.warnings == [] and node.files.text(RESTORE_PATH) is None
