# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is wished for which GPUs of a node."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from .._dataclass import dataclass
from .._scalar import BadWish
from .._targets import Known, Selection, assigned
from .wish import Entry


@dataclass(frozen=True)
class Request(Selection):
    """What shall be on some GPUs, on all that have MIG if none is named.

    ``instances`` None: they stay as they are.
    """

    mig: bool = True
    instances: Optional[Tuple[Entry, ...]] = None


def assign(requests: Sequence[Request], known: Sequence[Known]) -> Tuple[Tuple[Known, Request], ...]:
    """The request for each GPU that has one, in the order of the GPUs. Raises BadWish."""
    found = assigned(requests, known, [gpu for gpu in known if gpu.mig_capable])
    _check_ids(found, known)
    return tuple((gpu, found[gpu.index]) for gpu in known if gpu.index in found)


def _check_ids(found: Dict[int, Request], known: Sequence[Known]) -> None:
    """A profile id means different things on different models. Raises BadWish."""
    models: Dict[str, List[str]] = {}
    for gpu in known:
        request = found.get(gpu.index)
        if request and any(entry.profile.isdigit() for entry in request.instances or ()):
            models.setdefault(request.where, [])
            if gpu.name not in models[request.where]:
                models[request.where].append(gpu.name)
    for where, names in models.items():
        if len(names) > 1:
            raise BadWish(
                "%s names a profile by its id, which is not the same on %s: write its name."
                % (where, " and ".join(names))
            )
