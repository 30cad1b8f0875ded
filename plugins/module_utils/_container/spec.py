# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A CDI specification as NVIDIA's tool writes it, and whether it tells of the GPUs that are there. Pure.

Source: CDI specification (cncf-tags/container-device-interface); pkg/nvcdi and cmd/nvidia-ctk/cdi/generate of
NVIDIA/nvidia-container-toolkit@d34b304: a device has a name for its place ("0", "1:0" for MIG), one for its
UUID, or both; "all" has every one. With --device-name-strategy=type-index the place is "gpu0" or "mig1:0"
(pkg/nvcdi/namer.go). A name comes before or after the edits.
"""

from __future__ import annotations

import re
from typing import Dict, FrozenSet, Mapping, Optional, Sequence, Tuple

from .._dataclass import dataclass

#: Directories of specifications, the more important last. /var/run is /run.
DIRECTORIES = ("/etc/cdi", "/run/cdi")
KIND = "nvidia.com/gpu"
#: Where the toolkit's own service writes it, and where we have it written where there is no such service.
REFRESHED, OWN = "/run/cdi/nvidia.yaml", "/etc/cdi/nvidia.yaml"

_KIND = re.compile(r"^[\"']?kind[\"']?:\s*[\"']?([^\s\"',]+)", re.MULTILINE)
_ITEM = re.compile(r"^(\s*)- ")
_NAME = re.compile(r"^\s*(?:- )?name:\s*[\"']?([^\"'\n]+?)[\"']?\s*$")
_NODE = re.compile(r"^\s*(?:- )?path:\s*[\"']?(/dev/[^\s\"']+)")
_VERSION = re.compile(
    r"(?:libnvidia-ml\.so|libcuda\.so)\.(\d{3}\.\d+(?:\.\d+)?)|host-driver-version=(\d{3}[\d.]+)"
)
#: Names that stand for several devices, or none.
_TOGETHER = ("all", "none")


@dataclass(frozen=True)
class Spec:
    """One file: device files by name of the device, and the driver whose libraries it mounts."""

    path: str
    devices: Mapping[str, FrozenSet[str]]
    driver: Optional[str]


@dataclass(frozen=True)
class GpuDevice:
    """What a container can get: a GPU that is not divided, or a MIG device. ``place`` as in "1:0".

    ``files`` are those of its device files that are there.
    """

    place: str
    uuid: str
    files: Tuple[str, ...]

    @property
    def names(self) -> Tuple[str, ...]:
        """What a specification may call it."""
        return self.place, ("mig" if ":" in self.place else "gpu") + self.place, self.uuid


def parsed(path: str, text: str) -> Optional[Spec]:
    """The file, if it is about NVIDIA's GPUs."""
    kind = _KIND.search(text)
    if not kind or kind.group(1) != KIND:
        return None
    versions = {one or other for one, other in _VERSION.findall(text)}
    return Spec(path, _devices(text), versions.pop() if len(versions) == 1 else None)


def _devices(text: str) -> Dict[str, FrozenSet[str]]:
    """The entries of the list "devices": what is indented below it, to the next key of the document."""
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if line.rstrip() == "devices:"), None)
    if start is None:
        return {}
    items: "list[list[str]]" = []
    depth: Optional[int] = None
    for line in lines[start + 1 :]:
        item = _ITEM.match(line)
        if line[:1] not in ("", " ", "-"):
            break
        if item and depth is None:
            depth = len(item.group(1))
        if item and len(item.group(1)) == depth:
            items.append([])
        if items:
            items[-1].append(line)
    found = {}
    for entry in items:
        names = [match.group(1) for match in map(_NAME.match, entry) if match]
        nodes = [match.group(1) for match in map(_NODE.match, entry) if match]
        if names:
            found[names[0]] = frozenset(nodes)
    return found


def effective(specs: Sequence[Spec]) -> Dict[str, Tuple[Spec, FrozenSet[str]]]:
    """Each device with the file that decides on it: one of a more important directory does."""
    found: Dict[str, Tuple[Spec, FrozenSet[str]]] = {}
    for directory in DIRECTORIES:
        for spec in specs:
            if spec.path.startswith(directory + "/"):
                found.update({name: (spec, files) for name, files in spec.devices.items()})
    return found


def stale(specs: Sequence[Spec], devices: Sequence[GpuDevice], driver: Optional[str]) -> str:
    """Why the specifications do not tell of these devices under this driver, in a phrase; "" if they do."""
    named = effective(specs)
    if not named:
        return "there is no CDI specification"
    for spec in {id(spec): spec for spec, _files in named.values()}.values():
        if driver and spec.driver and spec.driver != driver:
            return "%s is for driver %s, and %s is there" % (spec.path, spec.driver, driver)
    known = {name: each for each in devices for name in each.names}
    for name, (spec, files) in sorted(named.items()):
        if name in _TOGETHER:
            continue
        if name not in known:
            return "%s has %s, which is not there" % (spec.path, name)
        if set(known[name].files) - files:
            return "%s has other device files for %s" % (spec.path, name)
    missing = [each.uuid for each in devices if not set(each.names) & set(named)]
    if missing:
        return "%s is not in the CDI specification" % missing[0]
    if "all" in named and {file for each in devices for file in each.files} - named["all"][1]:
        return "%s lacks device files for all" % named["all"][0].path
    return ""
