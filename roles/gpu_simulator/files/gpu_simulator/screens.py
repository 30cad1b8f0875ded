# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia_drm: its parameters, the GPUs' files in /dev/dri, and the hold that it has on GPUs with modeset.

Sources: kernel-open/nvidia-drm of NVIDIA/open-gpu-kernel-modules, nvidia-drm-linux.c (parameters, their mode)
and nvidia-drm-os-interface.c of 550.40.07 to 595.45.04 (defaults: modeset from 595 on); github
NVIDIA/mig-parted#181 (with the module loaded a reset fails with "In use by another client"). Stricter than
hardware: there a GPU without a screen may be free all the same.
"""

from __future__ import annotations

from typing import Dict

from . import chassis, driver, pci, surfaces
from .kmod import Module
from .parameters import BadValue
from .tree import Tree, read, remove, write

NAME = "nvidia_drm"
MODESET_BRANCH = 595
#: Linux, Documentation/admin-guide/devices.txt: 226 is DRM's, render nodes begin at 128.
MAJOR, RENDER = 226, 128


def attach(tree: Tree, module: Module, options: Dict[str, str]) -> None:
    """Load: each GPU gets its files.

    :raises OSError: EINVAL: nvidia.ko is another version
    :raises BadValue: a parameter's value is none
    """
    modeset = int(module.version.split(".")[0]) >= MODESET_BRANCH
    values = {
        name: _flag(options, name, default) for name, default in (("modeset", modeset), ("fbdev", True))
    }
    driver.attach_companion(tree, module, options)
    for name, value in values.items():
        write(tree.sys / "module" / NAME / "parameters" / name, "Y" if value else "N", 0o400)
    parameters = surfaces.shown_parameters(tree)
    for number, slot in enumerate(tree.bound_gpus()):
        shown = pci.devices_directory(tree) / chassis.address(slot) / "drm"
        for name, minor in (("card", number), ("renderD", RENDER + number)):
            write(shown / "{0}{1}".format(name, minor) / "dev", "{0}:{1}".format(MAJOR, minor), 0o444)
            if parameters.get("ModifyDeviceFiles") != "0":
                surfaces.make(tree.dev / "dri/{0}{1}".format(name, minor), (MAJOR, minor), 0o660)


def detach(tree: Tree) -> None:
    for shown in pci.devices_directory(tree).glob("*/drm"):
        for path in shown.glob("*"):
            remove(tree.dev / "dri" / path.name)
        remove(shown)


def holds(tree: Tree) -> bool:
    """Whether the module keeps GPUs open itself; it keeps all of them."""
    return read(tree.sys / "module" / NAME / "parameters/modeset") == "Y"


def _flag(options: Dict[str, str], name: str, default: bool) -> bool:
    """The kernel's reading of a bool (kstrtobool); a parameter without a value is on."""
    if name not in options:
        return default
    value = options[name].lower()
    if not value or value[0] in "1yt" or value[:2] == "on":
        return True
    if value[0] in "0nf" or value[:2] == "of":
        return False
    # kernel/params.c, parse_args()
    raise BadValue("{0}: `{1}' invalid for parameter `{2}'".format(NAME, options[name], name))
