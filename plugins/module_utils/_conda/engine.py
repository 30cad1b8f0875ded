# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""py-rattler: matches, solves and installs conda packages. The only file that imports it.

Everything here runs in a child process (child.py): it starts threads, and no process with threads may fork.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import sys
import tempfile
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from .pins import split
from .wheel import NEEDED, TOOLS, unpacked


@contextlib.contextmanager
def loaded(wheel: str = "") -> Iterator[Any]:
    """The module, from a wheel that is not installed if one is named. Raises RuntimeError, OSError."""
    with contextlib.ExitStack() as stack:
        if wheel:
            sys.path.insert(0, stack.enter_context(unpacked(wheel)))
        rattler = _load()
        try:
            yield rattler
        except rattler.exceptions.GatewayError as exc:
            raise RuntimeError("a channel cannot be read: %s" % _PART.sub("", str(exc))) from exc


#: Which of a channel's two parts is told of first is chance.
_PART = re.compile(r"/(?:noarch|linux-\w+)/(?:current_)?repodata[\w.]*")


def _load() -> Any:
    """The module, from the node's Python or from our directory. Raises RuntimeError."""
    if TOOLS not in sys.path:
        sys.path.append(TOOLS)
    try:
        import rattler
        import rattler.exceptions
        import rattler.networking
    except ImportError as exc:
        raise RuntimeError(
            "py-rattler cannot be loaded (%s): install py-rattler %d.%d or later for %s"
            % (exc, *NEEDED, sys.executable)
        ) from exc
    return rattler


def unmatched(prefix: str, specs: Sequence[str], wheel: str = "") -> List[str]:
    """The specs that no installed package fulfils. Raises what rattler raises for what is no spec."""
    with loaded(wheel) as rattler:
        return _unmatched(rattler, prefix, specs)


def _unmatched(rattler: Any, prefix: str, specs: Sequence[str]) -> List[str]:
    wanted = [(spec, rattler.MatchSpec(spec)) for spec in specs]
    # A record has megabytes: only those of packages that are asked for are read.
    names = {match.name.normalized for _spec, match in wanted if match.name is not None}
    paths = [path for path in _records(prefix) if os.path.basename(path).rsplit("-", 2)[0] in names]
    there = [rattler.PrefixRecord.from_path(path) for path in paths]
    return [spec for spec, match in wanted if not any(match.matches(record) for record in there)]


def solve(
    prefix: str, channels: Sequence[str], specs: Sequence[str], cuda: str, wheel: str = ""
) -> List[str]:
    """The records, as JSON, that fulfil the specs. Raises what rattler raises."""
    with loaded(wheel) as rattler:
        return _solve(rattler, prefix, channels, specs, cuda)


def _solve(rattler: Any, prefix: str, channels: Sequence[str], specs: Sequence[str], cuda: str) -> List[str]:
    import asyncio

    there = [rattler.PrefixRecord.from_path(path) for path in _records(prefix)] if prefix else []
    virtual = [
        package
        for package in (each.into_generic() for each in rattler.VirtualPackage.detect())
        if package.name.normalized != "__cuda"
    ]
    if cuda:
        build = getattr(rattler, "BuildString", str)("0")
        virtual.append(
            rattler.GenericVirtualPackage(rattler.PackageName("__cuda"), rattler.Version(cuda), build)
        )
    with tempfile.TemporaryDirectory(prefix="labfleet-gpu-") as cache:
        found = asyncio.run(
            rattler.solve(
                [rattler.Channel(each) for each in channels],
                [rattler.MatchSpec(spec) for spec in specs],
                gateway=rattler.Gateway(cache_dir=cache),
                locked_packages=there,
                virtual_packages=virtual,
            )
        )
    return sorted(record.to_json() for record in found)


def locked(places: Sequence[str], wheel: str = "") -> List[str]:
    """The records, as JSON, of the packages at these addresses ("URL#HASH"). Raises RuntimeError."""
    with loaded(wheel) as rattler:
        return _locked(rattler, places)


def _locked(rattler: Any, places: Sequence[str]) -> List[str]:
    import asyncio

    wanted: Dict[str, Dict[Tuple[str, str], str]] = {}
    for place in places:
        channel, subdir, name, digest = split(place)
        wanted.setdefault(channel, {})[subdir, name] = digest
    found = []
    with tempfile.TemporaryDirectory(prefix="labfleet-gpu-") as cache:
        gateway = rattler.Gateway(cache_dir=cache)
        for channel, files in sorted(wanted.items()):
            names = sorted({name.rsplit("-", 2)[0] for _subdir, name in files})
            subdirs = sorted({subdir for subdir, _name in files})
            rows = asyncio.run(gateway.query([rattler.Channel(channel)], subdirs, names, recursive=False))
            told = {}
            for record in (record for row in rows for record in row):
                told[record.subdir, record.file_name] = record.to_json()
            for key, digest in sorted(files.items()):
                if key not in told:
                    raise RuntimeError("%s has no %s/%s any more" % (channel, *key))
                if digest not in hashes(json.loads(told[key])):
                    raise RuntimeError("%s/%s/%s has another content than in the lock" % (channel, *key))
                found.append(told[key])
    return found


def hashes(record: Mapping[str, Any]) -> Tuple[str, ...]:
    return tuple(str(record[kind]) for kind in ("sha256", "md5") if record.get(kind))


def install(prefix: str, records: Sequence[str], cache: str) -> None:
    """Have exactly these packages in a prefix. Raises what rattler raises."""
    import asyncio

    with loaded() as rattler, tempfile.TemporaryDirectory(prefix="labfleet-gpu-") as directory:
        wanted = [_record(rattler, directory, text) for text in records]
        asyncio.run(rattler.install(wanted, prefix, cache_dir=cache, show_progress=False))


def _record(rattler: Any, directory: str, text: str) -> Any:
    """A record as rattler has it. It reads them as conda writes them, with the files of the package."""
    told = json.loads(text)
    told.update(files=[], paths_data={"paths_version": 1, "paths": []})
    path = os.path.join(directory, "%(name)s-%(version)s-%(build)s.json" % told)
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(told, stream)
    return rattler.PrefixRecord.from_path(path)


def _records(prefix: str) -> List[str]:
    return sorted(glob.glob(os.path.join(glob.escape(prefix), "conda-meta", "*.json")))
