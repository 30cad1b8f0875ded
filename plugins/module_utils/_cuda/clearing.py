# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Takes away what an installer or uninstaller left that was cut off, and never what somebody else put there.

A tree that was not there before the installer began is ours whole. Of any other tree only those files are
ours that the installer's own lists name; they are read before the uninstaller begins, which removes them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import Iterator, List, Sequence

from .._effects import Context, RemoveFile, WriteFile, remove_file, write_file
from .state import RECORDS

#: Where the installer keeps its lists, in folders by component or not, and below the tree where that is not
#: the standard one.
MANIFESTS = "/var/log/nvidia/.uninstallManifests"


def keep_list(context: Context, path: str) -> None:
    """Remember which files of the tree the installer brought."""
    home = context.files.path(path)
    named = sorted({line for manifest in manifests(context, path) for line in _lines(manifest, home)})
    if named:
        write_file(context, WriteFile(_list_of(path), json.dumps(named) + "\n", 0o600))


def forget_list(context: Context, path: str) -> None:
    remove_file(context, RemoveFile(_list_of(path)))


def clear_listed(context: Context, path: str) -> bool:
    """Remove the files that were remembered, and the folders that they leave empty; False if none were."""
    home = context.files.path(path)
    try:
        named = json.loads(context.files.text(_list_of(path)) or "")
    except ValueError:
        return False
    lists = list(manifests(context, path))
    for name in named:
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            os.unlink(name)
    for folder, _folders, _names in os.walk(home, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    _clear_elsewhere(context, home, lists)
    return True


def clear_whole(context: Context, path: str) -> None:
    """Remove a tree that was not there before an installer of ours, and what that put elsewhere."""
    home = context.files.path(path)
    lists = list(manifests(context, path))
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(home)
    _clear_elsewhere(context, home, lists)


def _clear_elsewhere(context: Context, home: str, lists: Sequence[str]) -> None:
    """The installer's lists of this tree, and its file for the linker."""
    for manifest in lists:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(manifest)
    conf = "/etc/ld.so.conf.d/cuda-%s.conf" % home.rpartition("-")[2].replace(".", "-")
    if (context.files.text(conf) or "").startswith(home + "/"):
        os.unlink(context.files.path(conf))


def clear_folders(context: Context) -> None:
    """Remove the folders of the installer's lists where they are empty."""
    top = context.files.path(MANIFESTS)
    for folder, _folders, _names in os.walk(top, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(top))


def manifests(context: Context, path: str) -> Iterator[str]:
    """The installer's lists that name files of this tree, or are called after it: they may be empty yet."""
    home = context.files.path(path)
    called = "uninstallManifest-cuda-%s." % path.rpartition("-")[2]
    for top in (context.files.path(MANIFESTS), home):
        for folder, folders, names in os.walk(top):
            if top == home:
                folders[:] = []
                names = [name for name in names if name.startswith("uninstallManifest")]
            for name in names:
                manifest = os.path.join(folder, name)
                if _lines(manifest, home) or name.startswith(called):
                    yield manifest


def _lines(manifest: str, home: str) -> List[str]:
    """The paths below the tree in a list; a line may have more after the path."""
    try:
        with open(manifest, encoding="utf-8", errors="surrogateescape") as stream:
            paths = [os.path.normpath(line.strip()) for line in stream if line.startswith(home + "/")]
    except OSError:
        return []
    return [path for path in paths if path.startswith(home + "/")]


def _list_of(path: str) -> str:
    return "%s/%s.files" % (RECORDS, os.path.basename(path))
