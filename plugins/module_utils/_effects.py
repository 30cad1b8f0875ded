# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects that every component shares: files of ours, packages, holds.

A step names one of these actions; its data is the matching dataclass. Each is safe to repeat and safe to cut
off: a file is there whole or not at all, and dpkg's own state tells how far a package run came.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ._command import Commands
from ._host import Files
from ._masked import masked
from ._packages import Apt
from ._step_data import Install, Names, RemoveFile, SecretFile, WriteFile


@dataclass
class Context:
    """What an effect may use; ``warnings`` is for what went on although something was amiss."""

    commands: Commands
    files: Files
    warnings: List[str]

    @property
    def apt(self) -> Apt:
        return Apt(self.commands)


Action = Callable[[Context, Any], None]


class EffectError(Exception):
    """An effect failed: one sentence that says what, which, and what to do next."""


class UndoneError(EffectError):
    """An effect failed and undid what the steps before it had done to the same thing; the message says so."""


def write_file(context: Context, data: WriteFile) -> None:
    """Replace a file in one move; it is on disk, name and content, when this returns."""
    write_bytes(context, data.path, data.content.encode("utf-8", "surrogateescape"), data.mode)


def write_bytes(
    context: Context,
    path: str,
    content: bytes,
    mode: int = 0o644,
    owner: Optional[Tuple[int, int]] = None,
) -> None:
    """The same with a content that is no text; ``owner``: user and group, set before it has its name."""
    # Loaded with the first file that is written: it is dear, and most runs write none.
    import tempfile

    path = context.files.path(path)
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o755, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".labfleet-gpu-", dir=directory)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            made = os.fstat(stream.fileno())
            if owner is not None and owner != (made.st_uid, made.st_gid):
                os.fchown(stream.fileno(), *owner)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.rename(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    sync_directory(directory)


def remove_file(context: Context, data: RemoveFile) -> None:
    path = context.files.path(data.path)
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    sync_directory(os.path.dirname(path))


def sync_directory(directory: str) -> None:
    """Have the names in a directory on disk when this returns."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refresh_index(context: Context, _data: Any) -> None:
    context.warnings.extend(context.apt.update())


def install(context: Context, data: Install) -> None:
    try:
        context.apt.install(data.targets, data.downgrade, data.allow_held, data.reinstall)
    finally:
        if data.held:
            context.apt.select(data.held, hold=True)


def purge(context: Context, data: Names) -> None:
    context.apt.purge(data.names)


def finish_dpkg(context: Context, _data: Any) -> None:
    context.apt.configure()


def hold(context: Context, data: Names) -> None:
    context.apt.select(data.names, hold=True)


def unhold(context: Context, data: Names) -> None:
    context.apt.select(data.names, hold=False)


SHARED_ACTIONS: Mapping[str, Action] = {
    "write-file": write_file,
    "remove-file": remove_file,
    "refresh-index": refresh_index,
    "install": install,
    "purge": purge,
    "finish-dpkg": finish_dpkg,
    "hold": hold,
    "unhold": unhold,
}


def file_diffs(files: Files, steps: Any) -> List[Dict[str, str]]:
    """Before and after of each file that the steps write or remove, in Ansible's diff form."""
    diffs = []
    for step in steps:
        if not isinstance(step.data, (WriteFile, RemoveFile)):
            continue
        path = step.data.path
        before = files.text(path) or ""
        after = step.data.content if isinstance(step.data, WriteFile) else ""
        if isinstance(step.data, SecretFile):
            before, after = masked(before), masked(after)
        diffs.append({"before_header": path, "after_header": path, "before": before, "after": after})
    return diffs
