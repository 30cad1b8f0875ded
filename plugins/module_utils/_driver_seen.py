# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which driver a node has, for components that must fit it."""

from __future__ import annotations

import re
from typing import Optional

from ._host import Files, Host
from ._toolkit_trees import leads_to

#: The directories of shared libraries.
TRIPLETS = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}
_LOADED = re.compile(r"^NVRM version:.*?\s(\d{3}\.\d+(?:\.\d+)?)\s", re.MULTILINE)
_LIBRARY = re.compile(r"libnvidia-ml\.so\.(\d{3}\.\d+(?:\.\d+)?)$")


def driver_version(files: Files, host: Host) -> Optional[str]:
    """The installed driver, which its library tells, else the loaded one."""
    name = "/usr/lib/%s/libnvidia-ml.so.1" % TRIPLETS.get(host.machine, host.machine)
    match = _LIBRARY.search(leads_to(files, name) or "")
    match = match or _LOADED.search(files.text("/proc/driver/nvidia/version") or "")
    return match.group(1) if match else None
