# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which packages at which version, and from where: the part that needs the repository's index."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .. import _origin as origin
from .._catalog.drivers import Family, branch_of, named_branch, older, upstream
from .._catalog.families import families_of
from .._origin import Origin
from .._plan import Blocker, Plan
from .._questions import AskIndex, Index, Offer
from . import fabric, former, mend, satisfied, transact, trust
from .state import DriverState
from .target import Target
from .transact import Choice


def plan(state: DriverState, target: Target, missing: Sequence[str], answers: Mapping[Any, Any]) -> Plan:
    """Choose, ask apt what that means, and lay out the steps."""
    pattern = _pattern(state, target)
    read = origin.read(
        state,
        target.wish,
        target.family.source,
        answers,
        lambda place: AskIndex(place.files, pattern, place.uris),
    )
    if isinstance(read, Plan):
        return read
    place, index = read
    installed = state.installed.version if state.installed else ""
    if satisfied.only_files_lack(state, target):
        return transact.plan(state, target, Choice(missing, place, index, installed, (), again=True), answers)
    chosen = _choose(state, target, index, place, missing)
    if chosen is None:
        return satisfied.kept(state, target, answers)
    forced = satisfied.unmet_of(state) if satisfied.stays(state, target) else {}
    if forced and chosen != installed:
        chosen = mend.removed_by_force(tuple(forced), installed, str(place))
    if isinstance(chosen, Blocker):
        version = installed if forced else target.wish.version or ""
        back = former.targets(state, target, version)
        if not back:
            return Plan(blockers=(chosen,))
        choice = Choice(
            missing,
            place,
            index,
            version,
            back + _leaving(state, target, former.names(back), version),
        )
        return transact.plan(state, target, choice, answers)
    lacking = fabric.unavailable(state, index)
    if lacking:
        return Plan(blockers=(lacking,))
    modules = _modules(state, target, index, place)
    if isinstance(modules, Blocker):
        return Plan(blockers=(modules,))
    targets = _targets(state, target, index, place, chosen, modules)
    found = transact.plan(state, target, Choice(missing, place, index, chosen, targets), answers)
    return replace(found, lasting=_lasting(state, modules))


#: Names of driver packages that have no branch in them.
_UNSUFFIXED = (
    r"^(?:lib|xserver-xorg-video-)?nvidia(?!.*-\d{3})[a-z0-9-]*$|^cuda-drivers$|^lib(?:cuda|cudadebugger|nvcuvid|"
    r"nvoptix)1$|^nvlsm$|^infiniband-diags$|^firmware-nvidia-gsp$"
)


def _pattern(state: DriverState, target: Target) -> str:
    kernels = "|".join(re.escape(kernel) for kernel in (*_kernels(state), *state.kernel_flavours))
    branch = "%d" % target.branch
    suffixed = r"^(?!linux-).*nvidia.*-%s(?:-|$)|^cuda-drivers-%s$" % (branch, branch)
    carriers = "|".join(
        _carriers(family) for family in families_of(target.family.source, state.host.distribution)
    )
    return "%s|%s|^linux-headers-(?:%s)$|^linux-modules-nvidia-%s-.*(?:%s)$|%s" % (
        re.sub(r"\?P<\w+>", "?:", carriers),
        suffixed,
        kernels,
        branch,
        kernels,
        _UNSUFFIXED,
    )


def _choose(state: DriverState, target: Target, index: Index, place: Origin, missing: Sequence[str]) -> Any:
    """The version to have: the installed one while it will do, else the newest; or a blocker listing all.

    Within what the wish accepts it never goes back: only a wish for an older version does that. None: the
    installed one is newer than all on offer, and nothing but the newest is asked for.
    """
    offers = _versions(target.family, index, place, _carrier(target))
    accepted = [version for version in offers if target.accepts(version)]
    installed = state.installed.version if state.installed else None
    if installed in accepted and not target.wish.update:
        return installed
    if accepted and installed and _only_older(state, target, accepted[0]):
        if missing == (satisfied.asked_for_newest(target),):
            return None
        why = "; ".join(missing)
        return Blocker(
            "The source has only older drivers of this branch than the installed one",
            "installed is %s, %s has %s; %s" % (installed, place, accepted[0], why),
            "set version: to go back to one that the source has, or wait until the mirror has caught up",
        )
    if accepted:
        return accepted[0]
    which = "version %s" % target.wish.version if target.wish.version else "branch %d" % target.branch
    return Blocker(
        "The source has no such driver",
        "%s with the %s kernel module in %s" % (which, target.flavour, place),
        _renamed(target, offers) + _what_there_is(state, target, index, place),
    )


