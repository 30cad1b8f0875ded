# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""ECC within an NVML session: each function takes pynvml last and returns plain data."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from .._nvml_calls import handle_of


def set_ecc(uuid: str, enable: bool, pynvml: Any) -> List[bool]:
    """Ask for ECC from the next reset on; what it is, and will be."""
    handle = handle_of(pynvml, uuid)
    pynvml.nvmlDeviceSetEccMode(handle, int(enable))
    return [bool(each) for each in pynvml.nvmlDeviceGetEccMode(handle)]


def ecc(uuids: Sequence[str], pynvml: Any) -> Dict[str, bool]:
    """What ECC is, by UUID; a GPU that does not answer is left out."""
    found = {}
    for uuid in uuids:
        try:
            found[uuid] = bool(pynvml.nvmlDeviceGetEccMode(handle_of(pynvml, uuid))[0])
        except pynvml.NVMLError:
            continue
    return found
