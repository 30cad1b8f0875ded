# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Our files of modprobe and the initramfs, which has a copy of them. Pure.

A changed file and the initramfs made from it are two steps. The first leaves a note, the second clears it
away, so that a run which is cut off between them is completed by the next one. Packages renew the initramfs
of the running and the newest kernel only (postinst of nvidia-kernel-common): after a change of ours all are
renewed.
"""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from .._plan import Step
from .._step_data import RemoveFile, WriteFile
from .state import DriverState


def file_steps(
    state: DriverState, phase: str, path: str, content: Optional[str], what: str, why: str
) -> Tuple[Step, ...]:
    """Have this file say ``content`` (None: not be there)."""
    if state.own_files.get(path) == content:
        return ()
    kind = "modprobe" if state.has_initramfs else "file"
    if content is None:
        return (Step(phase, "remove-" + kind, what, why, RemoveFile(path)),)
    return (Step(phase, "write-" + kind, what, why, WriteFile(path, content)),)


def steps(state: DriverState, planned: Sequence[Step]) -> Tuple[Step, ...]:
    """Renew the initramfs, where one of the ``planned`` steps or a cut-off run changed what it copies."""
    changes = any(step.action.endswith("-modprobe") for step in planned)
    if not state.has_initramfs or not (changes or state.initramfs_due):
        return ()
    why = "it has a copy of the files in /etc/modprobe.d, which changed"
    return (Step("initramfs", "update-initramfs", "renew the initramfs of every kernel", why),)
