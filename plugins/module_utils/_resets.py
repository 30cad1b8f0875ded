# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""GPU resets, and notes on GPUs that could not be reset since the node started: they wait for a reboot."""

from __future__ import annotations

import json
import re
from typing import Dict, Optional, Sequence

from ._clients import DRM
from ._deadline import HUNG, within
from ._effects import Context, EffectError, WriteFile, write_file
from ._host import Files

#: Seconds that a reset may take: with NVSwitches it is a minute and more, and one that hangs never ends.
_PATIENCE = 300.0


class ResetHung(EffectError):
    """A reset did not end; the message says since when."""


def reset(context: Context, uuids: Sequence[str]) -> Optional[str]:
    """Reset these GPUs; why they could not be, None if they were. Raises ResetHung.

    All at once: those that NVLink joins may have to be, before Ampere (nvidia-smi(1), --gpu-reset).
    """
    done = context.commands.try_run(
        within(_PATIENCE, ["nvidia-smi", "--gpu-reset", "-i", ",".join(uuids)]),
    )
    if done.rc == 0:
        return None
    if done.rc == HUNG:
        raise ResetHung("its reset did not end within %g seconds: the GPU or the driver hangs" % _PATIENCE)
    said = " ".join(done.tail(3).split()) or "nvidia-smi --gpu-reset ended with %d" % done.rc
    return with_drm(context.files, said, "'nvidia-smi --gpu-reset -i %s'" % ",".join(uuids))


def with_drm(files: Files, said: str, then: str) -> str:
    """What was said of a GPU in use, with DRM if that is loaded. ``then``: what to do once it is not."""
    if not re.search(r"\b(in use|used)\b", said, re.IGNORECASE) or not files.exists("/sys/module", DRM):
        return said
    more = "%s. The module %s is loaded and may hold it: end what uses /dev/dri, 'rmmod %s', %s, or reboot"
    return more % (said.rstrip("."), DRM, DRM, then)


def refusals(files: Files, path: str) -> Dict[str, str]:
    """By UUID: why a GPU could not be reset."""
    try:
        return dict(json.loads(files.text(path) or "{}"))
    except ValueError:
        return {}


def note_refusal(context: Context, path: str, uuid: str, why: Optional[str]) -> None:
    """Note why a GPU could not be reset; None takes the note away."""
    noted = refusals(context.files, path)
    if noted.get(uuid) == why:
        return
    noted.pop(uuid, None)
    if why is not None:
        noted[uuid] = why
    write_file(context, WriteFile(path, json.dumps(noted, sort_keys=True) + "\n"))