def _only_older(state: DriverState, target: Target, newest: str) -> bool:
    """Would it be a step back that nobody asked for? A wish for another source is one for its versions."""
    installed = state.installed
    if installed is None or installed.family is not target.family or not target.accepts(installed.version):
        return False
    return older(newest, installed.version)


def _carrier(target: Target) -> str:
    """The package whose offers are the driver's versions: that of the kernel module where DKMS builds it."""
    if target.family.prebuilt:
        return target.family.library_package(target.branch)
    return target.family.key_package(target.branch, target.flavour)


def _versions(family: Family, index: Index, place: Origin, name: str) -> List[str]:
    found = [
        upstream(offer.version)
        for offer in index.offers.get(name, ())
        if place.has(offer) and not family.alien(offer.version)
    ]
    return [version for version in found if version]


def _renamed(target: Target, offers: Sequence[str]) -> str:
    """An archive may let the packages of one branch install another (transitional packages)."""
    if not target.family.suffixed:
        return ""
    others = [version for version in offers if branch_of(version) != target.branch]
    if not others:
        return ""
    return "its packages for branch %d install %s now; " % (target.branch, others[0])


def _what_there_is(state: DriverState, target: Target, index: Index, place: Origin) -> str:
    """The branches and versions on offer, in words."""
    versions: Dict[int, List[str]] = {}
    for family in families_of(target.family.source, state.host.distribution):
        carrier = re.compile(_carriers(family))
        for name in sorted(index.offers):
            if not carrier.match(name) or not _fits(family, target, name):
                continue
            for version in _versions(family, index, place, name):
                found = versions.setdefault(branch_of(version), [])
                if version not in found:
                    found.append(version)
    if not versions:
        return "it offers no driver at all, check repository_url and the components of the source"
    listed = ["%d (%s)" % (branch, ", ".join(found)) for branch, found in sorted(versions.items())]
    return "choose from " + "; ".join(listed)


def _carriers(family: Family) -> str:
    """The pattern of the packages whose offers are the driver's versions, in any branch."""
    if family.prebuilt:
        return "^%s$" % re.escape(family.library).replace(re.escape("{b}"), r"\d+")
    return family.key_pattern


def _fits(family: Family, target: Target, name: str) -> bool:
    """Is this of the wished series and flavour?"""
    if family.prebuilt:
        return family.server == target.family.server
    return family.flavour_of(name) == target.flavour


def _offer_at(target: Target, index: Index, place: Origin, name: str, version: str) -> Optional[Offer]:
    """The offer of this package at the version of the set, from the chosen source."""
    for offer in index.offers.get(name, ()):
        if upstream(offer.version) == version and place.has(offer) and not target.family.alien(offer.version):
            return offer
    return None


def _targets(
    state: DriverState,
    target: Target,
    index: Index,
    place: Origin,
    version: str,
    modules: Tuple[str, ...],
) -> Tuple[str, ...]:
    """apt targets: each wanted package at the chosen version, each package of the former set removed."""
    family = target.family
    names = [*satisfied.wanted_packages(state, target), family.library_package(target.branch), *modules]
    names += [name for name in family.extras(target.branch) if name in index.offers]
    names += [name for name in satisfied.unmet_of(state) if _offer_at(target, index, place, name, version)]
    if _changes_source(state, target):
        # Not under the names of another branch: the archive has transitional packages there.
        names += [
            package.name
            for package in state.packages
            if package.installed
            and not _of_another_branch(package.name, state, target)
            and _offer_at(target, index, place, package.name, version)
        ]
    targets = []
    for name in dict.fromkeys(names):
        exact = _offer_at(target, index, place, name, version)
        targets.append("%s=%s" % (name, exact.version) if exact else name)
    stays = {each.split("=", 1)[0] for each in targets}
    return tuple(targets) + tuple(
        name
        for name in _leaving(state, target, tuple(stays), version, index, place)
        if name[:-1] not in stays
    )


def _changes_source(state: DriverState, target: Target) -> bool:
    installed = state.installed
    return bool(installed and installed.family is not target.family) or bool(satisfied.mixed(state, target))


def _leaving(
    state: DriverState,
    target: Target,
    stays: Tuple[str, ...],
    version: str,
    index: Optional[Index] = None,
    place: Optional[Origin] = None,
) -> Tuple[str, ...]:
    """What would stay behind or stand in the way: another branch, series or flavour, another vendor's own."""
    installed, family = state.installed, target.family
    there = [package.name for package in state.packages if package.installed and package.name not in stays]
    leaving = [name for name in there if _of_another_branch(name, state, target)]
    if installed and installed.flavour != target.flavour:
        other = installed.family.packages_of_flavour(installed.branch, installed.flavour)
        carried = [name for name in there if installed.family.is_key(name)]
        leaving += [name for name in there if name in other or name in carried]
    if installed and index is not None and place is not None:
        strangers = there if installed.family is not family else satisfied.mixed(state, target)
        leaving += [
            name for name in there if name in strangers and _left_behind(target, index, place, name, version)
        ]
    return tuple(name + "-" for name in dict.fromkeys(leaving))


