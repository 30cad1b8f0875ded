# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What apt makes of the chosen packages, what speaks against it, and the steps if nothing does."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from .._catalog.drivers import branch_of, older, upstream
from .._dataclass import dataclass
from .._lost_told import not_to_be_had
from .._origin import Origin
from .._plan import Blocker, Plan, Step
from .._questions import (
    AskClients,
    AskSpace,
    AskTransaction,
    Change,
    Clients,
    ConfigFile,
    Index,
    Transaction,
    Trouble,
)
from .._room import space_blockers
from .._step_data import Install, Names
from . import former, kernels, mend, pins, satisfied, surround
from .state import FORMER_PATH, PIN_PATH, DriverState, is_driver_package
from .target import Target
from .wish import DriverWish

#: Bytes that DKMS needs to build the modules, beyond what the packages take (a build tree of R580: 0.4 GiB).
BUILD_SPACE = 512 * 1024 * 1024
#: apt's choice is made explicit until it keeps the set at one version; more rounds than that needs.
_ROUNDS = 6


@dataclass(frozen=True)
class Choice:
    """Why something changes, where from, what there is, which version, and the apt targets for it."""

    missing: Sequence[str]
    place: Origin
    index: Index
    version: str
    targets: Tuple[str, ...]
    #: Nothing moves: packages of this version whose files are gone are unpacked again.
    again: bool = False


def plan(state: DriverState, target: Target, choice: Choice, answers: Mapping[Any, Any]) -> Plan:
    """The steps for this choice, or a question to apt, or why not."""
    held = tuple(sorted(package.name for package in state.packages if package.installed and package.held))
    agreed = _agree(state, target, choice, held, answers)
    if not isinstance(agreed, Plan) and _brings_a_kernel(agreed[1]):
        # The modules of a newer kernel flavour depend on that kernel: a new one is not ours to bring.
        choice = replace(choice, targets=tuple(each for each in choice.targets if not _FLAVOUR.match(each)))
        agreed = _agree(state, target, choice, held, answers)
    if isinstance(agreed, Plan):
        return agreed
    install, transaction = agreed
    if not transaction.installs and not transaction.removals:
        return satisfied.kept(state, target, answers)
    keeping = former.plan(state, target, choice.version, choice.place.files, answers)
    blockers, questions = _obstacles(state, target, choice.version, transaction, keeping, answers)
    if blockers or questions:
        return Plan(blockers=blockers, questions=questions)
    promise = _promise(target, choice.version, transaction, state)
    found = Plan(
        steps=_steps(state, target, choice, install, transaction, keeping.steps),
        promise=promise,
        reboot_reasons=surround.reboot_reasons(state, target, choice.version),
        warnings=(*choice.index.warnings, *keeping.warnings, *surround.warnings(state, target)),
    )
    built = promise.get("module_on_disk") == choice.version
    return surround.activated(found, state, target, choice.version, built, answers)


_FLAVOUR = re.compile(r"^linux-modules-nvidia-(?!.*-\d+\.\d+\.\d+-)\S+[^-]$")


def _brings_a_kernel(transaction: Transaction) -> bool:
    return any(change.name.startswith("linux-image-") and not change.old for change in transaction.installs)


def _agree(
    state: DriverState, target: Target, choice: Choice, held: Tuple[str, ...], answers: Mapping[Any, Any]
) -> Union[Plan, Tuple[Install, Transaction]]:
    """Ask apt until its answer is one set at one version: what it would mix is named to it."""
    version = choice.version
    # apt must decide under the pin as it will be, not as it is: an empty one stands for none.
    pin = pins.content(state, target, version, moving=not choice.again)
    files = (*choice.place.files, ConfigFile(PIN_PATH, pin or ""))
    if _vendor_pins(state, version):
        files += (ConfigFile(pins.VENDOR_PIN_PATH, ""),)
    downgrade = _goes_back(state, version)
    targets, again = choice.targets, choice.again
    if again:
        targets = mend.left(state, Transaction((), (), 0, 0))
    mixed: List[str] = []
    answer: Any = None
    for _round in range(_ROUNDS):
        ask = AskTransaction(files, targets, downgrade, held, reinstall=again)
        answer = answers.get(ask)
        if answer is None:
            return Plan(questions=(ask,))
        if isinstance(answer, Trouble):
            which = "driver %s from %s" % (version, choice.place)
            return Plan(blockers=(Blocker("apt cannot install this set of packages", which, answer.what),))
        mixed = [str(change.name) for change in answer.installs if _strays(target, choice, change)]
        named = {entry.split("=", 1)[0].rstrip("-") for entry in targets}
        # The loose ones would come as the newest of any branch: they fit where the source has them so.
        loose = [change.name for change in answer.installs if _is_loose(target, choice, change)]
        explicit = [_exact(choice, name) for name in (*mixed, *loose)]
        more = tuple(entry for entry in explicit if entry and entry.split("=", 1)[0] not in named)
        lost = mend.left(state, answer)
        if more:
            targets += more
        elif not lost or mixed:
            break
        elif not again:
            targets, again = mend.targets(state, targets, lost), True
        else:
            # apt passes over what no source has, and says that all is well.
            found = mend.from_kept(state, targets, lost)
            if found is None:
                blocker = not_to_be_had(lost, str(choice.place), "driver of branch %d" % target.branch)
                return Plan(blockers=(blocker,))
            targets = found
    if mixed:
        return Plan(
            blockers=(
                Blocker(
                    "apt would mix versions within the driver",
                    "driver %s, but other versions of %s" % (version, ", ".join(mixed[:6])),
                    "remove or complete the source of the others, or set version: to one that all have",
                ),
            )
        )
    unpacked = [change.name for change in answer.installs if change.old == change.new]
    back = tuple(name for name in held if name in unpacked) if target.wish.hold is not False else ()
    return Install(targets, downgrade, allow_held=bool(held), reinstall=again, held=back), answer


