# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads what is around the toolkits: the driver, module files, and what older guides left in other files."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from .._catalog.cuda import pulls_driver
from .._catalog.driver_names import is_driver_package
from .._driver_seen import driver_version
from .._host import Files, Host
from .._packages import Package
from .state import DEFAULT_PATH, LIBRARIES_PATH, MODULE_FILES, PROFILE_PATH

#: Files that guides have people edit. They are reported, never changed. Other homes than root's are not read:
#: on a fleet they are on a server, which a look at a node must not wait for.
GUIDED = (
    "/etc/environment",
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/zsh/zshenv",
    "/etc/zsh/zshrc",
    "/etc/zsh/zprofile",
    "/root/.bashrc",
    "/root/.bash_profile",
    "/root/.profile",
    "/root/.zshrc",
)


def around(files: Files, host: Host) -> Dict[str, Any]:
    """The fields of the state that tell about this."""
    lines = list(_lines(files))
    return {
        "module_files": dict(_module_files(files)),
        "driver": driver_version(files, host),
        "leftovers": tuple("%s line %d: %s" % entry for entry in lines),
        "library_paths": tuple(
            dict.fromkeys(path for path, _number, line in lines if "LD_LIBRARY_PATH" in line)
        ),
        "cache_stale": _cache_stale(files),
    }


def end_of_links(files: Files, path: str) -> Optional[str]:
    """What is behind a chain of links, as the node sees it; a broken chain ends where it ends."""
    for _link in range(8):
        target = files.link(path)
        if target is None:
            return path
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return None


_PROFILER = re.compile(r"nsight-(?:compute|systems)-\d+(?:\.\d+)+\Z")


def profilers(files: Files, packages: Iterable[Package]) -> Tuple[str, ...]:
    """Installed packages of Nsight that nobody asked for: apt notes which ones came as a dependency."""
    return _automatic(
        files, [each.name for each in packages if each.installed and _PROFILER.match(each.name)]
    )


_DRIVER_ROOT = re.compile(r"(?:cuda-drivers|nvidia-open|nvidia-driver)(?:-\d+)?(?:-open)?\Z")


def brought_drivers(files: Files, packages: Iterable[Package]) -> Tuple[str, ...]:
    """The driver's packages that came only because "apt install cuda" needs them, while that is there."""
    there = [each.name for each in packages if each.installed]
    if not any(pulls_driver(name) and not is_driver_package(name) for name in there):
        return ()
    return _automatic(files, [name for name in there if _DRIVER_ROOT.match(name)])


def glibc() -> str:
    """The version of the C library, "2.39"; empty if it is not glibc (confstr(3))."""
    try:
        name, _space, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except ValueError:
        return ""
    return version if name == "glibc" else ""


def _automatic(files: Files, names: List[str]) -> Tuple[str, ...]:
    """Those of the packages that apt notes as a dependency."""
    if not names:
        return ()
    noted = (files.text("/var/lib/apt/extended_states") or "").split("\n\n")
    automatic = {
        line.partition(": ")[2]
        for entry in noted
        if "Auto-Installed: 1" in entry
        for line in entry.splitlines()
        if line.startswith("Package: ")
    }
    return tuple(name for name in names if name in automatic)


def _module_files(files: Files) -> Iterator[Tuple[str, str]]:
    for directory in MODULE_FILES.values():
        for name in files.names(directory):
            path = "%s/%s" % (directory, name)
            text = files.text(path)
            if text is not None and "labfleet.gpu" in text:
                yield path, text


_TELLING = re.compile(r"/usr/local/cuda|CUDA_HOME=|CUDADIR=|LD_LIBRARY_PATH=\S*cuda")


def _lines(files: Files) -> Iterator[Tuple[str, int, str]]:
    """Path, number and text of lines about CUDA in files that every login reads and that are not ours."""
    profiles = ["/etc/profile.d/" + name for name in files.names("/etc/profile.d")]
    for path in (*GUIDED, *profiles):
        if path == PROFILE_PATH:
            continue
        for number, line in enumerate((files.text(path) or "").splitlines(), 1):
            text = line.strip()
            if not text.startswith("#") and _TELLING.search(text):
                yield path, number, text


def _cache_stale(files: Files) -> bool:
    """Was what the linker is to find changed after its cache was made?"""
    if files.text(LIBRARIES_PATH) is None:
        return False
    made = _times(files, "/etc/ld.so.cache")
    links: List[float] = []
    for path in (DEFAULT_PATH, "/etc/alternatives/cuda", LIBRARIES_PATH):
        links += _times(files, path)
    return not made or max(links) > made[0]


def _times(files: Files, path: str) -> List[float]:
    """When a file or link itself was put where it is; none where there is none."""
    try:
        return [os.lstat(files.path(path)).st_ctime]
    except OSError:
        return []