def _left_behind(target: Target, index: Index, place: Origin, name: str, version: str) -> bool:
    """Came this package with another family alone? The new one does not have it, or not at its version."""
    if "-pinning-" in name or (name.startswith("linux-signatures-") and target.family.prebuilt):
        return False  # the signatures are those of every series
    if not any(place.has(offer) for offer in index.offers.get(name, ())):
        return True
    family = target.family
    versioned = family.one_version and name not in family.loose and not name.startswith("linux-")
    return versioned and _offer_at(target, index, place, name, version) is None


def _of_another_branch(name: str, state: DriverState, target: Target) -> bool:
    if "-pinning-" in name:
        return False  # transact removes those: their pin must be gone before apt decides
    named = named_branch(name)
    family = target.family
    if named:
        branch, server = named
        shared = name in family.fabric_packages(target.branch)
        return branch != target.branch or not family.suffixed or (server != family.server and not shared)
    installed = state.installed
    if installed is None:
        return False
    fabric = installed.family.fabric_packages(installed.branch)
    return name in fabric and name not in family.fabric_packages(target.branch)


def _kernels(state: DriverState) -> Tuple[str, ...]:
    """The running kernel and those that can be booted instead."""
    next_one = (state.boot_kernel,) if state.boot_kernel else ()
    return tuple(dict.fromkeys((state.host.kernel, *next_one, *state.bootable)))


def _lasting(state: DriverState, modules: Tuple[str, ...]) -> Tuple[str, ...]:
    """Gaps at a kernel that nothing on offer closes: said again by every run, and no reason to fail."""
    open_ones = [
        kernel
        for kernel in satisfied.kernels_of_interest(state)
        if kernel not in state.headers and not any(name.endswith(kernel) for name in modules)
    ]
    return tuple(satisfied.gap(state, kernel, dkms) for kernel in open_ones for dkms in (True, False))


def _modules(state: DriverState, target: Target, index: Index, place: Origin) -> Any:
    """The packages that bring the kernel modules: the distribution's own builds, else DKMS with headers."""
    kernels = _kernels(state)
    prebuilt = [target.family.prebuilt_package(target.branch, target.flavour, kernel) for kernel in kernels]
    offered = [name for name in prebuilt if any(place.has(offer) for offer in index.offers.get(name, ()))]
    key = target.family.key_package(target.branch, target.flavour)
    if offered and (offered[0] == prebuilt[0] or len(offered) == len(prebuilt)):
        return (*offered, *_for_new_kernels(state, target, index, place))
    unsigned = trust.dkms_blockers(state) if target.family.prebuilt else ()
    if unsigned:
        return Blocker(
            "The archive has no signed modules of this driver for the running kernel, and those that DKMS "
            "would build are not trusted",
            prebuilt[0],
            "boot a kernel for which it has them, choose another branch, or %s" % unsigned[0].next,
        )
    headers = _headers(state, target, index)
    return headers if isinstance(headers, Blocker) else (key, *headers)


def _for_new_kernels(state: DriverState, target: Target, index: Index, place: Origin) -> Tuple[str, ...]:
    """The metapackages that bring the signed modules of each kernel that an upgrade brings."""
    names = [
        target.family.prebuilt_package(target.branch, target.flavour, flavour)
        for flavour in state.kernel_flavours
    ]
    return tuple(name for name in names if any(place.has(offer) for offer in index.offers.get(name, ())))


def _headers(state: DriverState, target: Target, index: Index) -> Any:
    """Header packages to install, or a blocker where the modules could be built for no kernel at all."""
    kernels = _kernels(state)
    lacking = [kernel for kernel in kernels if kernel not in state.headers]
    names = [target.family.headers.format(k=kernel) for kernel in lacking]
    to_install = tuple(name for name in names if index.offers.get(name))
    covered = len(to_install) + sum(1 for kernel in kernels if kernel in state.headers)
    if covered:
        return to_install
    return Blocker(
        "The headers of the running kernel are in no configured source, so its modules cannot be built",
        "%s for kernel %s" % (names[0], state.host.kernel),
        "boot a kernel of this distribution, or add the source that has its headers",
    )
