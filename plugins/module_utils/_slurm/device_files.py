# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Device files that slurmd waits for and then ends without: made now, and before each start of slurmd. Pure.

nvidia-modprobe makes them: -c for a GPU's, -f for what a file of /proc/driver/nvidia/capabilities stands for
(its option-table.h; MIG User Guide, device nodes). /dev is empty after a boot, and nobody need make them.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Optional, Tuple

from .._dataclass import dataclass
from .._plan import Blocker, Step
from .._step_data import RemoveFile, WriteFile

PROGRAM = "nvidia-modprobe"
#: Where it may be.
PLACES = ("/usr/bin", "/usr/local/bin", "/usr/sbin", "/usr/local/sbin", "/bin", "/sbin")
DROP_IN = "/etc/systemd/system/slurmd.service.d/labfleet-gpu-device-files.conf"
#: A call for each file, since one for all ends at the first that fails. "-": slurmd says what it lacks. "+":
#: as root, whatever the unit says. "$$" is a "$" to systemd. labfleet-gpu-restore.service goes before slurmd.
DROP_IN_TEXT = """\
# Installed by labfleet.gpu slurm_gres: slurmd ends where a device file of gres.conf is missing.
[Service]
ExecStartPre=-+/bin/sh -c 'for file in /proc/driver/nvidia/capabilities/gpu*/mig/gi*/access \
/proc/driver/nvidia/capabilities/gpu*/mig/gi*/ci*/access; do \
test ! -e "$$file" || nvidia-modprobe -f "$$file"; done'
"""
MAKE, KEEP, FORGET = "make-device-files", "write-slurmd-drop-in", "remove-slurmd-drop-in"


@dataclass(frozen=True)
class Missing:
    """A device file that is not there, and what nvidia-modprobe is told for it; "" where nothing is known."""

    file: str
    option: str = ""
    source: str = ""


@dataclass(frozen=True)
class MakeFiles:
    files: Tuple[Missing, ...]

    @property
    def argv(self) -> List[str]:
        """One command: it takes 64 GPUs and 256 capabilities."""
        return [PROGRAM, *(word for each in self.files for word in (each.option, each.source))]


def missing(files: Iterable[str], sources: Dict[str, str]) -> Tuple[Missing, ...]:
    """What makes these; ``sources``: the file in /proc of each capability's device file."""
    return tuple(_missing(file, sources) for file in sorted(set(files)))


def _missing(file: str, sources: Dict[str, str]) -> Missing:
    if file in sources:
        return Missing(file, "-f", sources[file])
    number = file[len("/dev/nvidia") :]
    return Missing(file, "-c", number) if number.isdigit() else Missing(file or "a file of /dev/nvidia-caps")


def blockers(absent: Tuple[Missing, ...], program: bool) -> List[Blocker]:
    """Why the files cannot be made."""
    what = "Device files are not there, without which slurmd does not start"
    unknown = [each.file for each in absent if not each.option]
    if unknown:
        todo = "load the driver anew, whose /proc/driver/nvidia-caps/mig-minors has no number for them"
        return [Blocker(what, ", ".join(unknown), todo)]
    if absent and not program:
        todo = "install %s, which the driver's packages bring, and run again" % PROGRAM
        return [Blocker(what, ", ".join(each.file for each in absent), todo)]
    return []


def steps(absent: Tuple[Missing, ...], divided: bool, now: Optional[str]) -> List[Step]:
    """The files now, and the drop-in of slurmd's unit if there are MIG devices; ``now``: its text."""
    found = []
    if absent:
        what = "make %s (%s)" % (", ".join(each.file for each in absent), PROGRAM)
        found.append(Step("files", MAKE, what, "slurmd ends without them", MakeFiles(absent)))
    if divided and now != DROP_IN_TEXT:
        what, why = (
            "write %s" % DROP_IN,
            "device files of MIG devices must be there before slurmd at each boot",
        )
        found.append(Step("files", KEEP, what, why, WriteFile(DROP_IN, DROP_IN_TEXT)))
    if not divided and now is not None:
        what, why = "remove %s" % DROP_IN, "Slurm is told of no MIG devices"
        found.append(Step("files", FORGET, what, why, RemoveFile(DROP_IN)))
    return found
