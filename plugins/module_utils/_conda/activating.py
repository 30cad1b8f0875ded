# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Writes what activating an environment sources, or removes it, with no more rights than its owner has."""

from __future__ import annotations

from .._effects import Context, EffectError, RemoveFile, WriteFile, remove_file, write_file
from . import lock
from .activation import texts
from .child import ChildError, run
from .observe import observed_lines, pip_in
from .state import ACTIVATION, root_of
from .steps import Activation


def activation(context: Context, data: Activation) -> None:
    """Have the files as the packages that are there take them. Raises EffectError."""
    lock.take(context.files, root_of(data.prefix), uid=data.ids[0])
    try:
        run(lambda: have(context, data.prefix), ids=data.ids)
    except ChildError as exc:
        raise EffectError("%s could not be worked on (its activation): %s" % (data.prefix, exc)) from exc
    finally:
        lock.release(root_of(data.prefix))


def have(context: Context, prefix: str) -> None:
    """The same where the environment is being worked on already."""
    wanted = texts(observed_lines(context.files, prefix), pip_in(context.files, prefix))
    for name, text in zip(ACTIVATION, wanted):
        path = "%s/%s" % (prefix, name)
        if text and context.files.text(path) != text:
            write_file(context, WriteFile(path, text))
        elif not text:
            remove_file(context, RemoveFile(path))
