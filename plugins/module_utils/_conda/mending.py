# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Makes the links that mend an environment, each in one move, with no more rights than its owner has."""

from __future__ import annotations

import os
from typing import Iterable, Tuple

from .._effects import Context, EffectError, sync_directory
from . import lock
from .child import ChildError, run
from .inside import inside
from .state import root_of
from .steps import MendLinks


def mend_links(context: Context, data: MendLinks) -> None:
    """Make the links. Raises EffectError."""
    at = context.files.path(data.prefix)
    if data.work:
        inside(context, data.work, lambda: _make(at, data.links), "mend its links")
        return
    lock.take(context.files, root_of(data.prefix), uid=data.ids[0])
    try:
        run(lambda: _make(at, data.links), ids=data.ids)
    except ChildError as exc:
        raise EffectError("the links of %s could not be made: %s" % (data.prefix, exc)) from exc
    finally:
        lock.release(root_of(data.prefix))


def _make(prefix: str, links: Iterable[Tuple[str, str]]) -> None:
    for path, target in links:
        place = os.path.join(prefix, path)
        new = place + ".labfleet-gpu"
        if os.path.lexists(new):
            os.unlink(new)
        os.symlink(target, new)
        os.rename(new, place)
        sync_directory(os.path.dirname(place))
