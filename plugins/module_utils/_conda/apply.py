# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects on an environment. Until "seal", nobody sees anything of a change."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any, Dict, List, Mapping, Tuple

from .._effects import Action, Context, EffectError, RemoveFile, WriteFile, remove_file, write_file
from .._redact import bare, redacted
from . import beside, engine, lock, program, tree
from .activating import activation, have
from .bring import bring_engine
from .child import ChildError, run
from .history import with_revision
from .inside import give_up, inside
from .mending import mend_links
from .observe import observed_lines, pip_in
from .state import HISTORY, META, NOTE, UNFINISHED, cache_of, leaving_of, root_of, staging_of
from .steps import Gone, Own, Seal, Stage, Transact
from .with_pip import pip_build, pip_install

_ALIAS = "https://conda.anaconda.org/"


def stage(context: Context, data: Stage) -> None:
    """Take the lock, and make ready what is worked on: an empty environment, or a copy of the present one."""
    prefix = data.work.prefix
    root = root_of(prefix)
    lock.take(context.files, root, uid=data.work.ids[0])
    if observed_lines(context.files, prefix) != data.packages:
        lock.release(root)
        raise EffectError("%s was changed by another run while this one was planned: run again" % prefix)
    _clear(context, prefix, data.work.ids[0])
    real = context.files.path(prefix)
    if data.work.fresh:
        tree.remove(real)
        os.makedirs(os.path.join(real, META), mode=0o755)
        write_file(context, WriteFile("%s/%s" % (prefix, UNFINISHED), "It is being made.\n"))
        if data.work.ids != (0, 0):
            tree.give(real, data.work.ids)
    else:
        with beside.opened(context.files.path(root), data.work.ids[0]) as directory:
            tree.copy_linked(real, beside.within(directory, os.path.basename(staging_of(prefix))))


def transact(context: Context, data: Transact) -> None:
    """Have exactly these conda packages in what is worked on."""
    prefix, named = context.files.path(data.work.prefix), data.program
    if named is not None:
        inside(
            context,
            data.work,
            lambda: program.install(named, prefix, data.records),
            "install the packages",
        )
        return
    # Beside the environments, so that files need not be copied out of it.
    cache = context.files.path(cache_of(data.work.prefix, data.work.ids[0]))
    with beside.opened(context.files.path(root_of(data.work.prefix)), data.work.ids[0]) as directory:
        beside.cache(directory, cache, data.work.ids)
    inside(context, data.work, lambda: engine.install(prefix, data.records, cache), "install the packages")


def seal(context: Context, data: Seal) -> None:
    """Write what its activation sources, history and note, have it on disk, and put it in its place."""
    prefix, fresh = data.work.prefix, data.work.fresh
    at = prefix if fresh else staging_of(prefix)
    inside(context, data.work, lambda: _write_notes(context, data), "note what it was made from")
    tree.write_through(context.files.path(at))
    if fresh:
        remove_file(context, RemoveFile("%s/%s" % (at, UNFINISHED)))
        lock.release(root_of(prefix))
    else:
        now = (observed_lines(context.files, prefix), pip_in(context.files, prefix))
        if now != (data.packages, data.pip):
            give_up(context, data.work)
            raise EffectError(
                "%s was changed by somebody while its copy was worked on, and is as they left it: run again"
                % prefix
            )
        with beside.opened(context.files.path(root_of(prefix)), data.work.ids[0]) as directory:
            new, old = (beside.within(directory, os.path.basename(path)) for path in (at, leaving_of(prefix)))
            tree.exchange(new, context.files.path(prefix), old)


def _write_notes(context: Context, data: Seal) -> None:
    at = data.work.prefix
    have(context, at)
    _publish(context, at)
    history = with_revision(
        context.files.text(at, HISTORY) or "",
        time.strftime("%Y-%m-%d %H:%M:%S"),
        dists(context.files, at),
        [redacted(spec) for spec in data.specs],
        "labfleet.gpu conda_gpu_env",
    )
    write_file(context, WriteFile("%s/%s" % (at, HISTORY), history))
    _write_note(context, data)


def _write_note(context: Context, data: Seal) -> None:
    at = data.work.prefix
    there = observed_lines(context.files, at)
    told: Dict[str, List[str]] = {
        "wished": list(data.wished),
        "packages": [line for line in there if line.partition("=")[0] not in data.theirs],
        "pip": list(pip_in(context.files, at)),
    }
    write_file(context, WriteFile("%s/%s" % (at, NOTE), json.dumps(told, indent=1) + "\n"))


