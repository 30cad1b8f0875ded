# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Many small files as one wish: packed on the controller, compared and brought into being on the node.

Whether something must change is answered by one function, for check mode and for the run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import stat
import zlib
from dataclasses import field
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from ._dataclass import dataclass

_DIRECTORY_MODE = 0o755
#: Any bytes go through text and come out the same.
_TEXT = ("utf-8", "surrogateescape")


class FilesError(Exception):
    """Why the files cannot be brought into being, in one sentence."""


@dataclass(frozen=True)
class File:
    content: bytes
    mode: int


@dataclass
class Wish:
    """Absolute paths. ``directories`` hold nothing but the wished files and directories."""

    files: Dict[str, File] = field(default_factory=dict)
    directories: List[str] = field(default_factory=list)
    absent: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class Change:
    """``what`` is create, replace, correct (mode or owner of a directory) or remove."""

    path: str
    what: str


def pack(wish: Wish) -> str:
    """A wish as printable text, a third as long as its files."""
    files = [(path, file.mode, file.content.decode(*_TEXT)) for path, file in sorted(wish.files.items())]
    text = json.dumps([files, sorted(wish.directories), wish.absent])
    return base64.b64encode(zlib.compress(text.encode("ascii"))).decode("ascii")


def unpack(packed: str) -> Wish:
    """The wish that :func:`pack` was given."""
    files, directories, absent = json.loads(zlib.decompress(base64.b64decode(packed)).decode("ascii"))
    return Wish(
        {path: File(content.encode(*_TEXT), mode) for path, mode, content in files}, directories, absent
    )


def changes(wish: Wish) -> List[Change]:
    """What must be done on this machine, in order; nothing where it is as wished."""
    _refuse_contradictions(wish)
    found = [Change(path, "remove") for path in wish.absent if os.path.lexists(path)]
    found += _directory_changes(wish)
    for path, file in sorted(wish.files.items()):
        what = _file_change(path, file)
        found += [Change(path, what)] if what else []
    found += [Change(path, "remove") for path in _strangers(wish)]
    return found


def apply(wish: Wish, change: Change) -> None:
    """Do one change. A file is there whole or as it was before, whenever this is cut off."""
    path = change.path
    if change.what == "remove":
        _remove(path)
    elif path in wish.files:
        _write(path, wish.files[path])
    else:
        if change.what == "create":
            os.mkdir(path)
        os.chown(path, os.geteuid(), -1)
        os.chmod(path, _DIRECTORY_MODE)


def difference(wish: Wish, change: Change) -> List[Dict[str, str]]:
    """What a change means, in the form of Ansible's diffs; ask before it is done."""
    before, after = _seen(change.path), _wished(wish, change)
    return [
        {"before_header": change.path, "after_header": change.path, "before": was, "after": will}
        for was, will in zip(before, after)
        if was != will
    ]


def _refuse_contradictions(wish: Wish) -> None:
    for path in [*wish.files, *wish.directories]:
        for gone in wish.absent:
            if f"{path}/".startswith(f"{gone}/"):
                raise FilesError(f"{path} is wished for, and {gone} to be absent: leave one of them out.")


def _directory_changes(wish: Wish) -> Iterator[Change]:
    """Missing directories and those with a wrong mode or owner, each after the one that it is in."""
    missing = {above for path in [*wish.files, *wish.directories] for above in _missing_above(path)}
    for path in sorted(missing | set(wish.directories)):
        if not os.path.lexists(path):
            yield Change(path, "create")
        elif os.path.islink(path) or not os.path.isdir(path):
            raise FilesError(f"{path} is no directory, but must be one: move it away and run again.")
        elif not _is_ours(os.lstat(path), _DIRECTORY_MODE):
            yield Change(path, "correct")


def _missing_above(path: str) -> Iterator[str]:
    above = os.path.dirname(path)
    while not os.path.isdir(above):
        yield above
        above = os.path.dirname(above)


def _file_change(path: str, file: File) -> str:
    """create, replace or nothing."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return "create"
    if stat.S_ISDIR(found.st_mode):
        raise FilesError(f"{path} is a directory, but must be a file: move it away and run again.")
    same = stat.S_ISREG(found.st_mode) and _is_ours(found, file.mode) and _content(path) == file.content
    return "" if same else "replace"


def _is_ours(found: os.stat_result, mode: int) -> bool:
    return stat.S_IMODE(found.st_mode) == mode and found.st_uid == os.geteuid()


def _strangers(wish: Wish) -> Iterator[str]:
    """What lies in our directories and is not wished for."""
    wished = {*wish.files, *wish.directories}
    for directory in sorted(wish.directories):
        if os.path.isdir(directory):
            paths = (os.path.join(directory, name) for name in sorted(os.listdir(directory)))
            yield from (path for path in paths if path not in wished)


def _content(path: str) -> bytes:
    with open(path, "rb") as handle:
        return handle.read()


def _write(path: str, file: File) -> None:
    draft = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.new")
    _remove(draft)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(file.content)
        os.fchmod(handle.fileno(), file.mode)
    os.replace(draft, path)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def _seen(path: str) -> Tuple[str, str]:
    """What is there: its content, and in a line its kind, mode and owner."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return "", ""
    content: Optional[str] = None
    if stat.S_ISREG(found.st_mode):
        kind, content = "file", _readable(_content(path))
    elif stat.S_ISLNK(found.st_mode):
        kind = f"link to {os.readlink(path)}"
    else:
        kind = "directory" if stat.S_ISDIR(found.st_mode) else "special file"
    return content or "", _attributes(kind, stat.S_IMODE(found.st_mode), found.st_uid)


def _wished(wish: Wish, change: Change) -> Tuple[str, str]:
    if change.what == "remove":
        return "", ""
    if change.path in wish.files:
        file = wish.files[change.path]
        return _readable(file.content), _attributes("file", file.mode, os.geteuid())
    return "", _attributes("directory", _DIRECTORY_MODE, os.geteuid())


def _attributes(kind: str, mode: int, owner: int) -> str:
    return f"{kind}, mode {mode:04o}, owner {owner}\n"


def _readable(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return f"{len(content)} bytes that are no text, SHA-256 {hashlib.sha256(content).hexdigest()}\n"


def described(found: Iterable[Change]) -> List[Dict[str, Any]]:
    """Changes as a module returns them."""
    return [{"path": change.path, "what": change.what} for change in found]
