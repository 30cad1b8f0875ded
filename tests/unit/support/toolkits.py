# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with toolkits that does what a plan says; what it is told of packages is in cuda_repository."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.state import (
    ALTERNATIVE,
    CACHE,
    LINK,
    OWN_FILES,
    PACKAGE,
    RUNFILE,
    CudaState,
    Default,
    Toolkit,
    by_version,
    from_packages,
    is_cuda_package,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.wish import CudaWish
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, Step
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskPurge,
    AskTransaction,
    Change,
    Transaction,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._sources import Source, parse_deb822
from ansible_collections.labfleet.gpu.tests.unit.support.cuda_repository import (
    GIB,
    RELEASES,
    ROWS,
    UBUNTU,
    Repository,
    numbers,
)
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import gpus


def node(*architectures: str, driver: Optional[str] = None, **changes: Any) -> CudaState:
    """Ubuntu 22.04 without a toolkit."""
    pci = gpus(*architectures or ("Hopper",)) if architectures != ("none",) else ()
    host = Host("ubuntu", "22.04", "jammy", "Ubuntu 22.04.5 LTS", "x86_64", "5.15.0-91-generic", pci)
    sources = (Source(UBUNTU, "jammy", ("main", "universe"), None, "/etc/apt/sources.list"),)
    state = CudaState(
        host=host,
        packages=(),
        toolkits=(),
        default=Default(),
        unsettled=(),
        sources=sources,
        own_files={path: None for path in OWN_FILES},
        driver=driver,
    )
    return replace(state, **changes)


def having(state: CudaState, *releases: str, components: str = "toolkit", **changes: Any) -> CudaState:
    """These releases are installed from NVIDIA's packages, in this order, and the sources are configured."""
    repository = Repository()
    for release in releases:
        m = "-".join(release.split(".")[:2])
        name = {"toolkit": "cuda-toolkit-", "runtime": "cuda-libraries-"}[components] + m
        # The parts of an older release come with it, as they did when it was the newest.
        repository.rows = {
            key: [row for row in rows if not key.endswith(m) or _until(row[0], release)]
            for key, rows in ROWS.items()
        }
        repository.installed = state.versions()
        done = repository.transaction(AskTransaction((), ("%s=%s-1" % (name, release),)))
        assert isinstance(done, Transaction), done
        state = _changed(state, done.installs, ())
    return replace(state, **changes)


def _until(version: str, release: str) -> bool:
    newest = {"%s.%d" % row[:2]: row[2:] for row in RELEASES}[release]
    first = max(numbers(each) for each in (*newest, release))
    return numbers(version)[:3] <= first


def by_hand(state: CudaState, version: str, origin: str = "hand", path: str = "") -> CudaState:
    """A tree that no package brought."""
    toolkit = Toolkit(path or "/usr/local/cuda-" + ".".join(version.split(".")[:2]), version, origin)
    return replace(state, toolkits=by_version([*state.toolkits, toolkit]))


def settled(state: CudaState, wish: CudaWish, repository: Repository) -> Tuple[Plan, List[Any]]:
    """The plan when all its questions are answered, and what it asked."""
    repository.installed = state.versions()
    answers: Dict[Any, Any] = {}
    while True:
        found = plan(state, wish, answers)
        if not found.questions:
            return found, list(answers)
        for question in found.questions:
            assert question not in answers, "asked twice: %r" % (question,)
            answers[question] = repository.answer(question)


def carried_out(state: CudaState, found: Plan, repository: Repository) -> CudaState:
    """The node after the plan's steps."""
    for step in found.steps:
        state = _AFTER[step.action](state, step, repository)
    return state


def done(state: CudaState, wish: CudaWish, repository: Optional[Repository] = None) -> CudaState:
    """The node after the wish: its promise holds, and nothing more is to be done."""
    repository = repository or Repository()
    found, _asked = settled(state, wish, repository)
    assert not found.blockers, found.blockers
    state = carried_out(state, found, repository)
    now = summary(state)
    for key, value in found.foretold().items():
        assert now[key] == value, "%s is %s and should be %s" % (key, now[key], value)
    again = plan(state, replace(wish, update=False), {})
    assert (again.steps, again.questions, again.blockers) == ((), (), ())
    return state


def _changed(state: CudaState, installs: Tuple[Change, ...], gone: Tuple[str, ...]) -> CudaState:
    """dpkg's work, with the alternatives that the packages register and withdraw."""
    versions = {name: version for name, version in state.versions().items() if name not in gone}
    versions.update({change.name: change.new for change in installs if is_cuda_package(change.name)})
    packages = tuple(Package(name, version, "install", "installed") for name, version in versions.items())
    mine = from_packages(versions)
    taken = [toolkit.path for toolkit in mine]
    others = [
        each for each in state.toolkits if each.origin in ("runfile", "hand") and each.path not in taken
    ]
    default = state.default
    was = {each.path for each in state.toolkits if each.origin == "package"}
    now = {each.path: each for each in mine if each.origin == "package"}
    for path in sorted(now):
        if path not in was:
            first, second = now[path].minor.split(".")
            default = _registered(default, path, int(first) * 10 + int(second))
    for path in sorted(was - set(now)):
        default = _withdrawn(default, path)
    return replace(state, packages=packages, toolkits=by_version([*mine, *others]), default=default)


