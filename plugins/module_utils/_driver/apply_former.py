# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The packages of a former driver are put by: all of them or none."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Any, List, Mapping

from .._command import CommandError, Completed
from .._effects import Action, Context, sync_directory
from .._packages import APT_OPTIONS, NATIVE
from .former import Keep, file_names
from .state import FORMER_PATH

#: Where they are gathered; what a cut-off run left there is thrown away.
_DRAFT = FORMER_PATH + ".new"


def keep_former(context: Context, data: Keep) -> None:
    """Gather the packages unless they are kept already, then remove those of other drivers."""
    base = context.files.path(FORMER_PATH)
    there = context.files.names(FORMER_PATH, data.version)
    if not all(any(name in there for name in file_names(package)) for package in data.packages):
        _gather(context, data, os.path.join(base, data.version))
    for name in os.listdir(base):
        if name not in (data.version, data.spare):
            shutil.rmtree(os.path.join(base, name))


def _gather(context: Context, data: Keep, place: str) -> None:
    """From apt's cache and from the sources; then all is put in place in one move."""
    draft = context.files.path(_DRAFT)
    shutil.rmtree(draft, ignore_errors=True)
    os.makedirs(draft, mode=0o755)
    lacking = [package for package in data.packages if not _from_cache(context, package, draft)]
    if lacking:
        # apt-get downloads into the directory that it is called in.
        argv = ["env", "--chdir=" + draft, "apt-get", *APT_OPTIONS, "download", *lacking]
        context.commands.attempt("fetch the packages of the former driver %s" % data.version, argv)
    _check(context, data, draft)
    for name in os.listdir(draft):
        _sync_file(os.path.join(draft, name))
    sync_directory(draft)
    base = os.path.dirname(place)
    os.makedirs(base, mode=0o755, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    os.rename(draft, place)
    sync_directory(base)


def forget_former(context: Context, _data: Any) -> None:
    """Remove everything that was kept."""
    for path in (_DRAFT, FORMER_PATH):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(context.files.path(path))


def _from_cache(context: Context, package: str, draft: str) -> bool:
    """A second name for apt's own file where that can be, else a copy."""
    native = NATIVE.get(os.uname().machine, os.uname().machine)
    for name in file_names(package, native):
        source = context.files.path("/var/cache/apt/archives", name)
        if not os.path.isfile(source):
            continue
        target = os.path.join(draft, name)
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
        return True
    return False


def _check(context: Context, data: Keep, draft: str) -> None:
    """Each package is there, and each file is one that dpkg can read. Raises CommandError."""
    found: List[str] = []
    for name in sorted(os.listdir(draft)):
        fields = context.commands.attempt(
            "read the package %s" % name,
            ["dpkg-deb", "--show", "--showformat=${Package}=${Version}", os.path.join(draft, name)],
        )
        found.append(fields.out.strip())
    lacking = list(data.packages)
    for package in data.packages:
        name, _equals, version = package.partition("=")
        # dpkg-deb tells the name without the architecture that tells two of one name apart.
        entry = "%s=%s" % (name.partition(":")[0], version)
        if entry in found:
            found.remove(entry)
            lacking.remove(package)
    if lacking:
        what = "keep the packages of the former driver %s" % data.version
        short = Completed(("apt-get", "download"), 0, "it did not bring %s" % ", ".join(lacking[:6]), "")
        raise CommandError(what, short)


def _sync_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


ACTIONS: Mapping[str, Action] = {"keep-former": keep_former, "forget-former": forget_former}
