# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The kernel's own driver is kept off the GPUs. Pure.

The packages of every family bring a blacklist themselves (nvidia-kernel-common, nvidia-kernel-support). Ours
is written before them where there is none yet, and is in the initramfs of every kernel; beside theirs it does
no harm.
"""

from __future__ import annotations

from typing import Tuple

from .._plan import Step
from . import initramfs
from .state import NOUVEAU_PATH, DriverState
from .target import Target, gpus_of

#: Source: NVIDIA Driver Installation Guide, "Nouveau".
CONTENT = """# nouveau stays off the GPUs that the NVIDIA driver drives (labfleet.gpu).
blacklist nouveau
options nouveau modeset=0
"""


def steps(state: DriverState, target: Target) -> Tuple[Step, ...]:
    """The blacklist, where nouveau could take the GPUs and no file forbids it."""
    nouveau = state.nouveau
    needed = (nouveau.loaded or nouveau.present) and nouveau.blacklist is None
    if state.own_files.get(NOUVEAU_PATH) is None and not (needed and gpus_of(state, target.wish)):
        return ()
    why = "nouveau would take the GPUs at the next boot"
    return initramfs.file_steps(state, "nouveau", NOUVEAU_PATH, CONTENT, "blacklist nouveau", why)
