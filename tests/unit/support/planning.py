# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives the planner to its end, and a node to what a plan does to it: all of it plain data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Set, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    COMPANIONS,
    FORMER_PATH,
    RESTORE_PATH,
    DriverState,
    Module,
    find_installed,
    is_driver_package,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, Step
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import AskTransaction, Transaction
from ansible_collections.labfleet.gpu.plugins.module_utils._sources import parse_deb822
from ansible_collections.labfleet.gpu.tests.unit.support.archive import Archive


def settled(state: DriverState, wish: DriverWish, archive: Archive) -> Tuple[Plan, List[Any]]:
    """The plan when all its questions are answered from the archive, and what it asked."""
    archive.installed = tuple(state.packages)
    answers: Dict[Any, Any] = {}
    while True:
        found = plan(state, wish, answers)
        if not found.questions:
            return found, list(answers)
        for question in found.questions:
            assert question not in answers, "asked twice: %r" % (question,)
            answers[question] = archive.answer(question)


def actions(found: Plan) -> List[str]:
    return [step.action for step in found.steps]


def installing(found: Plan) -> List[str]:
    """The actions of a plan up to its activation."""
    return [step.action for step in found.steps if step.phase != "activate"]


def refusal(found: Plan) -> str:
    """The only blocker, in words."""
    (blocker,) = found.blockers
    assert found.steps == ()
    return str(blocker)


def carried_out(state: DriverState, found: Plan, archive: Archive) -> DriverState:
    """The node after the plan's steps: packages as the archive's apt, modules as DKMS leaves them."""
    for step in found.steps:
        state = _AFTER[step.action](state, step, archive)
    return state


def rebooted(state: DriverState) -> DriverState:
    """The running kernel has loaded the module that is on its disk."""
    gpus = tuple(replace(device, driver="nvidia" if device.is_gpu else None) for device in state.host.pci)
    return replace(state, loaded=state.on_disk.get(state.host.kernel), host=replace(state.host, pci=gpus))


def _file(state: DriverState, step: Step, _archive: Archive) -> DriverState:
    path = step.data.path
    content = getattr(step.data, "content", None)
    sources = tuple(source for source in state.sources if source.path != path)
    if content and "/sources.list.d/" in path:
        sources += tuple(parse_deb822(content, path))
    if path == RESTORE_PATH:
        return replace(state, restore_note=content)
    return replace(state, own_files=dict(state.own_files, **{path: content}), sources=sources)


def _nothing(state: DriverState, _step: Step, _archive: Archive) -> DriverState:
    return state


def _install(state: DriverState, step: Step, archive: Archive) -> DriverState:
    archive.installed = tuple(state.packages)
    held = tuple(package.name for package in state.packages if package.held) if step.data.allow_held else ()
    done = archive.transaction(
        AskTransaction((), step.data.targets, step.data.downgrade, held, step.data.reinstall)
    )
    assert isinstance(done, Transaction), done
    packages = {package.name: package for package in state.packages}
    for change in done.removals:
        packages[change.name] = replace(packages[change.name], want="deinstall", status="config-files")
    headers: Set[str] = set(state.headers)
    companions = dict(state.companions)
    for change in done.installs:
        if is_driver_package(change.name):
            want = "hold" if change.name in step.data.held else "install"
            packages[change.name] = Package(change.name, change.new, want, "installed")
        elif change.name.startswith("linux-headers-"):
            headers.add(change.name[len("linux-headers-") :])
        elif change.name in COMPANIONS:
            companions[change.name] = change.new
    unpacked = {change.name for change in done.installs}
    lost = {name: paths for name, paths in state.lost.items() if name not in unpacked}
    unmet = {name: by for name, by in state.unmet.items() if name not in unpacked}
    state = replace(state, companions=companions, lost=lost, unmet=unmet)
    return _built(
        replace(state, packages=tuple(packages.values()), headers=tuple(sorted(headers))), state.host.kernel
    )


def _purge(state: DriverState, step: Step, _archive: Archive) -> DriverState:
    packages = tuple(package for package in state.packages if package.name not in step.data.names)
    return replace(
        state,
        packages=packages,
        installed=find_installed(packages),
        library=None,
        on_disk=dict.fromkeys(state.on_disk),
        modules_changed=state.booted + 1,
    )


