# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Downloads over HTTP(S) with a time limit and one clear sentence when they fail."""

from __future__ import annotations

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
    # Loaded only when something has to be fetched: the import costs more than a whole observation.
    from ansible.module_utils.urls import ConnectionError as UrlsConnectionError
    from ansible.module_utils.urls import open_url

    if urlsplit(url).scheme not in ("http", "https", "file"):
        raise FetchError("%s is not an http, https or file URL" % url)
    try:
        with open_url(url, timeout=TIMEOUT) as answer:
            data = answer.read(TEXT_LIMIT + 1)
    except HTTPError as exc:
        raise FetchError("%s answered %d %s" % (url, exc.code, exc.reason)) from exc
    except URLError as exc:
        raise FetchError("%s cannot be reached: %s" % (url, exc.reason)) from exc
    except (UrlsConnectionError, OSError, ValueError) as exc:
        raise FetchError("%s cannot be read: %s" % (url, exc)) from exc
    if len(data) > TEXT_LIMIT:
        raise FetchError("%s is longer than %d bytes" % (url, TEXT_LIMIT))
    return data.decode("utf-8", "surrogateescape")
