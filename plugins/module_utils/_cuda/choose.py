# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which packages at which version, and from where: the part that needs the repository's index. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from .. import _origin
from .._catalog.cuda import dashed, minor_of_package, release_of_package
from .._catalog.cuda_runfiles import runfile
from .._catalog.versions import minor, order, within
from .._dataclass import dataclass
from .._origin import Origin
from .._plan import Blocker, Plan
from .._questions import AskRecords, Record, Records
from .satisfied import lost_of, recorded, unmet_of, wanted_packages
from .state import DISTRIBUTION_PACKAGE, CudaState, distribution_release
from .wish import CudaWish


@dataclass(frozen=True)
class Choice:
    """Where from, the apt targets, and the release that each wished version comes to."""

    place: Origin
    targets: Tuple[str, ...]
    releases: Mapping[str, str]
    downgrade: bool = False
    warnings: Tuple[str, ...] = ()
    #: Those of the targets, by name, that are there at this version, and have lost files.
    again: Tuple[str, ...] = ()

    @property
    def reinstall(self) -> bool:
        return bool(self.again)


#: Each package's records from the chosen source, newest first.
Offered = Dict[str, List[Record]]


def plan(
    state: CudaState, wish: CudaWish, versions: Sequence[str], answers: Mapping[Any, Any]
) -> Union[Plan, Choice]:
    """The choice for these wished versions, or a plan that asks or refuses."""
    source = wish.source or "nvidia"
    pattern = _pattern(versions) if source == "nvidia" else "^%s$" % DISTRIBUTION_PACKAGE
    read = _origin.read(
        state, wish, source, answers, lambda place: AskRecords(place.files, pattern, place.uris)
    )
    if isinstance(read, Plan):
        return read
    place, records = read
    offered = _offered(records, place)
    if source != "nvidia":
        return _distribution(state, versions, place, offered)
    chosen: Dict[str, str] = {}
    releases: Dict[str, str] = {}
    for version in versions:
        believed = recorded(state, wish, version)
        if believed is not None:
            # Only files are gone: what is there stays at its versions.
            releases[version] = believed.version
            continue
        release = _release(state, wish, version, offered)
        if release is None:
            return Plan(blockers=(_not_there(state, version, place, offered),))
        releases[version] = release
        roots = _roots(state, wish, version, release, offered)
        if isinstance(roots, Blocker):
            return Plan(blockers=(roots,))
        chosen.update(closure(offered, roots))
    return _choice(state, wish, place, chosen, releases)


def _pattern(versions: Sequence[str]) -> str:
    minors = "|".join(dashed(version) for version in versions)
    return (
        r"-(?:%s)(?:-config-common)?$|^cuda-toolkit-\d+-\d+$|^cuda-toolkit-(?:\d+-)?config-common$" % minors
    )


def _offered(records: Records, place: Origin) -> Offered:
    found: Offered = {}
    for record in records.found:
        if record.uri in place.uris:
            found.setdefault(record.name, []).append(record)
    return found


def _releases(offered: Offered, of: str) -> List[str]:
    """The releases of a minor on offer, newest first."""
    name = "cuda-toolkit-" + dashed(of)
    found = (release_of_package(record.name, record.version) for record in offered.get(name, ()))
    return [release for release in found if release]


def _release(state: CudaState, wish: CudaWish, version: str, offered: Offered) -> Optional[str]:
    """The release to have: the installed one while it will do and is on offer, else the newest that does."""
    accepted = [release for release in _releases(offered, minor(version)) if within(release, version)]
    there = [toolkit.version for toolkit in state.toolkits if toolkit.version in accepted]
    if there and not wish.update:
        return there[0]
    return max(accepted, key=order, default=None)


def _not_there(state: CudaState, version: str, place: Origin, offered: Offered) -> Blocker:
    """Say what the repository has instead."""
    minors = {minor_of_package(name) for name in offered if name.startswith("cuda-toolkit-")}
    listed = [
        "%s (%s)" % (each, ", ".join(reversed(_releases(offered, each))))
        for each in sorted((each for each in minors if each), key=order)
        if _releases(offered, each)
    ]
    choice = (
        "choose from " + "; ".join(listed) if listed else "it offers no CUDA at all, check repository_url"
    )
    file = runfile(version, state.host.machine)
    return Blocker(
        "NVIDIA's repository for this distribution does not have this CUDA",
        "CUDA %s for %s in %s" % (version, state.host.pretty, place),
        "%s, or use source: runfile, NVIDIA's installer of %s" % (choice, file.version) if file else choice,
    )


