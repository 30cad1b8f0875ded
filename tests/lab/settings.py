# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a lab lives: paths, names and addresses, all derived from the number of the lab.

Lab 0 is the one that people use. Other numbers (``--lab 3``) give a second fleet beside it with its
own bridge, addresses and state; only the cached roots are shared.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("LABFLEET_GPU_LAB_CACHE", "/var/cache/labfleet-gpu-lab"))
CHECKOUT = Path(__file__).resolve().parents[2]
PROXY_PORT = 3142
HTTP_PORT = 8080
MAX_NODES = 250
MAX_LAB = 9


class LabError(Exception):
    """What went wrong, on what, and what to do next, in one sentence."""


@dataclass(frozen=True)
class Lab:
    """One fleet. ``number`` is 0..9."""

    number: int

    @property
    def tag(self) -> str:
        """Prefix of everything of this lab that has a name in the kernel: bridge, netns, cgroups."""
        return f"lfgpu{self.number}"

    @property
    def state(self) -> Path:
        base = Path("/var/lib/labfleet-gpu-lab")
        return base if self.number == 0 else base.with_name(f"{base.name}-{self.number}")

    @property
    def nodes(self) -> Path:
        return self.state / "nodes"

    @property
    def log(self) -> Path:
        return self.state / "log"

    @property
    def ssh(self) -> Path:
        return self.state / "ssh"

    @property
    def www(self) -> Path:
        return self.state / "www"

    @property
    def socket(self) -> Path:
        return self.state / "supervisor.sock"

    @property
    def inventory(self) -> Path:
        return self.state / "inventory.yml"

    @property
    def lock(self) -> Path:
        return Path("/run/lock") / f"labfleet-gpu-lab-{self.number}.lock"

    @property
    def bridge(self) -> str:
        return self.tag

    @property
    def host_address(self) -> str:
        return f"10.{213 + self.number}.0.1"

    def node_address(self, index: int) -> str:
        """``index`` is 1..MAX_NODES."""
        return f"10.{213 + self.number}.1.{index}"

    @property
    def proxy_url(self) -> str:
        return f"http://{self.host_address}:{PROXY_PORT}"

    @property
    def www_url(self) -> str:
        return f"http://{self.host_address}:{HTTP_PORT}"

    @property
    def proxy_cache(self) -> Path:
        return CACHE / f"apt-{self.number}"


def lab_from_environment() -> int:
    """The lab number in LABFLEET_GPU_LAB, 0 when unset."""
    text = os.environ.get("LABFLEET_GPU_LAB", "0")
    if not text.isdigit() or int(text) > MAX_LAB:
        raise LabError(f"LABFLEET_GPU_LAB is '{text}': give a number from 0 to {MAX_LAB}.")
    return int(text)
