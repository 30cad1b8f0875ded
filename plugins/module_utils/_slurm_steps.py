# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The processes with which Slurm serves jobs on a node: one slurmstepd for each step."""

from __future__ import annotations

import os
from typing import Iterator, Tuple

from ._host import Files

STEP = "slurmstepd"


def steps(files: Files) -> Iterator[Tuple[str, str]]:
    """(pid, title) of each; a title is "slurmstepd: [4711.batch]" once it serves a step, else its words.

    "slurmstepd infinity" is none: slurmd starts it under control groups of version 2 to keep their scope. It
    serves no job, and stays when slurmd ends (slurm.schedmd.com, cgroup_v2.html).
    """
    for pid in files.names("/proc"):
        if not (pid.isdigit() and (files.text("/proc", pid, "comm") or "").startswith(STEP)):
            continue
        words = (files.text("/proc", pid, "cmdline") or "").rstrip("\0").split("\0")
        if len(words) == 2 and os.path.basename(words[0]).startswith(STEP) and words[1] == "infinity":
            continue
        yield pid, " ".join(words).strip()
