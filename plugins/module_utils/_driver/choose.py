# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which packages at which version, from where, and in which order: the part that needs answers."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._catalog.drivers import branch_of, upstream
from .._effects import Install, Names
from .._plan import Blocker, Plan, Step
from .._questions import (
    AskClients,
    AskIndex,
    AskSpace,
    AskTransaction,
    Clients,
    ConfigFile,
    Index,
    Offer,
    Space,
    Transaction,
    Trouble,
)
from . import origin, satisfied
from .state import PIN_PATH, DriverState, is_driver_package
from .target import Target, reboot_reasons
from .wish import DriverWish

#: Bytes that DKMS needs to build the modules, beyond what the packages take (a build tree of R580: 0.4 GiB).
BUILD_SPACE = 512 * 1024 * 1024


def plan(state: DriverState, target: Target, missing: Sequence[str], answers: Mapping[Any, Any]) -> Plan:
    """Choose, ask apt what that means, and lay out the steps."""
    place = origin.find(state, target, answers)
    if isinstance(place, Plan):
        return place
    ask = AskIndex(place.files, _pattern(state, target), (place.uri,))
    index = answers.get(ask)
    if index is None:
        return Plan(questions=(ask,))
    if isinstance(index, Trouble):
        return _blocked(
            "The package index cannot be used", place.uri, "%s; mend the source or its mirror" % index.what
        )
    chosen = _choose(state, target, index, place.uri)
    if isinstance(chosen, Blocker):
        return Plan(blockers=(chosen,))
    return _transact(state, target, missing, place, index, chosen, answers)


def _transact(
    state: DriverState,
    target: Target,
    missing: Sequence[str],
    place: origin.Origin,
    index: Index,
    version: str,
    answers: Mapping[Any, Any],
) -> Plan:
    headers = _headers(state, target, index)
    if isinstance(headers, Blocker):
        return Plan(blockers=(headers,))
    pin = satisfied.pin_content(state, target, version)
    # apt must decide under the pin as it will be, not as it is: an empty one stands for none.
    files = (*place.files, ConfigFile(PIN_PATH, pin or ""))
    targets = _targets(state, target, index, place.uri, version) + headers
    held = tuple(sorted(package.name for package in state.packages if package.installed and package.held))
    downgrade = state.installed is not None and _older(version, state.installed.version)
    ask = AskTransaction(files, targets, downgrade, held)
    answer = answers.get(ask)
    if answer is None:
        return Plan(questions=(ask,))
    if isinstance(answer, Trouble):
        which = "driver %s from %s" % (version, place.uri)
        return _blocked("apt cannot install this set of packages", which, answer.what)
    if not answer.installs and not answer.removals:
        return Plan(steps=satisfied.guard_steps(state, target), reboot_reasons=reboot_reasons(state))
    blockers, questions = _obstacles(state, target, answer, answers)
    if blockers or questions:
        return Plan(blockers=blockers, questions=questions)
    steps = _steps(state, target, missing, place, version, Install(targets, downgrade), answer, held)
    return Plan(
        steps=steps,
        promise=_promise(target, version, answer, state),
        reboot_reasons=reboot_reasons(state, version, target.flavour),
        warnings=index.warnings,
    )


def _pattern(state: DriverState, target: Target) -> str:
    names = "|".join(name.replace("+", r"\+") for name in satisfied.wanted_packages(state, target))
    return "%s|^(?:%s)$|^linux-headers-" % (target.family.key_pattern, names)


def _choose(state: DriverState, target: Target, index: Index, uri: str) -> Any:
    """The newest version that the wish accepts, or a blocker that lists what there is."""
    key = target.family.key_package(target.branch, target.flavour)
    offers = [offer for offer in index.offers.get(key, ()) if _same_source(offer, uri)]
    for offer in offers:
        version = upstream(offer.version)
        if version and target.accepts(version):
            return version
    which = "version %s" % target.wish.version if target.wish.version else "branch %d" % target.branch
    return Blocker(
        "The source has no such driver",
        "%s with the %s kernel module in %s" % (which, target.flavour, uri),
        _what_there_is(target, index, uri),
    )


