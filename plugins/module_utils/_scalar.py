# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""One value of an option as text, and what is said of a bad one. Pure: planners use it."""

from __future__ import annotations

import re
from typing import Any

_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+){0,2}\Z")


class BadWish(ValueError):
    """An option that no host could fulfil; the message says which, why, and what to write instead."""


def scalar(option: str, value: Any) -> str:
    """One value as text. Raises BadWish.

    YAML makes 580.10 a number and drops its zero: such a value is refused, not guessed at.
    """
    if isinstance(value, bool):
        raise BadWish("%s is %s, a yes or no: write one value." % (option, str(value).lower()))
    if isinstance(value, float):
        raise BadWish(
            "%s is the unquoted number %s, from which YAML may have dropped digits: quote it."
            % (option, value)
        )
    if isinstance(value, (list, dict)):
        raise BadWish(
            "%s is a %s: write one value." % (option, "list" if isinstance(value, list) else "mapping")
        )
    return str(value).strip()


def version_of(option: str, value: Any) -> str:
    """One to three numbers as text, such as "2.8". Raises BadWish."""
    found = scalar(option, value)
    if not _VERSION.match(found):
        raise BadWish("%s is '%s': write one to three numbers in quotes, such as '2.8'." % (option, found))
    return found
