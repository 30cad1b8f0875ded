# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""NVIDIA's installer and uninstaller at work: begun on record, alone, and believed only when verified."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import asdict, replace
from typing import List, Optional

from .._catalog.cuda import release_of_label
from .._catalog.versions import minor
from .._command import Completed
from .._download import Download, download, trouble
from .._effects import Context, EffectError, remove_file, sync_directory, write_file
from .._step_data import RemoveFile, WriteFile
from . import clearing, records
from .observe import label_in, observe_default
from .observe_runfile import uninstaller
from .records import DONE, INSTALL, REMOVE, Record
from .runfile import Installer, Uninstaller
from .state import CACHE, DEFAULT_PATH, LINK, RECORDS

__all__ = ["download", "remove_download", "restore_link", "run_installer", "run_uninstaller"]

#: Seconds to wait for an installer that an earlier run left at work when it was cut off.
_PATIENCE = "3600"
#: Logs that the installer dies of where another user left them (/tmp), or that would be taken for ours.
_LOGS = ("/tmp/cuda-installer.log", "/var/log/cuda-installer.log")
_UNINSTALLER_LOG = "/var/log/cuda-uninstaller.log"
_SCRATCH = CACHE + "/unpack"


def run_installer(context: Context, data: Installer) -> None:
    """Have the toolkit there whole. /usr/local/cuda stays as it is: the default has a step of its own."""
    file = context.files.path(data.file)
    _verify_file(data, file)
    home = context.files.path(data.path)
    _wait(context)
    record = records.read(context.files, data.path)
    if record is None or record.doing == DONE:
        if data.replaces:
            clearing.keep_list(context, data.path)
        link = context.files.link(DEFAULT_PATH)
        record = Record(data.path, data.release, INSTALL, not os.path.exists(home), link)
        keep(context, record)
    else:
        _clear_cut(context, record)
        record = replace(record, release=data.release, doing=INSTALL)
        keep(context, record)
    if data.replaces:
        _uninstall(context, data.path)
        restore_link(context, record.link)
    _clear_traces(context)
    done = _install(context, file, home)
    restore_link(context, record.link)
    if done.rc != 0:
        raise EffectError(_failed(context, data, done))
    _verify_tree(context, data)
    context.commands.attempt("renew the linker's cache", ["ldconfig"])
    if _label(context, data.path) == data.release:
        _forget(context, data.path)
    else:
        label = records.label_of(context.files, data.path)
        keep(context, replace(record, doing=DONE, label=label))


def run_uninstaller(context: Context, data: Uninstaller) -> None:
    """Have the tree gone, and what came with it. Files that somebody else put into it stay, and are told."""
    _wait(context)
    record = records.read(context.files, data.path)
    if data.path in [path for path, _priority in observe_default(context.files).choices]:
        words = ["update-alternatives", "--remove", "cuda", data.path]
        context.commands.attempt("take %s out of the alternatives" % data.path, words)
    if record is None or record.doing == DONE:
        clearing.keep_list(context, data.path)
        begun = Record(data.path, data.release, REMOVE, False, context.files.link(DEFAULT_PATH))
        keep(context, begun)
        _uninstall(context, data.path)
    else:
        _clear_cut(context, record)
    _release_link(context, data.path, record.link if record else None)
    _clear_traces(context)
    context.commands.attempt("renew the linker's cache", ["ldconfig"])
    home = context.files.path(data.path)
    if os.path.isdir(home):
        context.warnings.append(
            "%s stays, for it has files that no runfile brought: look at them, and remove them yourself."
            % data.path
        )
    _forget(context, data.path)


