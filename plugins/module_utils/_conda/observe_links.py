# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The links of an environment that CUDA programs and builds go by, and what its cuDNN lacks."""

from __future__ import annotations

import json
from typing import Iterator, Tuple

from .._host import Files
from .observe_tools import RUNTIME, runtime_behind
from .specs import name_of
from .state import META, Links

_STEM = "libcudart.so"


def links_in(files: Files, prefix: str) -> Links:
    """What there is in an environment, nothing where there is none."""
    names = [name for name in files.names(prefix, "lib") if name.startswith(_STEM)]
    return Links(
        runtime=tuple(
            (name, runtime_behind(files, "%s/lib/%s" % (prefix, name)))
            for name in names
            if files.link(prefix, "lib", name) is not None
        ),
        files=tuple(sorted(_files(files, prefix))),
        lib64=files.exists(prefix, "lib64") or files.link(prefix, "lib64") is not None,
        lacking=_lacking(files, prefix),
    )


def _files(files: Files, prefix: str) -> Iterator[Tuple[str, str]]:
    """Packages of CUDA 12 and later have the file below targets, and a link to it in lib."""
    places = [("lib", "")]
    places += [
        ("targets/%s/lib" % name, "../targets/%s/lib/" % name) for name in files.names(prefix, "targets")
    ]
    for place, way in places:
        for name in files.names(prefix, place):
            match = RUNTIME.match(name)
            whole = match and match.group(1).count(".") == 2
            if match and whole and files.link(prefix, place, name) is None:
                yield way + name, match.group(1)


def _lacking(files: Files, prefix: str) -> Tuple[str, ...]:
    """What cuDNN's record names of CUDA and has no record itself: cuDNN came without or before it."""
    names = [name for name in files.names(prefix, META) if name.endswith(".json")]
    there = {name.rsplit("-", 2)[0] for name in names}
    found = set()
    for name in names:
        if name.rsplit("-", 2)[0] in ("cudnn", "libcudnn"):
            try:
                depends = json.loads(files.text(prefix, META, name) or "{}").get("depends") or ()
            except (ValueError, AttributeError):
                continue
            found |= {name_of(str(each)) for each in depends}
    return tuple(sorted(each for each in found - there if each.startswith("cuda")))
