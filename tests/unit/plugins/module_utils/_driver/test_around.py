# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is around the packages, read off a file tree and changed in one, by programs that take notes."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _command
from ansible_collections.labfleet.gpu.plugins.module_utils._command import CommandError, Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.apply_around import ACTIONS
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.observe_around import (
    around,
    modprobe_files,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    FABRIC_UNIT,
    INITRAMFS_DUE_PATH,
    LOADED_PATH,
    OPTIONS_PATH,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import LoadModule, Unit
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, RemoveFile, WriteFile
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

UNITS = (FABRIC_UNIT,)


def test_a_bare_tree_has_none_of_it(tree: Tree) -> None:
    assert around(tree.files, (), (), UNITS) == {
        "other_options": (),
        "options_since": 0.0,
        "module_loaded": 0.0,
        "has_initramfs": False,
        "initramfs_due": False,
        "companions": {},
        "idle_units": (),
    }


def test_files_of_modprobe_come_by_name_and_hide_each_other(tree: Tree) -> None:
    tree.write_all(
        {
            "/etc/modprobe.d/b.conf": "admin",
            "/usr/lib/modprobe.d/b.conf": "hidden",
            "/usr/lib/modprobe.d/a.conf": "vendor",
            "/etc/modprobe.d/notes.txt": "no file of modprobe",
        }
    )
    assert list(modprobe_files(tree.files)) == [
        ("/usr/lib/modprobe.d/a.conf", "vendor"),
        ("/etc/modprobe.d/b.conf", "admin"),
    ]


def test_options_of_others_are_told_with_their_place(tree: Tree) -> None:
    tree.write("/proc/cmdline", "quiet nvidia.NVreg_A=2 nvidia_drm.modeset=1 nvidia.flag\n")
    lines = (
        ("/etc/modprobe.d/x.conf", ("options", "nvidia", 'NVreg_B="x', 'y"', "NVreg_C=1")),
        ("/etc/modprobe.d/x.conf", ("blacklist", "nouveau")),
        (OPTIONS_PATH, ("options", "nvidia", "NVreg_D=1")),
    )
    assert around(tree.files, (), lines, ())["other_options"] == (
        ("/etc/modprobe.d/x.conf", "NVreg_B", "x y"),
        ("/etc/modprobe.d/x.conf", "NVreg_C", "1"),
        ("the kernel command line", "NVreg_A", "2"),
    )


def test_times_of_the_options_and_of_the_last_loading(tree: Tree) -> None:
    files = [tree.write(path, "x\n") for path in (OPTIONS_PATH, LOADED_PATH)]
    found = around(tree.files, (), (), ())
    assert (found["options_since"], found["module_loaded"]) == tuple(path.stat().st_ctime for path in files)


def test_companions_are_those_that_are_installed(tree: Tree) -> None:
    packages = (
        Package("nvlsm", "2025.06.11-1", "install", "installed"),
        Package("infiniband-diags", "50.0-2", "deinstall", "config-files"),
        Package("bash", "5.2", "install", "installed"),
    )
    assert around(tree.files, packages, (), ())["companions"] == {"nvlsm": "2025.06.11-1"}


@pytest.mark.parametrize("hierarchy", ["", "/unified", "/systemd"])
@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("group", ["", "/worker"])
def test_a_unit_without_a_process_is_idle(tree: Tree, hierarchy: str, running: bool, group: str) -> None:
    base = "/sys/fs/cgroup%s/system.slice/" % hierarchy
    tree.write(base + "ssh.service/cgroup.procs", "7\n")
    tree.write(base + FABRIC_UNIT + "/cgroup.procs", "")
    tree.write(base + FABRIC_UNIT + group + "/cgroup.procs", "4711\n" if running else "")
    assert around(tree.files, (), (), UNITS)["idle_units"] == (() if running else UNITS)
    assert around(tree.files, (), (), ())["idle_units"] == ()


@pytest.fixture
def context(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """Effects in the tree; the only programs that there are write down how they were called."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("update-initramfs", "modprobe", "systemctl"):
        path = programs / name
        path.write_text(
            '#!/bin/sh\necho "%s $*" >> %s/calls\n[ ! -e %s/broken ]\n' % (name, tmp_path, tmp_path)
        )
        path.chmod(0o755)
    monkeypatch.setitem(_command.ENVIRONMENT, "PATH", str(programs))
    with module() as ansible_module:
        yield Context(Commands(ansible_module), tree.files, [])


def calls(tmp_path: Path) -> List[str]:
    path = tmp_path / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_the_initramfs_is_due_from_the_change_until_it_is_made(context: Context, tmp_path: Path) -> None:
    files = context.files
    ACTIONS["write-modprobe"](context, WriteFile(OPTIONS_PATH, "options nvidia NVreg_A=1\n"))
    assert files.text(OPTIONS_PATH) == "options nvidia NVreg_A=1\n" and files.exists(INITRAMFS_DUE_PATH)
    (tmp_path / "broken").touch()
    with pytest.raises(CommandError, match="Failed to renew the initramfs"):
        ACTIONS["update-initramfs"](context, None)
    assert files.exists(INITRAMFS_DUE_PATH)
    (tmp_path / "broken").unlink()
    ACTIONS["update-initramfs"](context, None)
    assert not files.exists(INITRAMFS_DUE_PATH)
    ACTIONS["remove-modprobe"](context, RemoveFile(OPTIONS_PATH))
    assert not files.exists(OPTIONS_PATH) and files.exists(INITRAMFS_DUE_PATH)
    assert calls(tmp_path) == ["update-initramfs -u -k all"] * 2


def test_units_and_modules_by_their_own_programs(context: Context, tmp_path: Path) -> None:
    ACTIONS["enable-unit"](context, Unit(FABRIC_UNIT, False))
    ACTIONS["enable-unit"](context, Unit(FABRIC_UNIT, True))
    ACTIONS["load-module"](context, LoadModule("ib_umad"))
    assert calls(tmp_path) == [
        "systemctl enable --quiet %s" % FABRIC_UNIT,
        "systemctl enable --quiet --now %s" % FABRIC_UNIT,
        "modprobe ib_umad",
    ]
    (tmp_path / "broken").touch()
    with pytest.raises(CommandError, match="linux-modules-extra"):
        ACTIONS["load-module"](context, LoadModule("ib_umad"))
