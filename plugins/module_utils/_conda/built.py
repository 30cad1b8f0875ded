# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What pip built in an environment, how and against what: does that still hold? Pure."""

from __future__ import annotations

from typing import Iterable, List, Sequence, Tuple

from .pip_wish import Build, Built, name_of

#: What a compiled extension depends on, by the names of distributions and of conda packages.
_FRAMEWORKS = ("torch", "pytorch", "libtorch", "tensorflow", "tensorflow-base", "jax", "jaxlib")


def against(packages: Sequence[str], pip: Iterable[str]) -> Tuple[str, ...]:
    """What an extension is built against: Python's minor and the frameworks, by lines of conda and of pip."""
    found = [line for line in packages if line.partition("=")[0] in _FRAMEWORKS]
    minor = python_in(packages)
    found += ["python " + minor] if minor else []
    found += [line for line in pip if line.partition("==")[0] in _FRAMEWORKS]
    return tuple(sorted(found))


def python_in(packages: Iterable[str]) -> str:
    """The minor of Python among lines of conda packages, "" where there is none."""
    versions = (line.split("=")[1] for line in packages if line.startswith("python="))
    return next((".".join(version.split(".")[:2]) for version in versions), "")


def framework_versions(packages: Iterable[str], pip: Iterable[str]) -> List[str]:
    """A requirement for each framework that is there, by lines of conda and of pip; pip's own counts."""
    found = {}
    for line in packages:
        name, version, _build = line.split("=", 2)
        if name in _FRAMEWORKS and name not in ("libtorch", "tensorflow-base"):
            name = "torch" if name == "pytorch" else name
            found[name] = "%s==%s" % (name, version)
    found.update({name_of(line): line for line in pip if is_framework(line)})
    return sorted(found.values())


def is_framework(requirement: str) -> bool:
    return name_of(requirement) in _FRAMEWORKS


def due(
    builds: Sequence[Build],
    known: Sequence[Built],
    pip: Sequence[str],
    now: Sequence[str],
) -> Tuple[Build, ...]:
    """Those that are not there as they are asked for. ``now``: what against() says of what will be there."""
    names = {line.partition("==")[0] for line in pip}
    there = {each.build.words(): each for each in known if each.build.name in names}
    found = []
    for build in builds:
        before = there.get(build.words())
        if before is None or before.against != tuple(now):
            found.append(build)
    return tuple(found)
