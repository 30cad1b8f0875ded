# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for every text file: its length, its licence lines, and words that tie it to one machine."""

from __future__ import annotations

import re
from pathlib import Path

MAX_LINES = 400
# Tables are as long as their facts, and licences as long as they are.
MAY_BE_LONG = re.compile(r"(^COPYING$|\.json$|(^|/)_catalog/|^changelogs/|^CHANGELOG)")

LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
COPYRIGHT = "SPDX-FileCopyrightText:"
NEEDS_LICENCE = re.compile(r"(\.(py|sh|c|h|toml)|(^|/)Makefile)$")
HEAD = 12  # lines in which the licence must stand

WORDS_FILE = "tests/tools/house_words.txt"


def forbidden_words() -> list[tuple[re.Pattern[str], str]]:
    """Pattern and reason, from house_words.txt beside this file."""
    rows = []
    text = (Path(__file__).parent / "house_words.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            pattern, reason = line.split("\t")
            rows.append((re.compile(pattern), reason))
    return rows


def _check_file(name: str, text: str, words: list[tuple[re.Pattern[str], str]]) -> list[str]:
    lines = text.splitlines()
    found = []
    if len(lines) > MAX_LINES and not MAY_BE_LONG.search(name):
        found.append(f"{name}:1: {len(lines)} lines; split it, the limit is {MAX_LINES}.")
    is_program = bool(lines) and lines[0].startswith("#!")
    if (NEEDS_LICENCE.search(name) or is_program) and text.strip():
        head = "\n".join(lines[:HEAD])
        found += [
            f"{name}:1: '{needed}' is missing from its first lines."
            for needed in (COPYRIGHT, LICENCE)
            if needed not in head
        ]
    for number, line in enumerate(lines, 1):
        found += [
            f"{name}:{number}: {match.group()!r} must not be here: {reason}."
            for pattern, reason in words
            for match in [pattern.search(line)]
            if match
        ]
    return found


def check(root: Path, files: list[str]) -> list[str]:
    """Findings in all text files; what is not UTF-8 is not text."""
    words = forbidden_words()
    found = []
    for name in files:
        if name in ("COPYING", WORDS_FILE):
            continue
        try:
            text = (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += _check_file(name, text, words)
    return found
