# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's cuDNN packages as data, apt's answers over them, and a node that does what a plan says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Dict, List, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._alternatives import Alternative
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.manifest import Entry, Manifest
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.state import (
    OWN_FILES,
    PACKAGE,
    UNTRIED,
    CudnnState,
    header_of,
    of_manifest,
    packaged,
    part_of,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.wish import CudnnWish
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, Step
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskDigest,
    AskFile,
    AskKey,
    AskPurge,
    AskRecords,
    AskSpace,
    AskTransaction,
    Change,
    Digest,
    FileThere,
    Key,
    Record,
    Records,
    Space,
    Transaction,
    Trouble,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._sources import Source, parse_deb822
from ansible_collections.labfleet.gpu.plugins.module_utils._toolkit_trees import ToolkitTree
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import gpus

NVIDIA = "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64/"
GIB = 1024**3
#: Version, CUDA: as published for Ubuntu 22.04, oldest first.
EIGHT = (("8.9.2.26", "12.1"), ("8.9.7.29", "11.8"), ("8.9.7.29", "12.2"))
NINE = (("9.5.1.17", "11"), ("9.5.1.17", "12"), ("9.10.2.21", "11"), ("9.10.2.21", "12"), ("9.26.0.51", "12"))


def _rows() -> Dict[str, List[Tuple[str, str]]]:
    """Name to (version, Depends), newest first."""
    rows: Dict[str, List[Tuple[str, str]]] = {}
    for version, cuda in EIGHT:
        full = "%s-1+cuda%s" % (version, cuda)
        rows.setdefault("libcudnn8", []).insert(0, (full, ""))
        rows.setdefault("libcudnn8-dev", []).insert(0, (full, "libcudnn8 (= %s)" % full))
    for version, cuda in NINE:
        full, split = version + "-1", not version.startswith("9.5")
        needs = "libcudnn9-cuda-%s (= %s)" % (cuda, full)
        headers = ", libcudnn9-headers-cuda-%s (= %s)" % (cuda, full)
        rows.setdefault("libcudnn9-cuda-" + cuda, []).insert(0, (full, ""))
        rows.setdefault("libcudnn9-dev-cuda-" + cuda, []).insert(0, (full, needs + headers * split))
        rows.setdefault("libcudnn9-static-cuda-" + cuda, []).insert(0, (full, needs))
        if split:
            rows.setdefault("libcudnn9-headers-cuda-" + cuda, []).insert(0, (full, ""))
    return rows


ROWS = _rows()


class Repository:
    """What NVIDIA's repository answers, and a node's disk."""

    def __init__(self) -> None:
        self.rows = dict(ROWS)
        self.installed: Dict[str, str] = {}
        #: Other software of the node and the package that it needs.
        self.dependents: Dict[str, str] = {}
        #: What apt would do besides.
        self.besides: Tuple[Change, ...] = ()
        #: Installed packages, "name=version", that no source has any more.
        self.withdrawn: Tuple[str, ...] = ()
        self.digest: Any = Digest("sha256:" + "a" * 64, GIB)
        self.there: Any = FileThere(GIB)
        self.free = 50 * GIB

    def answer(self, question: Any) -> Any:
        if isinstance(question, AskKey):
            return Key("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
        if isinstance(question, AskDigest):
            return self.digest
        if isinstance(question, AskFile):
            return self.there
        if isinstance(question, AskSpace):
            return Space({path: ("/", self.free) for path in question.paths})
        if isinstance(question, AskRecords):
            return self._records(question)
        if isinstance(question, AskPurge):
            gone = [name for name in question.names if name in self.installed]
            gone += [name for name, needs in self.dependents.items() if needs in gone]
            return Transaction(
                (), tuple(Change(name, self.installed.get(name, "1"), "") for name in gone), 0, 0
            )
        assert isinstance(question, AskTransaction)
        return self.transaction(question)

    def _records(self, question: AskRecords) -> Records:
        return Records(
            tuple(
                Record(name, version, NVIDIA, {"depends": depends})
                for name, rows in sorted(self.rows.items())
                if re.search(question.pattern, name)
                for version, depends in rows
            )
        )

    def transaction(self, question: AskTransaction) -> Any:
        """As apt does: the targets alone may move, and what depends on exactly another version is unmet."""
        wanted: Dict[str, str] = dict(target.split("=") for target in question.install)
        after = {**self.installed, **wanted}
        for name, version in after.items():
            depends = dict(self.rows.get(name, ())).get(version)
            if depends is None:
                return Trouble("Version '%s' for '%s' was not found" % (version, name))
            for needed, exact in re.findall(r"(\S+) \(= (\S+)\)", depends):
                if after.get(needed) != exact:
                    return Trouble("%s : Depends: %s (= %s)" % (name, needed, exact))
        installs = tuple(
            Change(name, self.installed.get(name, ""), version)
            for name, version in wanted.items()
            if "%s=%s" % (name, version) not in self.withdrawn
            and (question.reinstall or self.installed.get(name) != version)
        )
        return Transaction((*installs, *self.besides), (), GIB, 2 * GIB)


def node(*architectures: str, **changes: Any) -> CudnnState:
    """Ubuntu 22.04 without a toolkit and without cuDNN."""
    pci = gpus(*architectures or ("Hopper",)) if architectures != ("none",) else ()
    host = Host("ubuntu", "22.04", "jammy", "Ubuntu 22.04.5 LTS", "x86_64", "5.15.0-91-generic", pci)
    ubuntu = Source("http://mirror.example.org/ubuntu/", "jammy", ("main",), None, "/etc/apt/sources.list")
    state = CudnnState(
        host=host,
        packages=(),
        copies=(),
        manifests=(),
        strangers={},
        toolkits=(),
        default_path=None,
        headers=Alternative(),
        unsettled=(),
        sources=(ubuntu,),
        own_files={path: None for path in OWN_FILES},
    )
    return replace(state, **changes)


def tree(version: str) -> ToolkitTree:
    return ToolkitTree("/usr/local/cuda-" + ".".join(version.split(".")[:2]), version)


def with_toolkits(state: CudnnState, *versions: str) -> CudnnState:
    """The last one is the default."""
    trees = tuple(tree(version) for version in versions)
    return replace(state, toolkits=trees, default_path=trees[-1].path)


def manifest(toolkit: str = "/usr/local/cuda-12.4", version: str = "9.5.1.17", **changes: Any) -> Manifest:
    """What an archive brought: a header, the library and a link."""
    major = version.split(".", maxsplit=1)[0]
    library = "lib64/libcudnn.so." + ".".join(version.split(".")[:3])
    entries = (
        Entry("include/cudnn_version.h", "1" * 64, size=9, changed=1),
        Entry(library, "2" * 64, size=9, changed=1),
        Entry("lib64/libcudnn.so." + major, target=library[6:]),
    )
    made = Manifest(toolkit, version, "12", "sha256:" + "a" * 64, "dev", entries)
    return replace(made, **changes)


def unpacked(state: CudnnState, *manifests: Manifest) -> CudnnState:
    """These archives are in their toolkits."""
    places = [each.toolkit for each in manifests]
    copies = [copy for copy in state.copies if copy.place not in places]
    return replace(state, manifests=manifests, copies=(*copies, *(of_manifest(each) for each in manifests)))


def settled(state: CudnnState, wish: CudnnWish, repository: Repository) -> Tuple[Plan, List[Any]]:
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


def done(state: CudnnState, wish: CudnnWish) -> CudnnState:
    """The node after the wish: its promise holds, and nothing more is to be done."""
    repository = Repository()
    found, _asked = settled(state, wish, repository)
    assert not found.blockers, found.blockers
    for step in found.steps:
        state = _AFTER[step.action](state, step)
    now = summary(state)
    for key, value in found.foretold().items():
        assert now[key] == value, "%s is %s and should be %s" % (key, now[key], value)
    again = plan(state, replace(wish, update=False), {})
    assert (again.steps, again.questions, again.blockers) == ((), (), ())
    return state


def _moved(state: CudnnState, versions: Dict[str, str], touched: List[str]) -> CudnnState:
    packages = tuple(Package(name, version, "install", "installed") for name, version in versions.items())
    others = [copy for copy in state.copies if copy.origin != PACKAGE]
    mine = packaged(state.host, versions)
    taken = [copy.library for copy in mine]
    copies = [*mine, *(copy for copy in others if copy.library not in taken)]
    headers = state.headers
    for name in touched:
        package = part_of(name)
        if package.part == "dev":
            headers = _withdrawn(headers, header_of(state.host, package.major or ""))
            if name in versions:
                path = header_of(state.host, package.major or "")
                headers = _registered(headers, path, int(package.major or "0") * 10)
    return replace(state, packages=packages, copies=tuple(copies), headers=headers)


def _registered(now: Alternative, path: str, priority: int) -> Alternative:
    choices = tuple(sorted({**dict(now.choices), path: priority}.items()))
    best = max(choices, key=lambda choice: choice[1])[0]
    return Alternative(best if now.automatic else now.target, now.automatic, choices)


def _withdrawn(now: Alternative, path: str) -> Alternative:
    choices = tuple(choice for choice in now.choices if choice[0] != path)
    if not choices:
        return Alternative()
    if now.target == path or now.automatic:
        return Alternative(max(choices, key=lambda choice: choice[1])[0], True, choices)
    return replace(now, choices=choices)


def _install(state: CudnnState, step: Step) -> CudnnState:
    targets = dict(target.split("=") for target in step.data.install.targets)
    lost = {name: paths for name, paths in state.lost.items() if name not in targets}
    unmet = {name: by for name, by in state.unmet.items() if name not in targets}
    state = replace(state, untried=step.data.major, lost=lost, unmet=unmet)
    return _moved(state, {**state.versions(), **targets}, list(targets))


def _purge(state: CudnnState, step: Step) -> CudnnState:
    left = {name: version for name, version in state.versions().items() if name not in step.data.names}
    return _moved(state, left, list(step.data.names))


def _headers(state: CudnnState, step: Step) -> CudnnState:
    return replace(state, headers=Alternative(step.data, False, state.headers.choices))


def _unpack(state: CudnnState, step: Step) -> CudnnState:
    data = step.data
    new = manifest(
        data.toolkit, data.version, checksum=data.checksum, components=data.components, verified=False
    )
    others = [each for each in state.manifests if each.toolkit != data.toolkit]
    strangers = {path: names for path, names in state.strangers.items() if path != data.toolkit}
    return unpacked(replace(state, strangers=strangers), *others, new)


def _verify(state: CudnnState, step: Step) -> CudnnState:
    manifests = [
        replace(each, verified=True) if each.toolkit == step.data.toolkit else each
        for each in state.manifests
    ]
    untried = state.untried if step.data.toolkit else None
    return replace(state, manifests=tuple(manifests), untried=untried)


def _remove(state: CudnnState, step: Step) -> CudnnState:
    manifests = tuple(each for each in state.manifests if each.toolkit != step.data)
    copies = tuple(copy for copy in state.copies if copy.place != step.data)
    return replace(state, manifests=manifests, copies=copies)


def _file(state: CudnnState, step: Step) -> CudnnState:
    path, content = step.data.path, getattr(step.data, "content", None)
    sources = tuple(source for source in state.sources if source.path != path)
    if content and "/sources.list.d/" in path:
        sources += tuple(parse_deb822(content, path))
    return replace(state, own_files={**state.own_files, path: content}, sources=sources)


def _forget(state: CudnnState, step: Step) -> CudnnState:
    name = step.data.rpartition("/")[2]
    if step.data == UNTRIED:
        return replace(state, untried=None)
    staged = tuple(path for path in state.staged if path != step.data)
    return replace(state, cached=tuple(each for each in state.cached if each != name), staged=staged)


def _same(state: CudnnState, _step: Step) -> CudnnState:
    return state


_AFTER: Dict[str, Any] = {
    "write-file": _file,
    "remove-file": _file,
    "refresh-index": _same,
    "install-cudnn": _install,
    "purge": _purge,
    "set-headers": _headers,
    "download": _same,
    "unpack-archive": _unpack,
    "verify-cudnn": _verify,
    "remove-archive": _remove,
    "forget": _forget,
}
