# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Who gives back what a run that is killed has stopped: a transient unit, there before the first stop.

It waits for the lock that the run holds, which dies with its process, so neither a number of a process that
is used again nor a next run can come between. A run that ends well leaves no note, and the unit nothing.
"""

from __future__ import annotations

import os

from ._clients import DRM, STOPPED
from ._dataclass import dataclass
from ._effects import Context
from ._lock import PATH


@dataclass(frozen=True)
class Note:
    """A note of what a run has stopped, one in a line, and the unit that gives it back, by the run's process.

    ``driver``: the driver's modules went too. In such a note all that is left is for the next run, as it is;
    elsewhere what has been tried has a second word.
    """

    path: str
    unit: str
    driver: bool = False


#: Services that were away for a change of GPUs.
GPUS = Note(STOPPED, "labfleet-gpu-give-back-%d.service")
#: For sh, with the note, the name of DRM, the file of the lock, and "driver" for such a note. What a run has
#: tried itself has a second word and is for the next run; so is what does not start here, and then the unit
#: fails. A stop or an unload that the run had just begun is let end, and so is a dpkg that outlived the run,
#: by its locks, which are those of fcntl(2). Nothing that hangs may keep the lock for ever.
SCRIPT = """\
grep -qv ' ' "$1" 2>/dev/null || exit 0
echo $$ > "$3"
sleep 1
rm -f "$1.left"
echo 'A run ended before it had given back what it had stopped: that starts again.'
if [ "$4" = driver ]; then
    for second in $(seq 120); do
        stat -c ':%i ' /var/lib/dpkg/lock /var/lib/dpkg/lock-frontend 2>/dev/null \\
            | grep -qFf - /proc/locks || break
        sleep 1
    done
    [ -e /sys/module/nvidia ] || timeout 120 modprobe nvidia
    if [ "$(cat /sys/module/nvidia/version 2>/dev/null)" = "$(modinfo --field=version nvidia)" ]; then
        for name in nvidia_uvm nvidia_modeset; do timeout 120 modprobe --quiet "$name"; done
    fi
fi
while read -r name tried; do
    if [ -z "$tried" ]; then
        start='systemctl start --'
        [ "$name" = "$2" ] && start=modprobe
        timeout 120 $start "$name" && continue
        echo "$name does not come back: look at its log. The next run tries once more."
        [ "$4" = driver ] || tried=$$
    fi
    echo "$name${tried:+ $tried}" >> "$1.left"
done < "$1"
[ -s "$1.left" ] || exec rm "$1"
mv "$1.left" "$1"
exit 1
"""


def guard(context: Context, note: Note = GPUS) -> None:
    """Have the unit wait. Raises CommandError.

    Where systemd does not run there is no service to stop, and DRM is left to the next run.
    """
    if not _systemd(context):
        return
    unit = note.unit % os.getpid()
    if context.commands.try_run(["systemctl", "is-active", "--quiet", "--", unit]).rc == 0:
        return
    # One of a process of the same number may have failed long ago.
    context.commands.try_run(["systemctl", "reset-failed", "--", unit])
    words = [note.path, DRM, PATH, *(["driver"] if note.driver else [])]
    context.commands.attempt(
        "have systemd watch over this run, which is to stop GPU services or unload modules of the driver",
        [
            *("systemd-run", "--quiet", "--unit=" + unit, "--property=Type=exec"),
            "--description=Give back what a run that is killed has stopped for a change of GPUs",
            *("flock", "--close", PATH, "sh", "-c", SCRIPT.replace("$", "$$"), "sh", *words),
        ],
    )


def settled(context: Context, note: Note = GPUS) -> None:
    """All is given back: a unit that had failed to is no longer told by 'systemctl --failed'."""
    if _systemd(context):
        context.commands.try_run(["systemctl", "reset-failed", "--", note.unit.replace("%d", "*")])


def _systemd(context: Context) -> bool:
    return context.files.exists("/run/systemd/system")