def _goes_back(state: DriverState, version: str) -> bool:
    """Is any part of the installed set newer? Tools that all branches share may be newer than the set."""
    found = [upstream(package.version) for package in state.packages if package.installed]
    return any(older(version, each) for each in found if each)


def _is_loose(target: Target, choice: Choice, change: Change) -> bool:
    """Is this a package with a version of its own, at another version than the set?"""
    return change.name in target.family.loose and upstream(change.new) != choice.version


def _strays(target: Target, choice: Choice, change: Change) -> bool:
    """Would this package of the set come at another version than the set, or from another source?"""
    family, name = target.family, change.name.split(":", 1)[0]
    if not is_driver_package(name):
        return False
    if family.alien(change.new):
        return True
    if name in family.loose or family.is_key(name) and name.startswith("linux-"):
        return False
    return family.one_version and not name.startswith("linux-") and upstream(change.new) != choice.version


def _exact(choice: Choice, name: str) -> Optional[str]:
    """The target that names this package at the version of the set, if the source has it so."""
    for offer in choice.index.offers.get(name, ()):
        if upstream(offer.version) == choice.version and choice.place.has(offer):
            return "%s=%s" % (name, offer.version)
    return None


def _vendor_pins(state: DriverState, version: str) -> Tuple[str, ...]:
    """Installed pinning packages of NVIDIA for another branch or version: they give way to a move."""
    mark = "nvidia-driver-pinning-"
    return tuple(
        package.name
        for package in state.packages
        if package.installed
        and package.name.startswith(mark)
        and package.name[len(mark) :] not in (version, str(branch_of(version)))
    )


def _obstacles(
    state: DriverState,
    target: Target,
    version: str,
    transaction: Transaction,
    keeping: former.Keeping,
    answers: Mapping[Any, Any],
) -> Tuple[Tuple[Blocker, ...], Tuple[Any, ...]]:
    """What speaks against the transaction: foreign removals, no space, running work."""
    foreign = [change.name for change in transaction.removals if not is_driver_package(change.name)]
    if foreign:
        return (
            (
                Blocker(
                    "apt would have to remove other software",
                    ", ".join(foreign),
                    "remove it yourself first if you agree",
                ),
            ),
            (),
        )
    space_question = AskSpace(("/var/cache/apt/archives", "/usr", "/var/lib/dkms", FORMER_PATH))
    questions: List[Any] = [space_question, *keeping.questions]
    disturbs = bool(state.loaded) and mend.disturbs(state, version, transaction)
    if disturbs:
        questions.append(AskClients())
    unanswered = tuple(question for question in questions if question not in answers)
    if unanswered:
        return (), unanswered
    blockers = space_blockers(answers[space_question], _needs(transaction, keeping.size))
    return blockers + (client_blockers(answers[AskClients()], target.wish) if disturbs else ()), ()


def _needs(transaction: Transaction, kept: int) -> Dict[str, int]:
    """Bytes for the transaction, the module build and what is kept, by path."""
    needs = {
        "/var/cache/apt/archives": transaction.download_bytes,
        "/usr": transaction.installed_bytes,
        "/var/lib/dkms": BUILD_SPACE,
    }
    return dict(needs, **({FORMER_PATH: kept} if kept else {}))


