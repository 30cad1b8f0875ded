# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which packages make up a toolkit that is to go. Pure."""

from __future__ import annotations

import re
from typing import Iterable, List, Mapping, Sequence, Tuple

from .._catalog.cuda import minor_of_package
from .._catalog.versions import major
from .state import DISTRIBUTION, DISTRIBUTION_PACKAGE, CudaState, Toolkit


def names_of(state: CudaState, going: Sequence[Toolkit], versions: Mapping[str, str]) -> Tuple[str, ...]:
    """The packages of these toolkits; of what several share, that which no other needs any more.

    ``versions`` are the installed packages by the time that these go.
    """
    minors = {toolkit.minor for toolkit in going if toolkit.origin != DISTRIBUTION}
    known = {*versions, *(package.name for package in state.packages)}
    names = [name for name in known if minor_of_package(name) in minors]
    if minors:
        staying = {minor_of_package(name) for name in versions} - minors
        names += _shared(known, {major(name) for name in staying if name})
    if any(toolkit.origin == DISTRIBUTION for toolkit in going):
        names.append(DISTRIBUTION_PACKAGE)
    return tuple(sorted(names))


_SHARED = re.compile(r"cuda-toolkit-(?:(\d+)-)?config-common\Z")


def _shared(known: Iterable[str], majors: "set[str]") -> List[str]:
    """cuda-toolkit-config-common and those of a major, where no toolkit is left that they prepare for."""
    found = []
    for name in known:
        match = _SHARED.match(name)
        if match and (match.group(1) not in majors if match.group(1) else not majors):
            found.append(name)
    return found
