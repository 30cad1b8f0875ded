# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a boot loads without being told: nouveau, nvidia and its companions, and what modules-load.d names."""

from __future__ import annotations

import os
from typing import Dict, List, Optional

from . import driver, initramfs, kernel, kmod, usage
from .kmod import Configuration
from .tree import SimulatorError, Tree, read

# Modules that udev's rules of the driver packages load by name after nvidia.ko, where they are installed.
COMPANIONS = ("nvidia-modeset", "nvidia-drm", "nvidia-uvm")
# The places of modules-load.d(5); a file in an earlier one hides those of its name in the later.
MODULES_LOAD = (
    "etc/modules-load.d",
    "run/modules-load.d",
    "usr/local/lib/modules-load.d",
    "usr/lib/modules-load.d",
)


class NotLoaded(SimulatorError):
    """The module was not loaded; a node without a driver is no fault of the simulator."""


def autoload(tree: Tree) -> str:
    """What happens at boot: the initramfs, what modules-load.d names, and udev's loading by alias.

    :returns: one sentence about the outcome
    """
    configuration = kmod.configuration(tree)
    early = initramfs.contents(tree)
    if initramfs.carries_nouveau(early):
        _try(tree, "nouveau", initramfs.configuration(tree, early))
    _try(tree, "nouveau", configuration)
    for name in _listed(tree):
        if name in kernel.SIMULATED:
            _try(tree, name, configuration)
    try:
        return load(tree)
    except NotLoaded as reason:
        return str(reason)


def _try(tree: Tree, name: str, configuration: Optional[Configuration], by_name: bool = False) -> None:
    """Load a module and what it needs, if it is there and nothing forbids it; the kernel log has the rest."""
    if configuration and configuration.forbids(name, by_name):
        return
    real = configuration.real_name(name) if configuration else name
    module = kmod.find(tree, real)
    if not module or kernel.is_loaded(tree, module.name):
        return
    for other in module.depends:
        if other in kernel.SIMULATED:
            _try(tree, other, configuration, by_name=True)
    try:
        kernel.insert(tree, module, _options(configuration, name, real))
    except kernel.KernelError:
        return


def _options(configuration: Optional[Configuration], name: str, real: str) -> Dict[str, str]:
    if not configuration:
        return {}
    return {
        **configuration.options.get(kmod.same(real), {}),
        **configuration.options.get(kmod.same(name), {}),
    }


def load(tree: Tree) -> str:
    """Load nvidia.ko as udev does, by alias, and then its companions.

    :returns: one sentence about what is now loaded
    :raises NotLoaded: why no module is loaded
    """
    if driver.loaded(tree):
        return "The NVIDIA kernel module {0} is already loaded.".format(driver.loaded(tree))
    configuration = kmod.configuration(tree)
    name = configuration.real_name("nvidia")
    for module_name in {"nvidia": None, name: None}:
        reason = configuration.forbids(module_name)
        if reason:
            raise NotLoaded("The NVIDIA kernel module is not loaded because of {0}.".format(reason))
    module = kmod.find(tree, name)
    if not module:
        raise NotLoaded(
            "No NVIDIA kernel module is installed for kernel {0}: install a driver package.".format(
                os.uname().release
            )
        )
    try:
        kernel.insert(tree, module, _options(configuration, "nvidia", name))
    except kernel.KernelError as refusal:
        raise NotLoaded(str(refusal)) from None
    for companion in COMPANIONS:
        _try(tree, companion, configuration, by_name=True)
    return "The NVIDIA kernel module {0} ({1}) is loaded with {2} of {3} GPU(s).".format(
        module.version, module.flavour, len(tree.bound_gpus()), len(tree.gpus())
    )


def load_one(tree: Tree, name: str) -> str:
    """Load a module by its name.

    :raises SimulatorError: why it is not loaded
    """
    if name == "nvidia":
        return load(tree)
    configuration = kmod.configuration(tree)
    reason = configuration.forbids(name)
    if reason:
        raise SimulatorError("{0} is not loaded because of {1}.".format(name, reason))
    module = kmod.find(tree, name)
    if not module:
        raise SimulatorError("There is no {0}.ko for kernel {1}.".format(name, os.uname().release))
    if not kernel.is_loaded(tree, name):
        kernel.insert(tree, module, _options(configuration, name, name))
    return "{0} is loaded.".format(name)


def unload(tree: Tree) -> str:
    """Unload nvidia.ko with its companions.

    :returns: one sentence about the outcome
    :raises SimulatorError: somebody uses a GPU
    """
    if not driver.loaded(tree):
        return "No NVIDIA kernel module is loaded."
    in_use = list(dict.fromkeys(user.words for user in usage.everyone(tree) if user.module != "ib_umad"))
    if in_use:
        raise SimulatorError(
            "The NVIDIA kernel module is in use by {0}: end that first, then unload again.".format(
                ", ".join(in_use)
            )
        )
    version = driver.loaded(tree)
    while kernel.is_loaded(tree, "nvidia"):
        name = "nvidia"
        while kernel.holders(tree, name):
            name = kernel.holders(tree, name)[0]
        kernel.delete(tree, name)
    return "The NVIDIA kernel module {0} is unloaded.".format(version)


def _listed(tree: Tree) -> List[str]:
    """The modules that modules-load.d names; systemd-modules-load does not run in containers."""
    texts: Dict[str, str] = {}
    for place in MODULES_LOAD:
        for path in sorted((tree.root / place).glob("*.conf")):
            texts.setdefault(path.name, read(path) or "")
    lines = [line.strip() for text in texts.values() for line in text.splitlines()]
    return [kmod.same(line) for line in lines if line and line[0] not in "#;"]
