# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Downloads over HTTP(S) with a time limit and one clear sentence when they fail."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Optional
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

#: Seconds without an answer after which a server counts as unreachable.
TIMEOUT = 20
#: Nothing that is fetched as text is longer than this (a repository key has a few KiB).
TEXT_LIMIT = 1024 * 1024


class FetchError(Exception):
    """What could not be fetched, and why."""


def fetch_text(url: str) -> str:
    """The text at an http, https or file URL. Raises FetchError."""
    with _asked(url) as answer:
        data: bytes = answer.read(TEXT_LIMIT + 1)
    if len(data) > TEXT_LIMIT:
        raise FetchError("%s is longer than %d bytes" % (url, TEXT_LIMIT))
    return data.decode("utf-8", "surrogateescape")


def length_of(url: str) -> Optional[int]:
    """How many bytes there are at an http, https or file URL, None where nobody says. Raises FetchError."""
    try:
        with _asked(url, "HEAD") as answer:
            length = answer.headers.get("Content-Length") or ""
    except FetchError as exc:
        # Signed addresses of object stores forbid what is not the very request that they were made for.
        if isinstance(exc.__cause__, HTTPError) and exc.__cause__.code in (403, 405, 501):
            return None
        raise
    return int(length) if length.isdigit() else None


@contextmanager
def _asked(url: str, method: str = "GET") -> Iterator[Any]:
    """The answer of the server, with whatever goes wrong until it is read as a FetchError."""
    # Loaded only when something has to be fetched: the import costs more than a whole observation.
    from ansible.module_utils.urls import ConnectionError as UrlsConnectionError
    from ansible.module_utils.urls import open_url

    if urlsplit(url).scheme not in ("http", "https", "file"):
        raise FetchError("%s is not an http, https or file URL" % url)
    try:
        with open_url(url, method=method, timeout=TIMEOUT) as answer:
            yield answer
    except HTTPError as exc:
        raise FetchError("%s answered %d %s" % (url, exc.code, exc.reason)) from exc
    except URLError as exc:
        raise FetchError("%s cannot be reached: %s" % (url, exc.reason)) from exc
    except (UrlsConnectionError, OSError, ValueError) as exc:
        raise FetchError("%s cannot be read: %s" % (url, exc)) from exc
