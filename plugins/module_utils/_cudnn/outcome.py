# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A plan in the making: its steps, and what they lead to. Pure."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Dict, List

from .._alternatives import Alternative
from .._dataclass import dataclass
from .._lost_told import left_lost
from .._plan import Step
from .._step_data import Install
from .state import PACKAGE, Copy, CudnnState, header_of, is_cudnn_package, packaged, part_of

if TYPE_CHECKING:
    from .._questions import Transaction


@dataclass(frozen=True)
class InstallCudnn:
    """What apt is to do, and the major that is to be tried out afterwards."""

    install: Install
    major: str


@dataclass(frozen=True)
class Verify:
    """What is to be loaded and asked: ``header`` is "" where none belongs to it.

    ``toolkit``: the one whose list of files is closed once the answer is right.
    """

    library: str
    header: str
    version: str
    toolkit: str = ""


@dataclass
class Outcome:
    """The steps so far, and what will be there after them."""

    state: CudnnState
    steps: List[Step] = field(default_factory=list)
    versions: Dict[str, str] = field(default_factory=dict)
    #: What is not of packages, by library.
    others: Dict[str, Copy] = field(default_factory=dict)
    warnings: List[str] = field(default_factory=list)
    #: False where an archive does not tell its version before it is opened.
    certain: bool = True
    headers: Alternative = Alternative()
    #: The packages that apt puts there, again or for the first time.
    unpacked: List[str] = field(default_factory=list)

    @classmethod
    def of(cls, state: CudnnState) -> Outcome:
        """Where everything stays as it is."""
        others = {copy.library: copy for copy in state.copies if copy.origin != PACKAGE}
        return cls(state, versions=state.versions(), others=others, headers=state.headers)

    def copies(self) -> List[Copy]:
        host = self.state.host
        found = dict(self.others)
        seen = {copy.library: copy for copy in self.state.copies}
        for copy in packaged(host, self.versions):
            before = seen.get(copy.library)
            # What stays as it is keeps the header that was read.
            kept = replace(copy, header=before.header) if before and before.header and copy.header else copy
            found[copy.library] = kept if before == kept else copy
        return list(found.values())

    def moved(self, transaction: Transaction) -> None:
        """apt did this."""
        touched = [change.name for change in (*transaction.removals, *transaction.installs)]
        self.unpacked += [change.name for change in transaction.installs]
        for change in transaction.removals:
            self.versions.pop(change.name, None)
        for change in transaction.installs:
            if is_cudnn_package(change.name):
                self.versions[change.name] = change.new
        self.headers = self._headers(touched)

    def lost(self) -> List[str]:
        """What will still be gone, a line for each package."""
        return left_lost(self.state.lost, self.state.unmet, self.versions, self.unpacked)

    def removed(self, names: List[str]) -> None:
        for name in names:
            self.versions.pop(name, None)
        self.headers = self._headers(names)

    def _headers(self, touched: List[str]) -> Alternative:
        """A development package registers its header when it comes, and withdraws it when it goes or moves.

        A choice that somebody made holds until its package is touched.
        """
        dev = {part_of(name).major for name in self.versions if part_of(name).part == "dev"}
        majors = sorted(each for each in dev if each)
        choices = {header_of(self.state.host, each): int(each) * 10 for each in majors}
        now = self.headers
        broken = {
            header_of(self.state.host, part_of(name).major or "")
            for name in touched
            if part_of(name).part == "dev"
        }
        if not choices:
            return Alternative()
        if not now.automatic and now.target in choices and now.target not in broken:
            return Alternative(now.target, False, tuple(choices.items()))
        return Alternative(max(choices, key=lambda path: choices[path]), True, tuple(choices.items()))