def _same_source(offer: Offer, uri: str) -> bool:
    return not uri or offer.uri == uri


def _what_there_is(target: Target, index: Index, uri: str) -> str:
    """The branches and versions on offer, in words."""
    versions: Dict[int, List[str]] = {}
    for name, offers in sorted(index.offers.items()):
        if not target.family.is_key(name):
            continue
        for offer in offers:
            version = upstream(offer.version)
            if (
                version
                and _same_source(offer, uri)
                and version not in versions.setdefault(branch_of(version), [])
            ):
                versions[branch_of(version)].append(version)
    if not versions:
        return "it offers no driver at all, check repository_url"
    listed = ["%d (%s)" % (branch, ", ".join(found)) for branch, found in sorted(versions.items()) if found]
    return "choose from " + "; ".join(listed)


def _targets(state: DriverState, target: Target, index: Index, uri: str, version: str) -> Tuple[str, ...]:
    """apt targets: each wanted package at the chosen version, each package of the former set removed."""
    targets = []
    for name in (
        *satisfied.wanted_packages(state, target),
        target.family.key_package(target.branch, target.flavour),
    ):
        exact = [
            offer.version
            for offer in index.offers.get(name, ())
            if upstream(offer.version) == version and _same_source(offer, uri)
        ]
        targets.append("%s=%s" % (name, exact[0]) if exact else name)
    return tuple(dict.fromkeys(targets)) + _former(state, target)


def _former(state: DriverState, target: Target) -> Tuple[str, ...]:
    """What would stay behind or stand in the way: packages of the former branch, or of the other flavour."""
    installed = state.installed
    if installed is None:
        return ()
    there = [package.name for package in state.packages if package.installed]
    former: Tuple[str, ...] = ()
    if installed.branch != target.branch:
        mark = "-%d" % installed.branch
        fabric = set(installed.family.fabric_packages(installed.branch))
        fabric -= set(target.family.fabric_packages(target.branch))
        former += tuple(name for name in there if name.endswith(mark) or mark + "-" in name or name in fabric)
    if installed.flavour != target.flavour:
        other = installed.family.packages_of_flavour(installed.branch, installed.flavour)
        former += tuple(name for name in there if name in other)
    return tuple(name + "-" for name in dict.fromkeys(former))


def _headers(state: DriverState, target: Target, index: Index) -> Any:
    """Header packages to install, or a blocker where the modules could be built for no kernel at all."""
    kernels = dict.fromkeys((state.host.kernel, *state.bootable))
    lacking = [kernel for kernel in kernels if kernel not in state.headers]
    names = [target.family.headers.format(kernel=kernel) for kernel in lacking]
    to_install = tuple(name for name in names if index.offers.get(name))
    covered = len(to_install) + sum(1 for kernel in kernels if kernel in state.headers)
    if covered:
        return to_install
    return Blocker(
        "The headers of the running kernel are in no configured source, so its modules cannot be built",
        "%s for kernel %s" % (names[0], state.host.kernel),
        "boot a kernel of this distribution, or add the source that has its headers",
    )


def _older(version: str, than: str) -> bool:
    return [int(part) for part in version.split(".")] < [int(part) for part in than.split(".")]


