# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads what is around the packages: module options, the initramfs, companions, units that do not run."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, Iterator, Sequence, Tuple

from .._host import Files
from .._packages import Package
from . import options
from .state import COMPANIONS, INITRAMFS_DUE_PATH, LOADED_PATH, OPTIONS_PATH

#: Where modprobe looks, in the order in which a file hides one of the same name (modprobe.d(5)).
MODPROBE_PLACES = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)
#: Where systemd keeps the processes of its services: one hierarchy, and both kinds of several.
_SLICES = tuple("/sys/fs/cgroup%s/system.slice" % hierarchy for hierarchy in ("", "/unified", "/systemd"))


#: Lines of modprobe's configuration: the file, the words.
Lines = Sequence[Tuple[str, Tuple[str, ...]]]


def around(files: Files, packages: Iterable[Package], lines: Lines, enabled: Sequence[str]) -> Dict[str, Any]:
    """The fields of the driver's state that tell about this; ``enabled`` are units that start at boot."""
    return {
        "other_options": tuple(_other_options(files, lines)),
        "options_since": changed_at(files.path(OPTIONS_PATH)),
        "module_loaded": changed_at(files.path(LOADED_PATH)),
        "has_initramfs": files.exists("/usr/sbin/update-initramfs"),
        "initramfs_due": files.exists(INITRAMFS_DUE_PATH),
        "companions": {each.name: each.version for each in packages if _is_companion(each)},
        "idle_units": tuple(unit for unit in enabled if _is_idle(files, unit)),
    }


def changed_at(path: str) -> float:
    """When a file was put where it is (its inode's change time), 0 if it is not there."""
    try:
        return os.stat(path).st_ctime
    except OSError:
        return 0.0


def _is_companion(package: Package) -> bool:
    return package.name in COMPANIONS and package.installed


def modprobe_files(files: Files) -> Iterator[Tuple[str, str]]:
    """Path and text of every file that modprobe reads, in its order: by name, whatever the directory."""
    found: Dict[str, str] = {}
    for place in MODPROBE_PLACES:
        for name in files.names(place):
            if name.endswith(".conf"):
                found.setdefault(name, place)
    for name, place in sorted(found.items()):
        yield "%s/%s" % (place, name), files.text(place, name) or ""


def _other_options(files: Files, lines: Lines) -> Iterator[Tuple[str, str, str]]:
    for path, words in lines:
        if path != OPTIONS_PATH:
            for name, value in options.parse(" ".join(words)):
                yield path, name, value
    for word in (files.text("/proc/cmdline") or "").split():
        if word.startswith("nvidia.") and "=" in word:
            name, _equals, value = word[len("nvidia.") :].partition("=")
            yield options.COMMAND_LINE, name, value


def _is_idle(files: Files, unit: str) -> bool:
    """A service whose control group has no process; where there are no groups at all, none is idle.

    An empty group may stay behind for a while, and a service may sort its processes into groups of its own.
    """
    slices = [place for place in _SLICES if files.exists(place)]
    groups = [(place, unit, *below) for place in slices for below in ((), *_names(files, place, unit))]
    return bool(slices) and not any((files.text(*group, "cgroup.procs") or "").strip() for group in groups)


def _names(files: Files, *parts: str) -> Iterator[Tuple[str, ...]]:
    for name in files.names(*parts):
        if os.path.isdir(files.path(*parts, name)):
            yield (name,)
