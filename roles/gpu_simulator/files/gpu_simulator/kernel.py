# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's side of loading and unloading: what init_module and delete_module would check and do.

A container may not load modules (CAP_SYS_MODULE), and none of these could run there. The modules named here
are loaded and unloaded by this program instead; the order of the checks is that of kernel/module/main.c.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Tuple

from . import driver, kmod, nouveau, screens, surfaces, trust, udev, usage
from .kmod import Module
from .parameters import BadValue
from .tree import SimulatorError, Tree, link, overwrite, read, remove, write


class KernelError(SimulatorError):
    """The kernel refuses; ``number`` is the errno that the system call returns."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


class Kind(NamedTuple):
    """What a module does beside its entry in /sys/module.

    :ivar probe: refuses with an OSError, or shows what the module shows
    :ivar gone: takes that away again
    """

    probe: Callable[[Tree, Module, Dict[str, str]], None]
    gone: Callable[[Tree], None]


def _nothing(_tree: Tree) -> None:
    pass


def _shows_nothing(_tree: Tree, _module: Module, _options: Dict[str, str]) -> None:
    pass


SIMULATED = {
    "nvidia": Kind(driver.attach, driver.power_off),
    "nvidia_modeset": Kind(driver.attach_companion, driver.hide_companion("nvidia_modeset")),
    "nvidia_drm": Kind(screens.attach, screens.detach),
    "nvidia_uvm": Kind(driver.attach_companion, driver.hide_companion("nvidia_uvm")),
    "nvidia_peermem": Kind(driver.attach_companion, driver.hide_companion("nvidia_peermem")),
    "nouveau": Kind(nouveau.attach, nouveau.detach),
    "ib_umad": Kind(_shows_nothing, _nothing),
}


#: Those that register a PCI driver.
PCI_DRIVERS = ("nvidia", "nouveau")


@contextlib.contextmanager
def _locked(tree: Tree) -> Iterator[None]:
    """One change of the modules at a time, as the kernel's module_mutex."""
    tree.state.mkdir(parents=True, exist_ok=True)
    with open(str(tree.state / "module.lock"), "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def entry(tree: Tree, name: str) -> Path:
    return tree.sys / "module" / name


def is_loaded(tree: Tree, name: str) -> bool:
    return (entry(tree, name) / "initstate").exists()


def loaded(tree: Tree) -> List[str]:
    """The simulated modules that are loaded."""
    return [name for name in SIMULATED if is_loaded(tree, name)]


def holders(tree: Tree, name: str) -> List[str]:
    """The loaded modules that use symbols of this one."""
    return sorted(path.name for path in (entry(tree, name) / "holders").glob("*"))


def refresh(tree: Tree, name: str) -> int:
    """Count who uses a module, show it in refcnt and return it."""
    count = len(holders(tree, name)) + len(usage.of_module(tree, name))
    write(entry(tree, name) / "refcnt", count, 0o444)
    return count


def _list(tree: Tree) -> None:
    """/proc/modules, for nodes whose kernel has that file."""
    lines = []
    for name in loaded(tree):
        size, count = (read(entry(tree, name) / what) for what in ("coresize", "refcnt"))
        users = "".join(user + "," for user in holders(tree, name)) or "-"
        lines.append("{0} {1} {2} {3} Live 0x0000000000000000".format(name, size, count, users))
    overwrite(tree.state / "proc/modules", "\n".join(lines))


def insert(tree: Tree, module: Module, options: Dict[str, str]) -> None:
    """Load a module file.

    :param options: parameters as given on modprobe's command line and in modprobe.d
    :raises KernelError: what the system call would answer
    """
    with _locked(tree):
        signed = _accept(tree, module)
        try:
            SIMULATED[module.name].probe(tree, module, options)
        except BadValue as bad:
            surfaces.log(tree, str(bad))
            raise _refusal(errno.EINVAL, module, str(bad)) from None
        except OSError as failure:
            raise _refusal(failure.errno or errno.EIO, module, failure.strerror or str(failure)) from None
        _show(tree, module, signed)
        _list(tree)
    if module.name in PCI_DRIVERS:
        udev.driver_added(tree, module.name)


def _refusal(number: int, module: Module, reason: str) -> KernelError:
    return KernelError(number, "The kernel module {0} is not loaded: {1}.".format(module.name, reason))


def _accept(tree: Tree, module: Module) -> bool:
    """Whether a trusted key signed the module; refuses what the kernel refuses before the module runs."""
    verdict = trust.check(tree, module.path)
    if verdict.problem:
        surfaces.log(tree, verdict.problem)
        raise _refusal(verdict.number, module, verdict.problem)
    configuration = kmod.configuration(tree)
    if module.name in configuration.refused_by_kernel:
        surfaces.log(tree, "Module {0} is blacklisted".format(module.name))
        raise _refusal(errno.EPERM, module, configuration.refused_by_kernel[module.name])
    if module.kernel and module.kernel != os.uname().release:
        text = "{0}: version magic '{1}' should be '{2}'".format(
            module.name, module.kernel, os.uname().release
        )
        surfaces.log(tree, text)
        raise _refusal(errno.ENOEXEC, module, text)
    if is_loaded(tree, module.name):
        raise _refusal(errno.EEXIST, module, "it is loaded already")
    for name in module.depends:
        if name in SIMULATED and not is_loaded(tree, name):
            text = "{0}: Unknown symbol of {1} (err -2)".format(module.name, name)
            surfaces.log(tree, text)
            raise _refusal(errno.ENOENT, module, text)
    if not verdict.trusted:
        surfaces.log(
            tree,
            "{0}: module verification failed: signature and/or required key missing - tainting kernel".format(
                module.name
            ),
        )
    return verdict.trusted


def _show(tree: Tree, module: Module, signed: bool) -> None:
    """/sys/module/<name>; initstate comes last and makes it loaded."""
    top = entry(tree, module.name)
    if module.version:
        write(top / "version", module.version, 0o444)
    write(top / "coresize", os.path.getsize(module.path), 0o444)
    flags = ("P" if module.license == "NVIDIA" else "") + ("" if _in_tree(module) else "O")
    write(top / "taint", flags + ("" if signed else "E"), 0o444)
    (top / "holders").mkdir(parents=True, exist_ok=True)
    for name in module.depends:
        if name in SIMULATED and is_loaded(tree, name):
            link(entry(tree, name) / "holders" / module.name, "../../" + module.name)
            _count(tree, name, 1)
    if module.name in PCI_DRIVERS:
        link(top / "drivers" / ("pci:" + module.name), "../../../bus/pci/drivers/" + module.name)
    write(top / "refcnt", 0, 0o444)
    write(top / "initstate", "live", 0o444)


def _count(tree: Tree, name: str, change: int) -> None:
    write(entry(tree, name) / "refcnt", int(read(entry(tree, name) / "refcnt") or "0") + change, 0o444)


def _in_tree(module: Module) -> bool:
    return not module.name.startswith("nvidia")


def delete(tree: Tree, name: str) -> None:
    """Unload a module.

    :raises KernelError: it is not loaded, or in use
    """
    with _locked(tree):
        if not is_loaded(tree, name):
            raise KernelError(errno.ENOENT, "The kernel module {0} is not loaded.".format(name))
        others = holders(tree, name)
        if others:
            raise KernelError(
                errno.EWOULDBLOCK,
                "The kernel module {0} is in use by {1}: unload those first.".format(name, ", ".join(others)),
            )
        words = [user.words for user in usage.of_module(tree, name)]
        if words:
            raise KernelError(
                errno.EWOULDBLOCK,
                "The kernel module {0} is in use by {1}: end that first, then unload again.".format(
                    name, ", ".join(dict.fromkeys(words))
                ),
            )
        SIMULATED[name].gone(tree)
        forget(tree, name)
        _list(tree)


def forget(tree: Tree, name: str) -> None:
    """Take a module out of /sys/module."""
    for other in needs(tree, name):
        remove(entry(tree, other) / "holders" / name)
        _count(tree, other, -1)
    remove(entry(tree, name))


def needs(tree: Tree, name: str) -> Tuple[str, ...]:
    """The loaded modules that this one uses."""
    return tuple(other for other in SIMULATED if (entry(tree, other) / "holders" / name).is_symlink())


def option_words(words: List[str]) -> Dict[str, str]:
    """``key=value`` words as a mapping; the last of a key counts, a bare key has no value."""
    pairs = (word.partition("=") for word in words)
    return {key: value for key, _equals, value in pairs}


def power_off(tree: Tree) -> None:
    """Forget every module without asking: the power is gone."""
    for name, kind in SIMULATED.items():
        kind.gone(tree)
        remove(entry(tree, name))
