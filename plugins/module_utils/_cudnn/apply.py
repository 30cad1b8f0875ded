# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects that only cuDNN has; the rest is shared."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Dict, List, Mapping

from .._catalog.cudnn import version_of_number
from .._catalog.versions import within
from .._command import CommandError
from .._effects import (
    Action,
    Context,
    EffectError,
    RemoveFile,
    WriteFile,
    install,
    remove_file,
    sync_directory,
    write_file,
)
from .file_list import as_placed, located, looked_at
from .manifest import CHANGED, GONE, OURS, Entry, Manifest, name_of, parsed, rendered
from .observe import header_version
from .outcome import InstallCudnn, Verify
from .state import CACHE, MANIFESTS, STAGING, UNTRIED, short

if TYPE_CHECKING:
    from .._download import Download
    from .change_archive import Unpack
    from .unpack import Unpacked

_ASK = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).cudnnGetVersion())"


def download(context: Context, data: Download) -> None:
    """Fetch an archive; a failure leaves nothing but the part that a next run goes on with."""
    from .._download import download as fetch

    try:
        fetch(context, data)
    except EffectError:
        _remove_empty(context, CACHE)
        raise


def forget(context: Context, path: str) -> None:
    """Remove an archive that was fetched, or what a cut-off run unpacked."""
    real = context.files.path(path)
    if os.path.isdir(real):
        shutil.rmtree(real)
    else:
        remove_file(context, RemoveFile(path))
        remove_file(context, RemoveFile(path + ".part"))
    _remove_empty(context, CACHE)
    _remove_empty(context, MANIFESTS)


def install_cudnn(context: Context, data: InstallCudnn) -> None:
    """Install packages. A note says that they were not tried out yet, until they were."""
    write_file(context, WriteFile(UNTRIED, data.major + "\n"))
    install(context, data.install)


def _remove_empty(context: Context, directory: str) -> None:
    """Take away our directories once nothing is in them."""
    for path in (directory, os.path.dirname(directory)):
        with contextlib.suppress(OSError):
            os.rmdir(context.files.path(path))


def unpack_archive(context: Context, data: Unpack) -> None:
    """Put an archive into a toolkit. Until everything of it is unpacked and right, nothing there changes.

    The list of files is written before the first of them moves, so a cut leaves nothing that is not listed.
    """
    from .unpack import unpack

    staging = context.files.path(data.toolkit, STAGING)
    shutil.rmtree(staging, ignore_errors=True)
    try:
        os.mkdir(staging, 0o700)
        found = unpack(context.files.path(data.archive), data.checksum, data.components, staging)
        version = _version(data, found)
        before = _manifest(context, data.toolkit)
        _exchange(context, data, replace_with(data, found, version, before), before)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _version(data: Unpack, found: "Unpacked") -> str:
    """The archive's version, as library and header say it. Raises EffectError if it is not the wished one."""
    from .unpack import library_version

    library, header = library_version(found.entries), header_version(found.header)
    if library is None or header is None:
        raise EffectError(
            "%s lacks %s: it is no archive of cuDNN"
            % (data.archive, "include/cudnn_version.h" if library else "lib/libcudnn.so.X.Y.Z")
        )
    if library != header or not within(library, short(data.version)):
        raise EffectError(
            "%s has the library of cuDNN %s and the headers of %s, and %s is wished: give another archive"
            % (data.archive, library, header, data.version)
        )
    return data.version if short(data.version) == library else library


def replace_with(data: Unpack, found: "Unpacked", version: str, before: "Manifest | None") -> Manifest:
    """The list of the new files, with those of the former that go."""
    former = {entry.path: entry for entry in before.entries} if before else {}
    entries: List[Entry] = []
    for path, entry in sorted(found.entries.items()):
        old = former.pop(path, None)
        entries.append(replace(entry, former=_former(old)) if old else entry)
    entries += [entry for entry in former.values() if entry.now == OURS]
    directories = before.directories if before else ()
    return Manifest(
        data.toolkit,
        version,
        data.cuda,
        data.checksum,
        data.components,
        tuple(entries),
        directories,
        complete=False,
        verified=False,
    )


def _former(old: Entry) -> str:
    """All that may be in this place: an exchange may have been cut off more than once."""
    return " ".join(dict.fromkeys([old.digest or old.target, *old.former.split()]))