def note(context: Context, data: Seal) -> None:
    """Note that an environment is as wished, in the environment itself: nothing else in it changes."""
    lock.take(context.files, root_of(data.work.prefix), uid=data.work.ids[0])
    try:
        run(lambda: _write_note(context, data), None, data.work.ids)
    except ChildError as exc:
        raise EffectError("%s could not be worked on (its note): %s" % (data.work.prefix, exc)) from exc
    finally:
        lock.release(root_of(data.work.prefix))


def _publish(context: Context, prefix: str) -> None:
    """Have everybody read the records, which the engine lets root alone, and no secret in them."""
    for name in context.files.names(prefix, META):
        if name.endswith(".json"):
            path = "%s/%s/%s" % (prefix, META, name)
            text = context.files.text(path) or ""
            told = json.loads(text)
            public = {key: bare(told[key]) for key in ("url", "channel") if told.get(key)}
            if public != {key: told[key] for key in public}:
                write_file(context, WriteFile(path, json.dumps(dict(told, **public), indent=2)))
            else:
                os.chmod(context.files.path(path), 0o644)


def dists(files: Any, prefix: str) -> Tuple[str, ...]:
    """Each package as conda's history has it: channel/subdir::name-version-build."""
    found = []
    for name in files.names(prefix, META):
        if name.endswith(".json"):
            told = json.loads(files.text(prefix, META, name) or "")
            channel = str(told.get("channel") or "").rstrip("/")
            channel = channel[len(_ALIAS) :] if channel.startswith(_ALIAS) else channel
            subdir = "/" + told["subdir"]
            channel = channel[: -len(subdir)] if channel.endswith(subdir) else channel
            found.append(bare("%s%s::%s" % (channel, subdir, name[: -len(".json")])))
    return tuple(sorted(found))


def sweep(context: Context, data: Gone) -> None:
    """Remove what is beside the environment, and let others go on."""
    uid = _taken(context, data.prefix)
    _clear(context, data.prefix, uid)
    lock.release(root_of(data.prefix))


def _taken(context: Context, prefix: str) -> int:
    """Take the lock; whose the environment is, or what is left of it."""
    found = 0
    for path in (prefix, staging_of(prefix), leaving_of(prefix)):
        with contextlib.suppress(OSError):
            found = os.lstat(context.files.path(path)).st_uid
            break
    lock.take(context.files, root_of(prefix), uid=found)
    return found


def _clear(context: Context, prefix: str, uid: int) -> None:
    with beside.opened(context.files.path(root_of(prefix)), uid) as directory:
        for path in (staging_of(prefix), leaving_of(prefix)):
            tree.remove(beside.within(directory, os.path.basename(path)))


def put_back(context: Context, data: Gone) -> None:
    """Finish an exchange that was cut off between its two moves."""
    uid = _taken(context, data.prefix)
    with beside.opened(context.files.path(root_of(data.prefix)), uid) as directory:
        name = os.path.basename(staging_of(data.prefix))
        os.rename(name, context.files.path(data.prefix), src_dir_fd=directory)
    lock.release(root_of(data.prefix))


def remove_environment(context: Context, data: Gone) -> None:
    """Out of sight in one move, then gone."""
    uid = _taken(context, data.prefix)
    _clear(context, data.prefix, uid)
    with beside.opened(context.files.path(root_of(data.prefix)), uid) as directory:
        leaving = beside.within(directory, os.path.basename(leaving_of(data.prefix)))
        os.rename(context.files.path(data.prefix), leaving)
        tree.remove(leaving)
    lock.release(root_of(data.prefix))


def own(context: Context, data: Own) -> None:
    """Give it to its owner, and set the mode of its directory."""
    _taken(context, data.prefix)
    try:
        tree.give(context.files.path(data.prefix), data.ids, data.mode)
    except NotADirectoryError as exc:
        raise EffectError(
            "%s is a link or a file by now, and is left alone: run again" % data.prefix
        ) from exc
    finally:
        lock.release(root_of(data.prefix))


def drop_cache(context: Context, data: Gone) -> None:
    """Remove what was unpacked: environments keep their files."""
    uid = _taken(context, data.prefix)
    with beside.opened(context.files.path(root_of(data.prefix)), uid) as directory:
        for name in os.listdir(directory):
            if name.startswith("packages"):
                tree.remove(beside.within(directory, name))
    lock.release(root_of(data.prefix))


ACTIONS: Mapping[str, Action] = {
    "bring-engine": bring_engine,
    "stage": stage,
    "transact": transact,
    "mend-links": mend_links,
    "activation": activation,
    "pip-install": pip_install,
    "pip-build": pip_build,
    "seal": seal,
    "note": note,
    "sweep": sweep,
    "put-back": put_back,
    "remove-environment": remove_environment,
    "own": own,
    "drop-cache": drop_cache,
}
