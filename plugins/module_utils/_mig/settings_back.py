# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What a switch of the MIG mode takes from a GPU, and the step that puts it back. Pure.

The GPU must be idle for a switch, and is reset for it before Hopper (nvmlDeviceSetMigMode; NVIDIA MIG User
Guide, "Enable MIG Mode"). So persistence goes off for the moment of the switch, on this GPU alone:
nvidia-persistenced lets go of it and stays, and so do the settings of all others.
"""

from __future__ import annotations

from typing import List, Optional

from .._gpu_values import Change, SetAll, Values, label
from .._plan import Step
from .node import NodeGpu


def taken(seen: NodeGpu) -> Values:
    """What the GPU is to get back after a switch; a cut-off run may have taken some of it already."""
    return tuple({**dict(seen.held), **dict(seen.owed)}.items())


def put_back(seen: NodeGpu, owed: Values, switched: Optional[bool] = None) -> List[Step]:
    """The step that puts ``owed`` back, if there is one.

    ``switched``: the mode that the step before it switches to, which brings persistence back itself; None
    where a run before this one took what is owed. In MIG mode a GPU has no compute mode of its own.
    """
    mig = seen.current if switched is None else switched
    named = [
        Change(name, value)
        for name, value in owed
        if not (name == "persistence" and switched is not None) and not (name == "compute_mode" and mig)
    ]
    if not named and (switched is not None or not owed):
        return []
    name = "GPU %d" % seen.known.index
    what = "%s: put back %s" % (name, ", ".join(map(str, named)))
    why = "the switch of the MIG mode takes %s" % " and ".join(label(each.setting) for each in named)
    if switched is None:
        why = "a run that was cut off did not"
    if not named:
        what = "%s: note that nothing has to be put back" % name
    return [Step("settings", "put-settings-back", what, why, SetAll(seen.key, name, tuple(named)))]


def lost_compute_mode(seen: NodeGpu) -> Optional[str]:
    """What is said of a compute mode that MIG mode takes, None where there is none."""
    mode = dict(taken(seen)).get("compute_mode")
    if mode is None:
        return None
    return "%s: compute mode %s ends with MIG mode on, and may not come back with it off." % (seen, mode)
