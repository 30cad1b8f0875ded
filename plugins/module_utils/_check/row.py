# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""One row: what was looked at, what came of it, why, and what to do next. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Sequence

from .._dataclass import dataclass

OK, WARNED, FAILED, SKIPPED = "ok", "warned", "failed", "skipped"
RESULTS = (OK, WARNED, FAILED, SKIPPED)


@dataclass(frozen=True)
class Row:
    """``subject``: which thing it is about. ``next``: what to do, "" where there is nothing."""

    name: str
    subject: str
    result: str
    reason: str
    next: str = ""

    def shown(self) -> Dict[str, str]:
        return {
            "name": self.name,
            "subject": self.subject,
            "result": self.result,
            "reason": self.reason,
            "next": self.next,
        }

    def __str__(self) -> str:
        said = "%s: %s" % (self.subject, self.reason)
        return "%s (%s: %s)" % (said, self.name, self.next) if self.next else "%s (%s)" % (said, self.name)


def counted(rows: Sequence[Row]) -> Dict[str, int]:
    """How many rows have which result."""
    return {result: sum(row.result == result for row in rows) for result in RESULTS}


def failed(rows: Sequence[Row]) -> List[Row]:
    return [row for row in rows if row.result == FAILED]


def tolerated(row: Row, names: Sequence[str]) -> Row:
    """A failure that the admin lives with is a warning."""
    if row.result != FAILED or row.name not in names:
        return row
    return replace(row, result=WARNED, reason=row.reason + " (tolerated)")


def many(number: int, thing: str) -> str:
    """ "1 GPU", "2 GPUs"."""
    return "%d %s%s" % (number, thing, "" if number == 1 else "s")


#: So many failures are named in the message; the others are counted.
_NAMED = 3


def in_a_sentence(rows: Sequence[Row]) -> str:
    """The outcome, for the admin who reads nothing else."""
    bad, counts = failed(rows), counted(rows)
    if bad:
        named = "; ".join(str(row) for row in bad[:_NAMED])
        more = "; and %d more, see failed_rows" % (len(bad) - _NAMED) if len(bad) > _NAMED else ""
        return "%d of %d rows failed: %s%s." % (len(bad), len(rows), named, more)
    if not counts[OK]:
        return "No row is ok: %d skipped, %d warned." % (counts[SKIPPED], counts[WARNED])
    said = "%s ok" % many(counts[OK], "row")
    if counts[SKIPPED]:
        said += ", %d skipped" % counts[SKIPPED]
    warned = [row for row in rows if row.result == WARNED]
    if warned:
        more = "; and %d more, see rows" % (len(warned) - _NAMED) if len(warned) > _NAMED else ""
        said += ", %d warned: %s%s" % (len(warned), "; ".join(str(row) for row in warned[:_NAMED]), more)
    return said + "."
