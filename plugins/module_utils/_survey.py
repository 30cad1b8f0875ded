# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Answers planners' questions: reads the network and apt, changes nothing on the node.

apt works in a private directory: the node's sources, pins and package indexes are linked into it, our own
files are laid over them, and new indexes are fetched there. Check mode therefore sees what the run will.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any, Dict, Tuple

from ._command import Commands
from ._fetch import FetchError, fetch_text, length_of
from ._host import Files
from ._openpgp import BadKey, armoured, public_key
from ._questions import (
    AskClients,
    AskDigest,
    AskFile,
    AskFormer,
    AskHolders,
    AskIndex,
    AskKey,
    AskPurge,
    AskRecords,
    AskSpace,
    AskTransaction,
    AskVolatile,
    Clients,
    ConfigFile,
    Digest,
    FileThere,
    Key,
    Space,
    Trouble,
)
from ._running import gpu_clients, what_holds
from ._volatile import volatile
from ._workspace import AptWorkspace


class Survey:
    """A context manager that answers questions and leaves nothing behind."""

    def __init__(self, commands: Commands, files: Files):
        self._commands = commands
        self._files = files
        self._workspaces: Dict[Tuple[ConfigFile, ...], AptWorkspace] = {}

    def __enter__(self) -> Survey:
        return self

    def __exit__(self, *_exc: object) -> None:
        for workspace in self._workspaces.values():
            workspace.remove()

    def answer(self, question: Any) -> Any:
        """The answer to one question: its answer type, or Trouble with the cause.

        Raises OSError where free space and running work cannot be looked at.
        """
        if isinstance(question, AskKey):
            return self._key(question)
        if isinstance(question, AskFile):
            return self._file(question)
        if isinstance(question, AskDigest):
            return self._digest(question)
        if isinstance(question, AskSpace):
            return Space({path: _space(self._files.path(path)) for path in question.paths})
        if isinstance(question, AskClients):
            return Clients(gpu_clients(self._files))
        if isinstance(question, AskHolders):
            return what_holds(self._commands, self._files)
        if isinstance(question, AskVolatile):
            return volatile(self._files)
        try:
            return self._ask_apt(question)
        except OSError as exc:
            what = exc.filename or tempfile.gettempdir()
            return Trouble("apt cannot be asked in a directory of ours: %s: %s" % (what, exc.strerror))

    def _ask_apt(self, question: Any) -> Any:
        if isinstance(question, AskPurge):
            return self._workspace(()).purge(question)
        workspace = self._workspace(question.files)
        if isinstance(question, AskIndex):
            return workspace.index(question)
        if isinstance(question, AskFormer):
            return workspace.former(question)
        if isinstance(question, AskRecords):
            return workspace.records(question)
        if isinstance(question, AskTransaction):
            return workspace.transaction(question)
        raise TypeError("no answer is known for %r" % (question,))

    def _workspace(self, files: Tuple[ConfigFile, ...]) -> AptWorkspace:
        # Pins come and go between questions while the sources stay: indexes are fetched once for both.
        sources = tuple(entry for entry in files if "/preferences.d/" not in entry.path)
        workspace = self._workspaces.get(sources)
        if workspace is None:
            workspace = self._workspaces[sources] = AptWorkspace(self._commands, self._files, sources)
        return workspace

    @staticmethod
    def _key(question: AskKey) -> Any:
        try:
            content = fetch_text(question.url)
        except FetchError as exc:
            return Trouble("the repository's key cannot be fetched: %s" % exc)
        try:
            key = public_key(content.encode("utf-8", "surrogateescape"))
        except BadKey as exc:
            return Trouble("%s %s" % (question.url, exc))
        if key.fingerprint != question.fingerprint.replace(" ", "").upper():
            return Trouble(
                "the key at %s has the fingerprint %s, expected is %s"
                % (question.url, key.fingerprint, question.fingerprint)
            )
        # What was checked is what is written; apt reads a file called .asc only in ASCII armour.
        return Key(armoured(key.packets))

    def _file(self, question: AskFile) -> Any:
        if not question.place.startswith("/"):
            try:
                return FileThere(length_of(question.place))
            except FetchError as exc:
                return Trouble(str(exc))
        path = self._files.path(question.place)
        if not os.path.isfile(path):
            return Trouble("%s is not there" % question.place)
        return FileThere(os.path.getsize(path))

    def _digest(self, question: AskDigest) -> Any:
        from ._download import digest_of
        from ._effects import EffectError

        path = self._files.path(question.path)
        try:
            return Digest(digest_of(path, question.like), os.path.getsize(path))
        except OSError as exc:
            return Trouble("%s cannot be read: %s" % (question.path, exc.strerror))
        except EffectError as exc:
            return Trouble(str(exc))


def _space(path: str) -> Tuple[str, int]:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    usage = os.statvfs(path)
    mount = path
    while not os.path.ismount(mount):
        mount = os.path.dirname(mount)
    return mount, usage.f_bavail * usage.f_frsize