def _exchange(context: Context, data: Unpack, manifest: Manifest, before: "Manifest | None") -> None:
    root = context.files.path(data.toolkit)
    staging = os.path.join(root, STAGING)
    staged = [entry for entry in manifest.entries if os.path.lexists(os.path.join(staging, entry.path))]
    ours = {entry.path for entry in before.entries if entry.now != CHANGED} if before else set()
    for entry in staged:
        path = os.path.join(root, entry.path)
        if os.path.lexists(path) and entry.path not in ours and entry.path not in data.replaced:
            raise EffectError(
                "%s/%s is there, and this collection did not put it there: remove it, or set take_over: true"
                % (data.toolkit, entry.path)
            )
    lacking = [name for name in ("include", "lib64") if not os.path.isdir(os.path.join(root, name))]
    lacking = [name for name in lacking if any(entry.path.startswith(name + "/") for entry in staged)]
    manifest = replace(manifest, directories=tuple(sorted({*manifest.directories, *lacking})))
    _write(context, manifest)
    for name in lacking:
        os.mkdir(os.path.join(root, name), 0o755)
    # Files first: no link leads nowhere for longer than it must.
    for entry in sorted(staged, key=lambda each: bool(each.target)):
        os.replace(os.path.join(staging, entry.path), os.path.join(root, entry.path))
    kept = {entry.path for entry in staged}
    for path in (*(entry.path for entry in manifest.entries), *data.replaced):
        if path not in kept:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(root, path))
    _settle(context, data.toolkit, kept)
    entries = tuple(as_placed(context.files, data.toolkit, entry) for entry in staged)
    _write(context, replace(manifest, entries=entries, complete=True))


def _settle(context: Context, toolkit: str, paths: "set[str]") -> None:
    """Have the names on disk, and the linker know them."""
    for name in sorted({path.partition("/")[0] for path in paths}):
        real = context.files.path(toolkit, name)
        if os.path.isdir(real):
            sync_directory(real)
    context.commands.attempt("renew the linker's cache", ["ldconfig"])


def _manifest(context: Context, toolkit: str) -> "Manifest | None":
    manifest = parsed(context.files.text(MANIFESTS, name_of(toolkit)) or "")
    if manifest is None:
        return None
    entries = tuple(looked_at(context.files, toolkit, entry) for entry in manifest.entries)
    return replace(manifest, entries=entries)


def _write(context: Context, manifest: Manifest) -> None:
    write_file(context, WriteFile("%s/%s" % (MANIFESTS, name_of(manifest.toolkit)), rendered(manifest)))


def remove_archive(context: Context, toolkit: str) -> None:
    """Remove what we put into a toolkit and nobody changed; the list goes last."""
    manifest = _manifest(context, toolkit)
    if manifest is None:
        return
    root = context.files.path(toolkit)
    shutil.rmtree(os.path.join(root, STAGING), ignore_errors=True)
    lost = set()
    # Links first: no name leads to a file that is gone.
    for entry in sorted(manifest.entries, key=lambda each: not each.target):
        if entry.now == OURS:
            path = located(context.files, toolkit, entry.path)
            os.unlink(path)
            if path != os.path.join(root, entry.path):
                lost.add(os.path.dirname(path))
    for name in manifest.directories:
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(root, name))
    for directory in sorted(lost):
        _remove_up(directory, root)
    _settle(context, toolkit, {entry.path for entry in manifest.entries if entry.now != GONE})
    remove_file(context, RemoveFile("%s/%s" % (MANIFESTS, name_of(toolkit))))
    _remove_empty(context, MANIFESTS)


def _remove_up(directory: str, root: str) -> None:
    """Take away what a toolkit that is gone left of its directories, up to its own."""
    with contextlib.suppress(OSError):
        while True:
            os.rmdir(directory)
            if directory == root:
                break
            directory = os.path.dirname(directory)


def set_headers(context: Context, path: str) -> None:
    what = "let cudnn.h be %s" % path
    context.commands.attempt(what, ["update-alternatives", "--set", "libcudnn", path])


def verify_cudnn(context: Context, data: Verify) -> None:
    """Load the library in a process of its own and ask it; header and wish must agree. Raises EffectError."""
    environment: Dict[str, str] = {}
    if data.toolkit:
        # The parts of cuDNN 8 find each other through the linker alone.
        environment["LD_LIBRARY_PATH"] = context.files.path(os.path.dirname(data.library))
    library = context.files.path(data.library)
    try:
        done = context.commands.attempt(
            "load %s" % data.library, [sys.executable, "-c", _ASK, library], environment
        )
    except CommandError as exc:
        last = exc.completed.tail(1)
        raise EffectError(
            "%s cannot be loaded: %s; install what it needs, or have cuDNN installed anew"
            % (data.library, last)
        ) from exc
    if not done.out.strip().isdigit():
        raise EffectError("%s does not tell its version, but: %s" % (data.library, done.tail(2) or "nothing"))
    answer = version_of_number(int(done.out))
    if not within(answer, data.version):
        raise EffectError(
            "%s says that it is cuDNN %s, and %s is wished: find out who else puts cuDNN there"
            % (data.library, answer, data.version)
        )
    header = header_version(context.files.text(data.header)) if data.header else answer
    if header != answer:
        raise EffectError(
            "%s is of cuDNN %s, and the library of %s: find out who else puts headers there"
            % (data.header, header or "no version", answer)
        )
    manifest = _manifest(context, data.toolkit) if data.toolkit else None
    if manifest:
        _write(context, replace(manifest, verified=True))
    if not data.toolkit:
        forget(context, UNTRIED)


ACTIONS: Mapping[str, Action] = {
    "download": download,
    "forget": forget,
    "install-cudnn": install_cudnn,
    "unpack-archive": unpack_archive,
    "remove-archive": remove_archive,
    "set-headers": set_headers,
    "verify-cudnn": verify_cudnn,
}