def _obstacles(
    state: DriverState, target: Target, transaction: Transaction, answers: Mapping[Any, Any]
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
    space_question = AskSpace(("/var/cache/apt/archives", "/usr", "/var/lib/dkms"))
    questions: List[Any] = [space_question]
    if state.loaded:
        questions.append(AskClients())
    unanswered = tuple(question for question in questions if question not in answers)
    if unanswered:
        return (), unanswered
    blockers = space_blockers(answers[space_question], transaction)
    return blockers + client_blockers(answers.get(AskClients()), target.wish), ()


def space_blockers(space: Space, transaction: Transaction) -> Tuple[Blocker, ...]:
    """File systems on which the transaction and the module build would not fit, added up by mount."""
    needs = {
        "/var/cache/apt/archives": transaction.download_bytes,
        "/usr": transaction.installed_bytes,
        "/var/lib/dkms": BUILD_SPACE,
    }
    by_mount: Dict[str, int] = {}
    for path, needed in needs.items():
        mount = space.free[path][0]
        by_mount[mount] = by_mount.get(mount, 0) + needed
    free = dict(space.free.values())
    return tuple(
        Blocker(
            "Not enough free space",
            "%s has %s, needed are %s" % (mount, _mib(free[mount]), _mib(needed)),
            "free some space there",
        )
        for mount, needed in sorted(by_mount.items())
        if needed > free[mount]
    )


def _mib(count: int) -> str:
    return "%d MiB" % (count // (1024 * 1024))


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
    missing: Sequence[str],
    place: origin.Origin,
    version: str,
    install: Install,
    transaction: Transaction,
    held: Tuple[str, ...],
) -> Tuple[Step, ...]:
    steps: List[Step] = list(place.steps)
    steps.append(Step("index", "refresh-index", "refresh the package indexes", "packages are to change"))
    steps += satisfied.pin_steps(state, target, version)
    if held:
        why = "they are held at the former version"
        steps.append(
            Step("packages", "unhold", "lift the hold of %d driver packages" % len(held), why, Names(held))
        )
    count = len(transaction.installs)
    gone = len(transaction.removals)
    what = "install driver %s (%s kernel module): %d packages" % (version, target.flavour, count)
    what += ", %d removed" % gone if gone else ""
    steps.append(Step("packages", "install", what, "; ".join(missing), install))
    for kernel in _other_kernels(state, target, transaction):
        why = "it can be booted next, and packages build for the running kernel only"
        steps.append(satisfied.build_step(kernel, why))
    steps += satisfied.unit_steps(state, target)
    keep_held = target.wish.hold is True or (target.wish.hold is None and held)
    if keep_held:
        names = _after(state, transaction)
        what = "hold %d driver packages" % len(names)
        why = "hold is wished" if target.wish.hold else "the former set was on hold"
        steps.append(Step("hold", "hold", what, why, Names(names)))
    return tuple(steps)


def _other_kernels(state: DriverState, target: Target, transaction: Transaction) -> Tuple[str, ...]:
    """Kernels beside the running one that have headers, now or once apt is done."""
    coming = {change.name for change in transaction.installs}
    kernels = [
        *state.headers,
        *(name for name in state.bootable if target.family.headers.format(kernel=name) in coming),
    ]
    return tuple(kernel for kernel in dict.fromkeys(kernels) if kernel != state.host.kernel)


def _after(state: DriverState, transaction: Transaction) -> Tuple[str, ...]:
    """Names of the driver packages that are installed once the transaction is through."""
    names = {package.name for package in state.packages if package.installed}
    names -= {change.name for change in transaction.removals}
    names |= {change.name for change in transaction.installs if is_driver_package(change.name)}
    return tuple(sorted(names))


def _promise(target: Target, version: str, transaction: Transaction, state: DriverState) -> Dict[str, Any]:
    promise: Dict[str, Any] = {
        "branch": branch_of(version),
        "version": version,
        "kernel_module": target.flavour,
        "source": target.family.source,
        "library_version": version,
        "packages": _packages_after(state, transaction),
    }
    if state.host.kernel in state.headers or any(
        change.name == target.family.headers.format(kernel=state.host.kernel)
        for change in transaction.installs
    ):
        promise["module_on_disk"] = version
    if target.wish.hold is True:
        promise["held"] = list(_after(state, transaction))
    elif target.wish.hold is False:
        promise["held"] = []
    return promise


def _packages_after(state: DriverState, transaction: Transaction) -> List[str]:
    versions = {package.name: package.version for package in state.packages if package.installed}
    for change in transaction.removals:
        versions.pop(change.name, None)
    for change in transaction.installs:
        if is_driver_package(change.name):
            versions[change.name] = change.new
    return sorted("%s=%s" % item for item in versions.items())


def _blocked(what: str, which: str, next_action: str) -> Plan:
    return Plan(blockers=(Blocker(what, which, next_action),))
