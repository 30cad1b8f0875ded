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
from ._effects import Context
from ._lock import PATH

#: Of the process that the unit waits for.
UNIT = "labfleet-gpu-give-back-%d.service"
#: For sh, with the note and the name of the module. What a run has tried itself has a second word and is for
#: the next run; so is what does not start here. A stop or an unload that the run had just begun is let end.
SCRIPT = """\
grep -qv ' ' "$1" 2>/dev/null || exit 0
sleep 1
rm -f "$1.left"
echo 'A run ended before it had given back what it had stopped: that starts again.'
while read -r name tried; do
    if [ -z "$tried" ]; then
        if [ "$name" = "$2" ]; then modprobe "$name"; else systemctl start -- "$name"; fi && continue
        tried=$$
    fi
    echo "$name $tried" >> "$1.left"
done < "$1"
if [ -s "$1.left" ]; then mv "$1.left" "$1"; else rm "$1"; fi
"""


def guard(context: Context) -> None:
    """Have the unit wait. Raises CommandError.

    Where systemd does not run there is no service to stop, and DRM is left to the next run.
    """
    if not context.files.exists("/run/systemd/system"):
        return
    unit = UNIT % os.getpid()
    if context.commands.try_run(["systemctl", "is-active", "--quiet", "--", unit]).rc == 0:
        return
    context.commands.attempt(
        "have systemd watch over this run, which is to stop GPU services or unload %s" % DRM,
        [
            *("systemd-run", "--quiet", "--collect", "--unit=" + unit, "--property=Type=exec"),
            "--description=Give back what a run that is killed has stopped for a change of GPUs",
            *("flock", "--close", PATH, "sh", "-c", SCRIPT.replace("$", "$$"), "sh", STOPPED, DRM),
        ],
    )
