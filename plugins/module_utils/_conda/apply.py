# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects on an environment. Until "seal", nobody sees anything of a change."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, List, Mapping, Tuple

from .._effects import Action, Context, EffectError, RemoveFile, WriteFile, remove_file, write_file
from . import engine, lock, tree
from .bring import bring_engine
from .child import ChildError, run
from .history import with_revision
from .observe import observed_lines, pip_in
from .redact import bare, redacted
from .state import BESIDE, HISTORY, META, NOTE, UNFINISHED, leaving_of, root_of, staging_of
from .steps import Gone, PipInstall, Seal, Stage, Transact

_ALIAS = "https://conda.anaconda.org/"


def stage(context: Context, data: Stage) -> None:
    """Take the lock, and make ready what is worked on: an empty environment, or a copy of the present one."""
    root = root_of(data.prefix)
    lock.take(context.files, root)
    if observed_lines(context.files, data.prefix) != data.packages:
        lock.release(root)
        raise EffectError("%s was changed by another run while this one was planned: run again" % data.prefix)
    _clear(context, data.prefix)
    if data.fresh:
        tree.remove(context.files.path(data.prefix))
        os.makedirs(context.files.path(data.prefix, META), mode=0o755)
        write_file(context, WriteFile("%s/%s" % (data.prefix, UNFINISHED), "It is being made.\n"))
    else:
        tree.copy_linked(context.files.path(data.prefix), context.files.path(staging_of(data.prefix)))


def transact(context: Context, data: Transact) -> None:
    """Have exactly these conda packages in what is worked on."""
    prefix = context.files.path(data.prefix)
    # Beside the environments, so that files need not be copied out of it.
    cache = context.files.path(root_of(data.prefix), BESIDE, "packages")
    # For root alone: what is noted there of each package has the address that it came from, token and all.
    os.makedirs(cache, mode=0o700, exist_ok=True)
    _in_place(context, data, lambda: engine.install(prefix, data.records, cache), "install the packages")


def pip_install(context: Context, data: PipInstall) -> None:
    """Install with the environment's own pip."""
    python = context.files.path(data.prefix, "bin/python")
    argv = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    if data.index_url:
        argv += ["--index-url" if data.only_index else "--extra-index-url", data.index_url]
    # The environment's own packages alone, whatever a user has in a home directory.
    environment = {
        "PYTHONNOUSERSITE": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_NO_WARN_SCRIPT_LOCATION": "1",
    }
    argv += ["--", *data.requirements]

    def work() -> None:
        context.commands.attempt("install with pip", argv, environment)

    _in_place(context, data, work, "install with pip")


def _in_place(context: Context, data: Any, work: Any, what: str) -> None:
    """Do it to the copy, seen at its final path; to a new environment where it is."""
    view = None
    if not data.fresh:
        view = (context.files.path(staging_of(data.prefix)), context.files.path(data.prefix))
    try:
        run(work, view)
    except ChildError as exc:
        _give_up(context, data)
        raise EffectError("%s could not be worked on (%s): %s" % (data.prefix, what, exc)) from exc


def _give_up(context: Context, data: Any) -> None:
    """Nothing half made is left."""
    tree.remove(context.files.path(data.prefix if data.fresh else staging_of(data.prefix)))
    lock.release(root_of(data.prefix))


def seal(context: Context, data: Seal) -> None:
    """Write history and note, have it on disk, and put it in its place."""
    at = data.prefix if data.fresh else staging_of(data.prefix)
    _publish(context, at)
    history = with_revision(
        context.files.text(at, HISTORY) or "",
        time.strftime("%Y-%m-%d %H:%M:%S"),
        dists(context.files, at),
        [redacted(spec) for spec in data.specs],
        "labfleet.gpu conda_gpu_env",
    )
    write_file(context, WriteFile("%s/%s" % (at, HISTORY), history))
    note: Dict[str, List[str]] = {
        "wished": list(data.wished),
        "packages": list(observed_lines(context.files, at)),
        "pip": list(pip_in(context.files, at)),
    }
    write_file(context, WriteFile("%s/%s" % (at, NOTE), json.dumps(note, indent=1) + "\n"))
    tree.write_through(context.files.path(at))
    if data.fresh:
        remove_file(context, RemoveFile("%s/%s" % (at, UNFINISHED)))
        lock.release(root_of(data.prefix))
    else:
        final = context.files.path(data.prefix)
        now = (observed_lines(context.files, data.prefix), pip_in(context.files, data.prefix))
        if now != (data.packages, data.pip):
            _give_up(context, data)
            raise EffectError(
                "%s was changed by somebody while its copy was worked on, and is as they left it: run again"
                % data.prefix
            )
        tree.exchange(context.files.path(at), final, context.files.path(leaving_of(data.prefix)))


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
    lock.take(context.files, root_of(data.prefix))
    _clear(context, data.prefix)
    lock.release(root_of(data.prefix))


def _clear(context: Context, prefix: str) -> None:
    for path in (staging_of(prefix), leaving_of(prefix)):
        tree.remove(context.files.path(path))


def put_back(context: Context, data: Gone) -> None:
    """Finish an exchange that was cut off between its two moves."""
    lock.take(context.files, root_of(data.prefix))
    os.rename(context.files.path(staging_of(data.prefix)), context.files.path(data.prefix))
    lock.release(root_of(data.prefix))


def remove_environment(context: Context, data: Gone) -> None:
    """Out of sight in one move, then gone."""
    lock.take(context.files, root_of(data.prefix))
    _clear(context, data.prefix)
    leaving = context.files.path(leaving_of(data.prefix))
    os.rename(context.files.path(data.prefix), leaving)
    tree.remove(leaving)
    lock.release(root_of(data.prefix))


ACTIONS: Mapping[str, Action] = {
    "bring-engine": bring_engine,
    "stage": stage,
    "transact": transact,
    "pip-install": pip_install,
    "seal": seal,
    "sweep": sweep,
    "put-back": put_back,
    "remove-environment": remove_environment,
}
