# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A driver of NVIDIA's .run installer is removed: by its own program, and after it what that leaves.

The program leaves files that changed since they were installed, and knows nothing of kernels that it did not
build for. Which files it installed stands in its log: a line of number and path, and a line or two about it;
0 is a link and 1 a file that it installed; 2 is a link and from 100 on a file that was there before, which is
kept beside the log under its number (nvidia-installer, backup.c).
"""

from __future__ import annotations

import os
import re
import shutil
from typing import List, Tuple

from .._effects import Context
from .takeover import LOG_PATH, Uninstall

_ENTRY = re.compile(r"^([01]): (/.+)$", re.MULTILINE)
_LINK_BEFORE = re.compile(r"^2: (/.+)\n(.+)$", re.MULTILINE)
_FILE_BEFORE = re.compile(r"^(\d{3,}): (/.+)\n\d+ (\d+) (\d+) (\d+)$", re.MULTILINE)
#: Of the files in the log only those are removed by us that are the driver's without doubt.
_DRIVER_FILE = re.compile(
    r"/(?:lib(?:nvidia|cuda|nvcuvid|nvoptix|EGL_nvidia|GLESv\d\w*_nvidia|GLX_nvidia)[^/]*\.so[^/]*"
    r"|nvidia[\w-]*\.ko(?:\.\w+)?|nvidia[\w.-]*|nv-fabricmanager)$"
)


def uninstall_runfile(context: Context, data: Uninstall) -> None:
    """Run the uninstaller, then remove what it left and no package owns."""
    log = context.files.text(LOG_PATH) or ""
    entries = installed_files(log)
    if data.program:
        argv = [data.program, "--silent"]
        if not data.program.endswith("nvidia-uninstall"):
            argv.insert(1, "--uninstall")
        context.commands.attempt("remove the .run installer's driver %s" % data.version, argv)
    else:
        # Its own program does this first; where DKMS has no such module, it says so and that is all.
        context.commands.try_run(["dkms", "remove", "-m", "nvidia", "-v", data.version, "--all"])
    kept = [path for path in entries if not _removed(context, path)]
    if not data.program:
        _restore(context, log)
    if kept:
        context.warnings.append(
            "Left of the .run installer's driver %s, because they do not look like the driver's: %s."
            % (data.version, ", ".join(kept[:8]))
        )
    if any(path.startswith("/lib/modules/") for path in entries):
        context.commands.try_run(["depmod", "-a"])
    # Last, as its own program does: as long as the log is there, the next run takes up where one was cut off.
    shutil.rmtree(context.files.path(os.path.dirname(LOG_PATH)), ignore_errors=True)


def installed_files(log: str) -> Tuple[str, ...]:
    """Files and links that the installer says it installed."""
    return tuple(dict.fromkeys(path for _kind, path in _ENTRY.findall(log)))


def _restore(context: Context, log: str) -> None:
    """Put back what the installer had moved away, where nothing took its place since."""
    for path, target in _LINK_BEFORE.findall(log):
        if not os.path.lexists(context.files.path(path)):
            os.symlink(target, context.files.path(path))
    for number, path, mode, user, group in _FILE_BEFORE.findall(log):
        source, place = context.files.path(os.path.dirname(LOG_PATH), number), context.files.path(path)
        if os.path.isfile(source) and not os.path.lexists(place):
            shutil.move(source, place)
            os.chown(place, int(user), int(group))
            os.chmod(place, int(mode, 8) & 0o7777)


def _removed(context: Context, path: str) -> bool:
    """Is this file gone, a package's, or removed now?"""
    here = context.files.path(path)
    if not os.path.lexists(here) or _is_owned(context, path):
        return True
    if not _DRIVER_FILE.search(path) or os.path.isdir(here):
        return False
    os.unlink(here)
    return True


def _is_owned(context: Context, path: str) -> bool:
    """Does a package own it, under this name or under that of a system whose /lib is a link to /usr/lib?"""
    names: List[str] = [path]
    if path.startswith("/usr/"):
        names.append(path[len("/usr") :])
    elif path.startswith(("/lib/", "/bin/", "/sbin/")):
        names.append("/usr" + path)
    admindir = "--admindir=" + context.files.path("/var/lib/dpkg")
    return any(context.commands.try_run(["dpkg-query", admindir, "-S", name]).rc == 0 for name in names)
