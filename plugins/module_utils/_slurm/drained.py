# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Whether a node's GPUs may change now. Pure.

gres.conf(5), MultipleFiles: a node is drained before the count of its records changes, since jobs that use
them are aborted otherwise. Draining waits for jobs, so it is the admin's: nothing here drains or resumes.
"""

from __future__ import annotations

from typing import Optional

from .._plan import Blocker
from .._slurm_steps import STEP
from .node import SlurmState

_DRAIN = "scontrol update NodeName=%s State=DRAIN Reason=GPUs"
_RUN = "'%s', wait until 'scontrol show node %s' says IDLE+DRAIN, and run again; then State=RESUME"


def not_drained(state: SlurmState, node: str) -> Optional[Blocker]:
    """Why nothing may change now, or None."""
    seen = state.controller
    drain = _RUN % (_DRAIN % node, node)
    if not state.processes and (seen.trouble or not seen.state or seen.away):
        # No daemon and no job here, and no controller that would send one.
        return None
    if seen.trouble:
        what = "It cannot be told whether the node is drained"
        return Blocker(what, "%s: %s" % (node, seen.trouble), "have slurmctld answer here, then " + drain)
    if not seen.state:
        what = "Slurm runs here, and slurmctld knows no such node"
        return Blocker(what, node, "set node_name: NAME, the one that this node has in slurm.conf")
    if seen.drained and STEP not in state.processes:
        return None
    work = "; jobs " + ", ".join(seen.jobs) if seen.jobs else ""
    what = "The GPUs of a node change only while it is drained"
    return Blocker(what, "%s is %s%s" % (node, seen.state, work), drain)
