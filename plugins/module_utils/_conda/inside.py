# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Work inside an environment, as its owner: on the copy at its final path, or on a new one in its place."""

from __future__ import annotations

from typing import Any, Callable

from .._effects import Context, EffectError
from . import lock, tree
from .child import INSTALLING, ChildError, run
from .state import root_of, staging_of
from .steps import Work


def inside(
    context: Context, data: Work, work: Callable[[], Any], what: str, seconds: float = INSTALLING
) -> Any:
    """What the work returns. It sees the environment at its final path. Raises EffectError."""
    view = None
    if not data.fresh:
        view = (context.files.path(staging_of(data.prefix)), context.files.path(data.prefix))
    try:
        return run(work, view, data.ids, seconds)
    except ChildError as exc:
        give_up(context, data)
        raise EffectError("%s could not be worked on (%s): %s" % (data.prefix, what, exc)) from exc


def give_up(context: Context, data: Work) -> None:
    """Nothing half made is left."""
    tree.remove(context.files.path(data.prefix if data.fresh else staging_of(data.prefix)))
    lock.release(root_of(data.prefix))