def _registered(default: Default, path: str, priority: int) -> Default:
    """update-alternatives --install /usr/local/cuda cuda PATH PRIORITY"""
    choices = tuple(sorted({**dict(default.choices), path: priority}.items()))
    if default.kind == "other":
        return replace(default, choices=choices)
    if default.kind == ALTERNATIVE and not default.automatic:
        return replace(default, choices=choices)
    return Default(ALTERNATIVE, max(choices, key=lambda choice: choice[1])[0], choices, True)


def _withdrawn(default: Default, path: str) -> Default:
    """update-alternatives --remove cuda PATH"""
    choices = tuple(choice for choice in default.choices if choice[0] != path)
    if default.kind != ALTERNATIVE:
        return replace(default, choices=choices)
    if not choices:
        return Default()
    if default.target == path or default.automatic:
        return Default(ALTERNATIVE, max(choices, key=lambda choice: choice[1])[0], choices, True)
    return replace(default, choices=choices)


def _install(state: CudaState, step: Step, repository: Repository) -> CudaState:
    repository.installed = state.versions()
    asked = AskTransaction((), step.data.targets, step.data.downgrade, reinstall=step.data.reinstall)
    changes = repository.transaction(asked)
    assert isinstance(changes, Transaction), changes
    unpacked = {change.name for change in changes.installs}
    lost = {name: paths for name, paths in state.lost.items() if name not in unpacked}
    unmet = {name: by for name, by in state.unmet.items() if name not in unpacked}
    state = replace(state, lost=lost, unmet=unmet)
    state = replace(state, libxml2=state.libxml2 or any("libxml2=" in each for each in step.data.targets))
    return _changed(state, changes.installs, ())


def _purge(state: CudaState, step: Step, repository: Repository) -> CudaState:
    repository.installed = state.versions()
    gone = repository.answer(AskPurge(step.data.names)).removals
    return _changed(state, (), tuple(change.name for change in gone))


def _default(state: CudaState, step: Step, _repository: Repository) -> CudaState:
    default, path = state.default, step.data.path
    if default.kind == ALTERNATIVE or (default.kind is None and default.choices):
        choices = tuple(sorted({path: step.data.priority, **dict(default.choices)}.items()))
        return replace(state, default=Default(ALTERNATIVE, path, choices, False), cache_stale=True)
    return replace(state, default=replace(default, kind=LINK, target=path), cache_stale=True)


def _file(state: CudaState, step: Step, _repository: Repository) -> CudaState:
    path, content = step.data.path, getattr(step.data, "content", None)
    if "/modules/" in path:
        files: Mapping[str, str] = {key: text for key, text in state.module_files.items() if key != path}
        return replace(state, module_files={**files, path: content} if content else files)
    sources = tuple(source for source in state.sources if source.path != path)
    if content and "/sources.list.d/" in path:
        sources += tuple(parse_deb822(content, path))
    return replace(state, own_files={**state.own_files, path: content}, sources=sources)


def _cached(state: CudaState, _step: Step, _repository: Repository) -> CudaState:
    return replace(state, cache_stale=False)


def _finish(state: CudaState, _step: Step, _repository: Repository) -> CudaState:
    return replace(state, unsettled=())


def _nothing(state: CudaState, _step: Step, _repository: Repository) -> CudaState:
    return state


def _fetched(state: CudaState, step: Step, _repository: Repository) -> CudaState:
    return replace(state, downloads={**state.downloads, step.data.path: 4 * GIB})


def _unfetched(state: CudaState, step: Step, _repository: Repository) -> CudaState:
    left = {path: size for path, size in state.downloads.items() if path != step.data}
    return replace(state, downloads=left)


def _without_tree(state: CudaState, path: str) -> CudaState:
    return replace(
        state,
        toolkits=tuple(each for each in state.toolkits if each.path != path),
        unfinished=tuple(each for each in state.unfinished if each.path != path),
    )


def _installer(state: CudaState, step: Step, _repository: Repository) -> CudaState:
    """It needs its file and its library, and no other tree where it writes."""
    data = step.data
    assert state.libxml2 and (data.file in state.downloads or not data.file.startswith(CACHE))
    there = state.toolkit_at(data.path)
    assert (there is not None and there.origin == RUNFILE) is data.replaces
    new = Toolkit(data.path, data.release, RUNFILE)
    state = _without_tree(state, data.path)
    return replace(state, toolkits=by_version([*state.toolkits, new]))


def _uninstaller(state: CudaState, step: Step, _repository: Repository) -> CudaState:
    """Its choice of the alternative goes, and a plain link to it."""
    path = step.data.path
    there = state.toolkit_at(path, unfinished=True)
    assert there is not None and there.origin not in (PACKAGE, "hand")
    default = _withdrawn(state.default, path)
    if default.kind == LINK and default.target == path:
        default = replace(default, kind=None, target=None)
    return replace(_without_tree(state, path), default=default)


_AFTER: Dict[str, Any] = {
    "download": _fetched,
    "remove-download": _unfetched,
    "run-installer": _installer,
    "run-uninstaller": _uninstaller,
    "write-file": _file,
    "remove-file": _file,
    "refresh-index": _nothing,
    "install": _install,
    "purge": _purge,
    "set-default": _default,
    "renew-linker-cache": _cached,
    "finish-dpkg": _finish,
}
