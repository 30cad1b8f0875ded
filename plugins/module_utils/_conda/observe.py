# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Looks at an environment: names of files and our note, so that it takes milliseconds however large it is.

The records in conda-meta have megabytes, the list of every file. Their names tell name, version and build.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import stat
from typing import Any, Callable, List, Optional, Tuple

from .._command import Commands
from .._driver_seen import driver_version
from .._host import Files, Host
from .built import python_in
from .history import revisions
from .observe_built import built_in
from .observe_links import links_in
from .observe_tools import tools
from .specs import canonical
from .state import (
    ACTIVATION,
    BESIDE,
    HISTORY,
    META,
    NOTE,
    UNFINISHED,
    CondaState,
    Note,
    Tools,
    leaving_of,
    root_of,
    staging_of,
)
from .wish import CondaWish

_SITE = "lib"


def observer(wish: CondaWish) -> Callable[[Commands, Files, Host], CondaState]:
    """An observation of the environment that a wish is about, and of what the wish names besides."""
    return lambda _commands, files, host: observe(files, host, wish.prefix, wish)


def observe(files: Files, host: Host, prefix: str, wish: Optional[CondaWish] = None) -> CondaState:
    real = files.path(prefix)
    status = os.stat(real) if os.path.isdir(real) else None
    ids = (status.st_uid, status.st_gid) if status else (0, 0)
    wished_ids, nobody = _ids(wish, ids) if wish else (None, "")
    there = files.exists(prefix, META)
    unfinished = files.exists(prefix, UNFINISHED)
    foreign = os.path.lexists(real) and not there and (not os.path.isdir(real) or bool(files.names(prefix)))
    return CondaState(
        host=host,
        prefix=prefix,
        there=there,
        foreign=foreign,
        link=os.path.islink(real),
        read_only=bool(status and os.statvfs(real).f_flag & os.ST_RDONLY),
        unfinished=unfinished,
        packages=observed_lines(files, prefix),
        pip=pip_in(files, prefix),
        note=note_in(files.text(prefix, NOTE)),
        revisions=revisions(files.text(prefix, HISTORY) or ""),
        leftovers=tuple(
            path for path in (staging_of(prefix), leaving_of(prefix)) if os.path.lexists(files.path(path))
        ),
        driver=driver_version(files, host),
        ids=ids,
        owner=_words_of(ids) if status else "",
        mode=stat.S_IMODE(status.st_mode) if status else 0o755,
        wished_ids=wished_ids,
        wished_owner=_words_of(wished_ids) if wished_ids else "",
        nobody=nobody,
        file_text=files.text(wish.file) if wish and wish.file else None,
        built=built_in(files, prefix),
        tools=tools(files, prefix) if wish and (wish.builds or wish.clone or wish.file) else Tools(),
        links=links_in(files, prefix),
        activation=(files.text(prefix, ACTIVATION[0]) or "", files.text(prefix, ACTIVATION[1]) or ""),
        cached=any(name.startswith("packages") for name in files.names(root_of(prefix), BESIDE)),
    )


def _ids(wish: CondaWish, there: Tuple[int, int]) -> Tuple[Optional[Tuple[int, int]], str]:
    """The numbers of whom a wish names, and the name that the node does not know."""
    if not (wish.owner or wish.group):
        return None, ""
    uid, gid = there
    try:
        if wish.owner:
            found = pwd.getpwuid(int(wish.owner)) if wish.owner.isdigit() else pwd.getpwnam(wish.owner)
            uid, gid = found.pw_uid, found.pw_gid
    except KeyError:
        return None, wish.owner
    try:
        if wish.group:
            gid = int(wish.group) if wish.group.isdigit() else grp.getgrnam(wish.group).gr_gid
    except KeyError:
        return None, wish.group
    return (uid, gid), ""


def _words_of(ids: Tuple[int, int]) -> str:
    return "%s:%s" % (_name(pwd.getpwuid, ids[0]), _name(grp.getgrgid, ids[1]))


def _name(lookup: Callable[[int], Any], number: int) -> str:
    try:
        return str(lookup(number)[0])
    except KeyError:
        return str(number)


def observed_lines(files: Files, prefix: str) -> Tuple[str, ...]:
    """Each conda package as "name=version=build", in order of names."""
    found = []
    for name in files.names(prefix, META):
        parts = name[: -len(".json")].rsplit("-", 2)
        if name.endswith(".json") and len(parts) == 3:
            found.append("=".join(parts))
    return tuple(sorted(found))


def pip_in(files: Files, prefix: str) -> Tuple[str, ...]:
    """What says that pip installed it, for the Python that is there: a former one's is of no use any more.

    Conda's packages have such directories too, by another installer.
    """
    minor = python_in(observed_lines(files, prefix))
    found = []
    for python in files.names(prefix, _SITE):
        if not python.startswith("python3") or (minor and python.rstrip("t") != "python" + minor):
            continue
        site = (prefix, _SITE, python, "site-packages")
        for name in files.names(*site):
            stem, _dot, kind = name.rpartition(".")
            if kind == "dist-info" and (files.text(*site, name, "INSTALLER") or "").strip() == "pip":
                project, _dash, version = stem.partition("-")
                found.append("%s==%s" % (canonical(project), version))
    return tuple(sorted(found))


def note_in(text: Optional[str]) -> Optional[Note]:
    """Our note in an environment, None if there is none that can be read."""
    try:
        told: Any = json.loads(text or "")
        return Note(*(_words(told[key]) for key in ("wished", "packages", "pip")))
    except (ValueError, KeyError, TypeError):
        return None


def _words(value: List[Any]) -> Tuple[str, ...]:
    return tuple(str(each) for each in value)