def _built(state: DriverState, kernel: str) -> DriverState:
    """What is installed, the library it brings, and its module for one kernel that has headers."""
    installed = find_installed(state.packages)
    on_disk = dict(state.on_disk)
    if installed and kernel in state.headers:
        on_disk[kernel] = Module(installed.version, installed.flavour)
    return replace(
        state, installed=installed, on_disk=on_disk, library=installed.version if installed else None
    )


def _build(state: DriverState, step: Step, _archive: Archive) -> DriverState:
    return _built(state, step.data.kernel)


def _enable(state: DriverState, step: Step, _archive: Archive) -> DriverState:
    enabled = dict.fromkeys((*state.enabled_units, step.data.name))
    idle = set(state.idle_units) - ({step.data.name} if step.data.start else set())
    return replace(state, enabled_units=tuple(enabled), idle_units=tuple(sorted(idle)))


def _modprobe(state: DriverState, step: Step, archive: Archive) -> DriverState:
    return replace(_file(state, step, archive), initramfs_due=True)


def _initramfs(state: DriverState, _step: Step, _archive: Archive) -> DriverState:
    return replace(state, initramfs_due=False)


def _load_beside(state: DriverState, step: Step, _archive: Archive) -> DriverState:
    return replace(state, modules_loaded=(*state.modules_loaded, step.data.name))


def _select(want: str) -> Any:
    def after(state: DriverState, step: Step, _archive: Archive) -> DriverState:
        packages = tuple(
            replace(package, want=want) if package.name in step.data.names else package
            for package in state.packages
        )
        return replace(state, packages=packages)

    return after


def _finish(state: DriverState, _step: Step, _archive: Archive) -> DriverState:
    packages = tuple(
        package if package.status == "config-files" else replace(package, status="installed")
        for package in state.packages
    )
    return _built(replace(state, packages=packages, unsettled=()), state.host.kernel)


def _stop(state: DriverState, step: Step, _archive: Archive) -> DriverState:
    return replace(state, stopped_units=step.data.units)


def _unload(state: DriverState, _step: Step, _archive: Archive) -> DriverState:
    return replace(state, loaded=None)


def _load(state: DriverState, _step: Step, _archive: Archive) -> DriverState:
    """The kernel loads what is on its disk; a refusal is made by hand where a test needs one."""
    return rebooted(state)


def _start(state: DriverState, _step: Step, _archive: Archive) -> DriverState:
    return replace(state, stopped_units=(), restore_note=None)


def _keep(state: DriverState, step: Step, _archive: Archive) -> DriverState:
    files = ["%s_amd64.deb" % package.replace("=", "_") for package in step.data.packages]
    kept = {version: paths for version, paths in state.kept.items() if version == step.data.spare}
    kept[step.data.version] = tuple("%s/%s/%s" % (FORMER_PATH, step.data.version, name) for name in files)
    return replace(state, kept=kept)


def _forget(state: DriverState, _step: Step, _archive: Archive) -> DriverState:
    return replace(state, kept={})


def _uninstall(state: DriverState, _step: Step, _archive: Archive) -> DriverState:
    """The module stays loaded: something has it in use."""
    if state.installed:
        return replace(state, runfile=None)
    gone = dict.fromkeys(state.on_disk)
    return replace(state, runfile=None, library=None, on_disk=gone, modules_changed=state.booted + 1)


_AFTER: Dict[str, Any] = {
    "uninstall-runfile": _uninstall,
    "stop-units": _stop,
    "unload-modules": _unload,
    "load-modules": _load,
    "start-units": _start,
    "keep-former": _keep,
    "forget-former": _forget,
    "write-file": _file,
    "remove-file": _file,
    "write-modprobe": _modprobe,
    "remove-modprobe": _modprobe,
    "update-initramfs": _initramfs,
    "load-module": _load_beside,
    "refresh-index": _nothing,
    "install": _install,
    "purge": _purge,
    "build-modules": _build,
    "enable-unit": _enable,
    "hold": _select("hold"),
    "unhold": _select("install"),
    "finish-dpkg": _finish,
}
