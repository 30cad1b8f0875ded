# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which GPUs of a node a request is for, by index, UUID, PCI address, model or PCI id."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Sequence, Tuple, TypeVar

from ._dataclass import dataclass
from ._scalar import BadWish, scalar

_ADDRESS = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])\Z")
_UUID = re.compile(r"gpu-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


@dataclass(frozen=True)
class Known:
    """A GPU as it can be selected: ``address`` as in sysfs, ``device`` its PCI id, ``name`` NVML's."""

    index: int
    uuid: str
    address: str
    name: str
    device: int
    mig_capable: bool = True

    def __str__(self) -> str:
        return "%d (%s, %s)" % (self.index, self.name, self.address)


@dataclass(frozen=True)
class Selection:
    """Some GPUs. ``where`` names the request in messages.

    ``gpus`` are selectors, None for all; ``model`` and ``devices`` (PCI ids) narrow that down.
    """

    where: str
    gpus: Optional[Tuple[str, ...]] = None
    model: Optional[str] = None
    devices: Optional[Tuple[int, ...]] = None


Chosen = TypeVar("Chosen", bound=Selection)


def selectors(where: str, value: Any) -> Optional[Tuple[str, ...]]:
    """The option gpus: indices, UUIDs and PCI addresses in one form each. Raises BadWish."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        value = [value]
    if not value:
        raise BadWish("%s is empty: name a GPU, or leave it out for all." % where)
    return tuple(_selector("%s[%d]" % (where, number), each) for number, each in enumerate(value))


def _selector(where: str, value: Any) -> str:
    text = scalar(where, value).lower()
    if text.isdigit():
        return str(int(text))
    address = _ADDRESS.match(text)
    if address:
        domain = int(address[1] or "0", 16)
        return "%04x:%s:%s.%s" % (domain, address[2], address[3], address[4])
    if _UUID.match(text):
        return "GPU" + text[len("gpu") :]
    raise BadWish(
        "%s is '%s': write an index (0), a UUID (GPU-...) or a PCI address (\"0000:3b:00.0\")."
        % (where, text)
    )


def assigned(requests: Sequence[Chosen], known: Sequence[Known], usual: Sequence[Known]) -> Dict[int, Chosen]:
    """The request for each GPU that has one, by index. Raises BadWish.

    ``usual``: the GPUs that a request is for which names none. A GPU that is named and not there, a model of
    which there is none, and a GPU with two requests are refused; a request for all GPUs, or for PCI ids, may
    find none.
    """
    found: Dict[int, Chosen] = {}
    for request in requests:
        for gpu in _of(request, known, usual):
            other = found.setdefault(gpu.index, request)
            if other is not request:
                raise BadWish(
                    "%s and %s are both for GPU %s: name each GPU once." % (other.where, request.where, gpu)
                )
    return found


def _of(request: Selection, known: Sequence[Known], usual: Sequence[Known]) -> List[Known]:
    chosen = list(usual)
    if request.gpus is not None:
        chosen = []
        for selector in request.gpus:
            same = [
                gpu
                for gpu in known
                if selector.lower() in (str(gpu.index), gpu.uuid.lower(), gpu.address.lower())
            ]
            if not same:
                there = ", ".join(str(gpu) for gpu in known) or "no GPU"
                raise BadWish("There is no GPU %s on this node, which has %s." % (selector, there))
            chosen += [gpu for gpu in same if gpu not in chosen]
    if request.model is not None:
        chosen = [
            gpu for gpu in (known if request.gpus is None else chosen) if is_model(request.model, gpu.name)
        ]
        if not chosen:
            there = ", ".join(dict.fromkeys(gpu.name for gpu in known)) or "no GPU"
            raise BadWish(
                "%s is for a GPU model '%s', and this node has %s." % (request.where, request.model, there)
            )
    if request.devices is not None:
        chosen = [gpu for gpu in chosen if gpu.device in request.devices]
    return chosen


def is_model(wanted: str, name: str) -> bool:
    """Are the words of one in the other, in order? "A100 40GB" is an NVIDIA A100-SXM4-40GB, "A30" no A30X."""
    words = iter(re.split(r"[\s_-]+", name.lower()))
    return all(any(word == other for other in words) for word in re.split(r"[\s_-]+", wanted.strip().lower()))
