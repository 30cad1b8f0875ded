# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects of gpu_check."""

from __future__ import annotations

from typing import Mapping

from .._asked import bring_pynvml
from .._clients import Work
from .._clients_away import end_work
from .._effects import Action, Context
from .._questions import Client
from .holders import looked_at
from .leftovers import in_words, why_left_over
from .plan import Ending


def end_leftovers(context: Context, data: Ending) -> None:
    """End those that still are leftovers: a pid may be another process by now, a job may have begun."""
    clients = []
    for holder in data.holders:
        now = looked_at(context.commands, context.files, holder)
        if now is not None and now.started == holder.started and why_left_over(now, data.minutes):
            clients.append(Client(now.pid, now.user, now.command))
        elif now is not None:
            context.warnings.append("%s is not ended: it is no leftover any more" % in_words(holder))
    if clients:
        end_work(context, Work(tuple(clients)))


ACTIONS: Mapping[str, Action] = {"bring-pynvml": bring_pynvml, "end-leftovers": end_leftovers}
