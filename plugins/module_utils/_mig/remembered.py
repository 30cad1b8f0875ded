# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What of a wish for MIG is restored at boot: for each GPU its mode, and the very instances."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict

from .._boot.plan import Chosen
from .._scalar import BadWish
from .module_wish import MigWish
from .node import MigState, NodeGpu, with_consent
from .plan_gpu import plan_gpu
from .targets import Request, assign


def chosen(state: MigState, wish: MigWish) -> Chosen:
    """The GPUs that the wish is for, in the words of the option layout."""
    # As the plan sees it: services that may stop leave their places free.
    state = with_consent(state, wish.gpu_services)
    everyone = any((each.gpus, each.model, each.devices) == (None, None, None) for each in wish.requests)
    by_index = {gpu.known.index: gpu for gpu in state.gpus}
    try:
        pairs = assign(wish.requests, [gpu.known for gpu in state.gpus])
    except BadWish:
        return Chosen({}, False)
    entries = {
        by_index[known.index].key: _entry(state, by_index[known.index], request) for known, request in pairs
    }
    return Chosen(entries, everyone and not state.silent)


def _entry(state: MigState, seen: NodeGpu, request: Request) -> Dict[str, Any]:
    """With the places that the plan gives: what a scheduler knows of them holds after a reboot too."""
    if not request.mig:
        return {"mig": False, "instances": None}
    if request.instances is None:
        return {"mig": True}
    # Also where the layout waits for a reset: the next boot is when it is to be made.
    planned = plan_gpu(state, replace(seen, reset_refused=None), request, True)
    instances = [
        {"profile": each["profile"], "placement": each["start"], "compute": each["compute"]}
        for each in planned.after["layout"]
    ]
    return {"mig": True, "instances": instances}
