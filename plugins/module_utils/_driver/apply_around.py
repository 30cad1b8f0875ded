# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects around the packages: files of modprobe, initramfs, units, kernel modules beside the driver."""

from __future__ import annotations

from typing import Any, Mapping

from .._effects import Action, Context, RemoveFile, WriteFile, remove_file, write_file
from .state import INITRAMFS_DUE_PATH
from .target import LoadModule, Unit

_DUE = "A file in /etc/modprobe.d changed and no initramfs was made since (labfleet.gpu).\n"


def write_modprobe(context: Context, data: WriteFile) -> None:
    """Write a file of modprobe, having noted first that the initramfs must be renewed for it."""
    write_file(context, WriteFile(INITRAMFS_DUE_PATH, _DUE))
    write_file(context, data)


def remove_modprobe(context: Context, data: RemoveFile) -> None:
    """Remove a file of modprobe, having noted first that the initramfs must be renewed for it."""
    write_file(context, WriteFile(INITRAMFS_DUE_PATH, _DUE))
    remove_file(context, data)


def update_initramfs(context: Context, _data: Any) -> None:
    """Make the initramfs of every kernel anew; then the note is settled."""
    context.commands.attempt("renew the initramfs", ["update-initramfs", "-u", "-k", "all"])
    remove_file(context, RemoveFile(INITRAMFS_DUE_PATH))


def enable_unit(context: Context, data: Unit) -> None:
    """Have a unit start at boot, and now if its driver is loaded already."""
    argv = ["systemctl", "enable", "--quiet", *(["--now"] if data.start else []), data.name]
    context.commands.attempt("%s %s" % ("start" if data.start else "enable", data.name), argv)


def load_module(context: Context, data: LoadModule) -> None:
    """Load a kernel module by modprobe, as it would be at boot."""
    what = "load the kernel module %s (Ubuntu keeps it in linux-modules-extra-<kernel>)" % data.name
    context.commands.attempt(what, ["modprobe", data.name])


ACTIONS: Mapping[str, Action] = {
    "write-modprobe": write_modprobe,
    "remove-modprobe": remove_modprobe,
    "update-initramfs": update_initramfs,
    "enable-unit": enable_unit,
    "load-module": load_module,
}