def client_blockers(clients: Optional[Clients], wish: DriverWish) -> Tuple[Blocker, ...]:
    """Running work is not disturbed without consent."""
    if clients is None or not clients.found or wish.disrupt_running_work:
        return ()
    return (
        Blocker(
            "Programs are working on the GPUs and would fail once the driver's files change under them",
            "; ".join(str(client) for client in clients.found[:8]),
            "let them end, or set disrupt_running_work: true",
        ),
    )


def _steps(
    state: DriverState,
    target: Target,
    choice: Choice,
    install: Install,
    transaction: Transaction,
    keeping: Tuple[Step, ...],
) -> Tuple[Step, ...]:
    steps: List[Step] = list(choice.place.steps)
    steps.append(Step("index", "refresh-index", "refresh the package indexes", "packages are to change"))
    vendor = _vendor_pins(state, choice.version)
    if vendor:
        why = "it would keep apt from the wished driver; our own pin takes its place"
        steps.append(Step("pin", "purge", "remove %s" % ", ".join(vendor), why, Names(vendor)))
    steps += pins.steps(state, target, choice.version, moving=not choice.again)
    steps += surround.preparing(state, target, choice.version, moving=not choice.again)
    steps += keeping
    gone = len(transaction.removals)
    what = "install driver %s (%s kernel module)" % (choice.version, target.flavour)
    what += mend.counted(transaction)
    what += ", %d removed" % gone if gone else ""
    steps.append(Step("packages", "install", what, "; ".join(choice.missing), install))
    why = "it can be booted next, and packages build for the running kernel only"
    others = _other_kernels(state, target, transaction)
    if choice.again and not satisfied.builds(change.name for change in transaction.installs):
        why = "DKMS has no module of driver %s for it" % choice.version
        others = satisfied.unbuilt_kernels(state, choice.version)
    steps += [satisfied.build_step(kernel, choice.version, why) for kernel in others]
    steps += surround.finishing(state, target, choice.version)
    still = tuple(sorted({*_still_held(state, transaction), *install.held}))
    return (*steps, *satisfied.hold_steps(state, target, _after(state, transaction, choice.version), still))


def _still_held(state: DriverState, transaction: Transaction) -> "set[str]":
    """apt drops the hold of every package that it moves."""
    moved = {change.name for change in (*transaction.installs, *transaction.removals)}
    return {package.name for package in state.packages if package.held and package.installed} - moved


def _other_kernels(state: DriverState, target: Target, transaction: Transaction) -> Tuple[str, ...]:
    """Kernels that can be booted instead and have headers, now or once apt is done."""
    coming = {change.name for change in transaction.installs}
    others = (
        kernel
        for kernel in state.bootable
        if kernel != state.host.kernel
        and (kernel in state.headers or target.family.headers.format(k=kernel) in coming)
    )
    return kernels.default_last(state, others)


def _after(state: DriverState, transaction: Transaction, version: str) -> Tuple[str, ...]:
    """Names of the driver packages that are installed once the transaction is through."""
    names = {package.name for package in state.packages if package.installed}
    names -= {change.name for change in transaction.removals}
    names |= {change.name for change in transaction.installs if is_driver_package(change.name)}
    return tuple(sorted(names.difference(_vendor_pins(state, version))))


def _promise(target: Target, version: str, transaction: Transaction, state: DriverState) -> Dict[str, Any]:
    promise: Dict[str, Any] = {
        "branch": branch_of(version),
        "version": version,
        "kernel_module": target.flavour,
        "source": target.family.source,
        "library_version": version,
        "packages": _packages_after(state, transaction, version),
        "lost": mend.still_lost(state, transaction, _after(state, transaction, version)),
    }
    if _brings_module(target, version, transaction, state):
        promise["module_on_disk"] = version
    if pins.to_be_held(state, target):
        promise["held"] = list(_after(state, transaction, version))
    elif target.wish.hold is False:
        promise["held"] = []
    return promise


def _brings_module(target: Target, version: str, transaction: Transaction, state: DriverState) -> bool:
    """Has the running kernel a module then: one that came built, or one that DKMS has headers for?"""
    kernel = state.host.kernel
    names = {change.name for change in transaction.installs}
    names |= {package.name for package in state.packages if package.installed}
    prebuilt = target.family.prebuilt_package(branch_of(version), target.flavour, kernel)
    return prebuilt in names or kernel in state.headers or target.family.headers.format(k=kernel) in names


def _packages_after(state: DriverState, transaction: Transaction, version: str) -> List[str]:
    versions = {package.name: package.version for package in state.packages if package.installed}
    for name in (*(change.name for change in transaction.removals), *_vendor_pins(state, version)):
        versions.pop(name, None)
    for change in transaction.installs:
        if is_driver_package(change.name):
            versions[change.name] = change.new
    return sorted("%s=%s" % item for item in versions.items())
