# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Large files over HTTP(S): what a cut connection left is gone on with, and nothing is used unverified."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from typing import Any, Optional, Tuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from ._dataclass import dataclass
from ._effects import Context, EffectError, sync_directory

#: Seconds without a single byte after which a connection counts as dead.
STALL = 60
#: Connections in a row that may end without having brought anything, and seconds between two of them.
TRIES, PAUSE = 3, 2.0
_CHUNK = 256 * 1024


@dataclass(frozen=True)
class Download:
    """A file to fetch: ``digest`` is "sha256:HEX" or "md5:HEX", "" where none is known; ``size`` in bytes."""

    url: str
    path: str
    digest: str
    size: Optional[int] = None


def download(context: Context, data: Download) -> None:
    """Have the file at its path, whole and verified. Raises EffectError with one sentence.

    A file that is there with the right digest is not fetched again. Without a digest a rest of an earlier run
    is not trusted: it is fetched from its beginning.
    """
    if urlsplit(data.url).scheme not in ("http", "https", "file"):
        raise EffectError("%s is not an http, https or file URL: correct the address" % data.url)
    path = context.files.path(data.path)
    part = path + ".part"
    if data.digest and os.path.isfile(path) and digest_of(path, data.digest) == data.digest:
        return
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    rest = os.path.getsize(part) if os.path.exists(part) else 0
    if rest and (not data.digest or (data.size is not None and rest > data.size)):
        _remove(part)
        rest = 0
    _fetch(data, part)
    if rest and trouble(data, part):
        # What an earlier run left may be of another file, or spoilt: once from the beginning.
        _remove(part)
        _fetch(data, part)
    wrong = trouble(data, part)
    if wrong:
        _remove(part)
        raise EffectError(
            "%s was fetched and thrown away, for %s: check that address and the expected checksum, then run "
            "again" % (data.url, wrong)
        )
    os.rename(part, path)
    sync_directory(os.path.dirname(path))


def trouble(data: Download, path: str) -> str:
    """What is wrong with the file at this path, a phrase; "" for nothing."""
    size = os.path.getsize(path)
    if data.size is not None and size != data.size:
        return "it has %d bytes, and expected are %d" % (size, data.size)
    found = digest_of(path, data.digest) if data.digest else ""
    return "" if found == data.digest else "its digest is %s, and expected is %s" % (found, data.digest)


def digest_of(path: str, like: str) -> str:
    """The digest of a file, of the same kind as another one: "sha256:HEX" or "md5:HEX"."""
    kind = like.partition(":")[0]
    try:
        found = hashlib.new(kind)
    except ValueError as exc:
        raise EffectError(
            "this node's Python refuses %s, so %s cannot be verified: give a sha256 as checksum"
            % (kind, path)
        ) from exc
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(_CHUNK), b""):
            found.update(block)
    return "%s:%s" % (kind, found.hexdigest())


def _fetch(data: Download, part: str) -> None:
    """Fetch until the server has no more, over as many connections as it takes."""
    failed = 0
    while True:
        have = os.path.getsize(part) if os.path.exists(part) else 0
        if data.size is not None and have == data.size:
            return
        cause, lasting = _connection(data, part, have)
        if not cause:
            return
        now = os.path.getsize(part) if os.path.exists(part) else 0
        failed = 0 if now > have else failed + 1
        if lasting or failed >= TRIES:
            raise EffectError(
                "%s cannot be fetched: %s; what has come of it is kept, so run again once it can be reached"
                % (data.url, cause)
            )
        time.sleep(PAUSE)


def _connection(data: Download, part: str, have: int) -> Tuple[str, bool]:
    """One connection: ("", False) when the file is complete, else why not, and whether to give up."""
    # Loaded only when something has to be fetched.
    from ansible.module_utils.urls import ConnectionError as UrlsConnectionError
    from ansible.module_utils.urls import open_url

    headers = {"Range": "bytes=%d-" % have} if have else {}
    try:
        with open_url(data.url, headers=headers, timeout=STALL, decompress=False) as answer:
            begin, total = _extent(answer, have)
            _store(answer, part, begin)
    except HTTPError as exc:
        if exc.code == 416 and have:
            return _beyond(exc, part, have)
        return "the server answered %d %s" % (exc.code, exc.reason), 400 <= exc.code < 500 and exc.code != 429
    except URLError as exc:
        return str(exc.reason), isinstance(exc.reason, FileNotFoundError)
    except (UrlsConnectionError, ValueError) as exc:
        return str(exc), True
    except _Writing as exc:
        raise exc.cause from exc
    except OSError as exc:
        return str(exc) or type(exc).__name__, False
    got = os.path.getsize(part)
    if total is not None and got < total:
        return "the connection ended after %d of %d bytes" % (got, total), False
    return "", False


def _extent(answer: Any, have: int) -> Tuple[int, Optional[int]]:
    """Where the answer begins in the file, and how long the file is. Anything but our range is all of it."""
    match = re.match(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range") or "")
    if match and getattr(answer, "status", None) == 206 and int(match.group(1)) == have:
        return have, int(match.group(2)) if match.group(2) != "*" else None
    if getattr(answer, "status", None) == 206:
        raise ValueError("the server answered another part of the file than it was asked for")
    length = answer.headers.get("Content-Length") or ""
    return 0, int(length) if length.isdigit() else None


class _Writing(Exception):
    """Our own disk failed, not the connection."""

    def __init__(self, cause: OSError):
        self.cause = cause
        super().__init__(str(cause))


def _store(answer: Any, part: str, begin: int) -> None:
    """Append what comes, from ``begin`` on; it is on disk when this returns."""
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(stream.fileno(), 0o644)
        stream.truncate(begin)
        stream.seek(begin)
        while True:
            block = answer.read(_CHUNK)
            if not block:
                break
            try:
                stream.write(block)
            except OSError as exc:
                raise _Writing(OSError(exc.errno, exc.strerror, part)) from exc
        stream.flush()
        os.fsync(stream.fileno())


def _beyond(answer: HTTPError, part: str, have: int) -> Tuple[str, bool]:
    """The server has no more than there is: it is complete, or is of something else."""
    match = re.match(r"bytes \*/(\d+)", answer.headers.get("Content-Range") or "")
    if match and int(match.group(1)) == have:
        return "", False
    _remove(part)
    return "what was there is longer than the file", False


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