def _roots(
    state: CudaState, wish: CudaWish, version: str, release: str, offered: Offered
) -> Union[Blocker, Dict[str, str]]:
    """What was asked for, at the version that belongs to the release: the whole toolkit tells which."""
    whole = "cuda-toolkit-" + dashed(version)
    meta = [each for each in offered[whole] if release_of_package(whole, each.version) == release]
    release_set = closure(offered, {whole: meta[0].version})
    roots = {}
    for name in wanted_packages(state, wish, version):
        if name not in offered:
            return Blocker(
                "NVIDIA's repository has no such part of CUDA %s" % minor(version),
                name,
                "look for its name with: apt-cache pkgnames | grep -- -%s" % dashed(version),
            )
        roots[name] = release_set.get(name) or offered[name][0].version
    for name in unmet_of(state, version):
        if name in offered:
            roots[name] = release_set.get(name) or offered[name][0].version
    return roots


_DEPENDENCY = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::\w+)?\s*(?:\((?P<how>[<>=]+)\s*(?P<version>\S+)\))?\Z"
)


def _dependencies(record: Record) -> Iterator[Tuple[str, str, str]]:
    """Name, relation and version of each thing that a package needs; of several choices, the first."""
    fields = (record.fields.get("pre-depends", ""), record.fields.get("depends", ""))
    for entry in ",".join(fields).split(","):
        match = _DEPENDENCY.match(entry.split("|")[0].strip())
        if match:
            yield match.group("name"), match.group("how") or "", match.group("version") or ""


def closure(offered: Offered, roots: Mapping[str, str]) -> Dict[str, str]:
    """These packages with all parts of toolkits that they need, each at the version it was published with.

    NVIDIA's packages depend on "this version or later", so apt alone would give an older release the newest
    parts. The oldest version that satisfies a dependency is the one of the same release.
    """
    chosen: Dict[str, str] = {}
    waiting = list(roots.items())
    while waiting:
        name, version = waiting.pop(0)
        if name in chosen:
            continue
        chosen[name] = version
        record = next((each for each in offered.get(name, ()) if each.version == version), None)
        for needed, how, least in _dependencies(record) if record else ():
            if minor_of_package(needed) is None or needed not in offered:
                continue
            versions = [each.version for each in offered[needed]]
            fitting = [each for each in versions if how in (">=", "=") and _numbers(each) >= _numbers(least)]
            waiting.append((needed, (fitting or versions[:1])[-1]))
    return chosen


def _numbers(version: str) -> List[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _choice(
    state: CudaState, wish: CudaWish, place: Origin, chosen: Mapping[str, str], releases: Mapping[str, str]
) -> Choice:
    """The targets: what lacks, and what must move. Newer parts of the same release stay."""
    there = state.versions()
    back = {minor(release) for release in releases.values() if _goes_back(state, release)}
    targets = []
    downgrade = False
    for name, version in sorted(chosen.items()):
        now = there.get(name)
        older = now is not None and _numbers(version) < _numbers(now)
        if now == version or (older and minor_of_package(name) not in back):
            continue
        downgrade = downgrade or older
        targets.append("%s=%s" % (name, version))
    moving = [target.partition("=")[0] for target in targets]
    lost = {name for version in releases for name in lost_of(state, version)}
    again = tuple(sorted(lost.difference(moving)))
    targets += ["%s=%s" % (name, there[name]) for name in again]
    return Choice(place, tuple(targets), releases, downgrade, again=again)


def _goes_back(state: CudaState, release: str) -> bool:
    return any(
        toolkit.minor == minor(release) and order(toolkit.version) > order(release)
        for toolkit in state.toolkits
    )


def _distribution(
    state: CudaState, versions: Sequence[str], place: Origin, offered: Offered
) -> Union[Plan, Choice]:
    """The one toolkit that the distribution has."""
    records = offered.get(DISTRIBUTION_PACKAGE, [])
    releases = {}
    for version in versions:
        fitting = [each for each in records if within(distribution_release(each.version), version)]
        if not fitting:
            there = ", ".join(distribution_release(each.version) for each in records) or "none"
            return Plan(
                blockers=(
                    Blocker(
                        "The distribution does not have this CUDA",
                        "CUDA %s for %s in %s" % (version, state.host.pretty, place),
                        "its own is %s; use that, or source: nvidia" % there,
                    ),
                )
            )
        releases[version] = distribution_release(fitting[0].version)
        target = "%s=%s" % (DISTRIBUTION_PACKAGE, fitting[0].version)
    now = state.versions().get(DISTRIBUTION_PACKAGE)
    same = target.endswith("=%s" % now)
    again = (DISTRIBUTION_PACKAGE,) if same and DISTRIBUTION_PACKAGE in state.lost else ()
    return Choice(place, () if same and not again else (target,), releases, again=again)