def remove_download(context: Context, path: str) -> None:
    """Remove a runfile of ours, and its directory with the last one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(context.files.path(path))
    with contextlib.suppress(OSError):
        os.rmdir(context.files.path(CACHE))


# The installer


def _verify_file(data: Installer, file: str) -> None:
    if not os.path.isfile(file):
        raise EffectError("%s is not there: run again" % data.file)
    wrong = trouble(Download("", "", data.digest), file)
    if wrong:
        raise EffectError(
            "%s is not the runfile that it should be, for %s: replace it, or correct checksum"
            % (data.file, wrong)
        )


def _alone(context: Context) -> List[str]:
    """The lock lives as long as what it starts: an installer outlives a run that is cut off."""
    path = context.files.path(RECORDS)
    os.makedirs(path, mode=0o755, exist_ok=True)
    return ["flock", "--timeout", _PATIENCE, path]


def _wait(context: Context) -> None:
    context.commands.attempt("wait for NVIDIA's installer of an earlier run", [*_alone(context), "true"])


def _install(context: Context, file: str, home: str) -> Completed:
    scratch = context.files.path(_SCRATCH)
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch, mode=0o700)
    try:
        # Options: "cuda_<version>_linux.run --help" and NVIDIA's installation guide, advanced options.
        words = ["--silent", "--toolkit", "--override", "--toolkitpath=%s" % home, "--tmpdir=%s" % scratch]
        return context.commands.try_run([*_alone(context), "sh", file, *words])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(context.files.path(CACHE))


def _failed(context: Context, data: Installer, done: Completed) -> str:
    log = "\n".join(context.files.text(path) or "" for path in _LOGS)
    errors = [line.strip() for line in log.splitlines() if "ERROR" in line][-3:]
    said = " ".join(errors) or done.tail(6) or "nothing"
    return (
        "NVIDIA's installer of CUDA %s ended with %d and said: %s; mend that and run again, what it left in "
        "%s is done anew then" % (data.release, done.rc, said, data.path)
    )


def _label(context: Context, path: str) -> Optional[str]:
    return label_in(context.files, path)


def _verify_tree(context: Context, data: Installer) -> None:
    """Is the tree whole and the release that was wished?"""
    label = _label(context, data.path)
    wrong = ""
    if label is None or release_of_label(label) not in (data.release, minor(data.release)):
        wrong = "its version.json says %s" % (label or "nothing")
    elif not any(name.startswith("libcudart.so") for name in context.files.names(data.path, "lib64")):
        wrong = "it has no libcudart"
    else:
        nvcc = context.files.path(data.path, "bin/nvcc")
        told = context.commands.try_run([nvcc, "--version"])
        if told.rc != 0 or "release %s," % minor(data.release) not in told.out:
            wrong = "its nvcc says %s" % (told.tail(2) or "nothing")
    if wrong:
        raise EffectError(
            "The runfile said that it installed CUDA %s, but %s is not that, for %s: check the file and its "
            "checksum, and run again" % (data.release, data.path, wrong)
        )


# Removal


def _uninstall(context: Context, path: str) -> None:
    program = uninstaller(context.files, path)
    if program is None:
        _forget(context, path)
        raise EffectError(
            "%s came from a runfile and has no uninstaller any more: remove that directory yourself if "
            "nobody needs it" % path
        )
    done = _run_uninstaller(context, program)
    if _there(context, path):
        # It ended by itself, so nothing was cut off: the next run has it try again.
        _forget(context, path)
        log = (context.files.text(_UNINSTALLER_LOG) or "").splitlines()[-3:]
        raise EffectError(
            "%s ended with %d, said '%s', and left the toolkit there: run it yourself, and see what it asks"
            % (program, done.rc, " ".join([done.tail(4), *log]).strip())
        )


def _run_uninstaller(context: Context, program: str) -> Completed:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(context.files.path(_UNINSTALLER_LOG))
    return context.commands.try_run([*_alone(context), context.files.path(program), "--silent"])


def _there(context: Context, path: str) -> bool:
    return context.files.exists(path, "bin/nvcc") or context.files.exists(path, "version.json")


def _clear_cut(context: Context, record: Record) -> None:
    """Take away what an installer or uninstaller left that was cut off."""
    if record.empty:
        clearing.clear_whole(context, record.path)
        return
    program = uninstaller(context.files, record.path)
    if program:
        _run_uninstaller(context, program)
    if _there(context, record.path):
        clearing.clear_listed(context, record.path)


def _clear_traces(context: Context) -> None:
    for path in (*_LOGS, _UNINSTALLER_LOG):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(context.files.path(path))
    shutil.rmtree(context.files.path(_SCRATCH), ignore_errors=True)
    clearing.clear_folders(context)
    with contextlib.suppress(OSError):
        os.rmdir(context.files.path(CACHE))


def keep(context: Context, record: Record) -> None:
    """Remember what is done to a tree."""
    content = json.dumps(asdict(record), sort_keys=True) + "\n"
    write_file(context, WriteFile(records.where(record.path), content, 0o600))


def _forget(context: Context, path: str) -> None:
    remove_file(context, RemoveFile(records.where(path)))
    clearing.forget_list(context, path)
    with contextlib.suppress(OSError):
        os.rmdir(context.files.path(RECORDS))


# /usr/local/cuda


def restore_link(context: Context, link: Optional[str]) -> None:
    """Have /usr/local/cuda as it was: the installer takes it, even from the alternatives."""
    now = context.files.link(DEFAULT_PATH)
    path = context.files.path(DEFAULT_PATH)
    if now == link or (now is None and os.path.exists(path)):
        return
    if link is None:
        os.unlink(path)
    else:
        temporary = path + ".labfleet-gpu"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        os.symlink(link, temporary)
        os.rename(temporary, path)
    sync_directory(os.path.dirname(path))


def _release_link(context: Context, path: str, before: Optional[str]) -> None:
    """A plain link to what has gone goes as well, or becomes again what an installer had taken."""
    now = observe_default(context.files)
    if now.kind != LINK or now.target != path:
        return
    os.unlink(context.files.path(DEFAULT_PATH))
    if before is not None and os.path.normpath(os.path.join("/usr/local", before)) != path:
        restore_link(context, before)
