# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects that only the toolkits have; the rest is shared."""

from __future__ import annotations

import errno
import os
from typing import Any, Mapping

from .._effects import Action, Context, Names, sync_directory
from .default import SetDefault
from .observe import observe_default
from .records import read, read_all
from .state import ALTERNATIVE, DEFAULT_PATH, OTHER


def set_default(context: Context, data: SetDefault) -> None:
    """Let /usr/local/cuda lead to a toolkit, in its own way: by its alternative, or as a plain link."""
    now = observe_default(context.files, read_all(context.files))
    if now.taken:
        from .installer import restore_link

        record = read(context.files, now.taken)
        restore_link(context, record.link if record else None)
        now = observe_default(context.files)
        if now.target == data.path:
            return
    if now.kind == OTHER:
        raise OSError(errno.EEXIST, "is a directory and not a link", DEFAULT_PATH)
    if now.kind == ALTERNATIVE or (now.kind is None and now.choices):
        _alternative(context, data, data.path in [path for path, _priority in now.choices])
    elif now.target != data.path:
        _link(context, data.path)


def _alternative(context: Context, data: SetDefault, known: bool) -> None:
    what = "make %s the default" % data.path
    if not known:
        words = ["--install", DEFAULT_PATH, "cuda", data.path, "%d" % data.priority]
        context.commands.attempt(what, ["update-alternatives", *words])
    context.commands.attempt(what, ["update-alternatives", "--set", "cuda", data.path])


def _link(context: Context, target: str) -> None:
    """Replace the link in one move."""
    path = context.files.path(DEFAULT_PATH)
    temporary = path + ".labfleet-gpu"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.rename(temporary, path)
    sync_directory(os.path.dirname(path))


def mark_wanted(context: Context, data: Names) -> None:
    context.commands.attempt("mark packages as wanted", ["apt-mark", "manual", *data.names])


def renew_linker_cache(context: Context, _data: Any) -> None:
    context.commands.attempt("renew the linker's cache", ["ldconfig"])


def load() -> None:
    """Load what the actions load only when they need it."""
    from . import installer  # noqa: F401  # pylint: disable=unused-import


def _later(name: str) -> Action:
    """An action whose code is loaded where it is needed: most hosts never run an installer."""

    def act(context: Context, data: Any) -> None:
        from . import installer

        getattr(installer, name)(context, data)

    return act


ACTIONS: Mapping[str, Action] = {
    "set-default": set_default,
    "mark-wanted": mark_wanted,
    "renew-linker-cache": renew_linker_cache,
    "download": _later("download"),
    "run-installer": _later("run_installer"),
    "run-uninstaller": _later("run_uninstaller"),
    "remove-download": _later("remove_download"),
}
