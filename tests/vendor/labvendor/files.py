# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts for packages, from templates with @NAMES@."""

from __future__ import annotations

from labvendor.compile import VENDOR
from labvendor.deb import Entry

Variables = dict[str, str]


def text(path: str, content: str, mode: int = 0o644) -> Entry:
    """A text file of a package."""
    return Entry(path, content.encode(), mode=mode)


def file(directory: str, name: str, **values: str) -> str:
    """A template of a directory beside this package, filled."""
    content = (VENDOR / directory / name).read_text()
    for key, value in values.items():
        content = content.replace(f"@{key}@", value)
    return content


def script(name: str, **values: str) -> str:
    """A maintainer script, filled."""
    return file("scripts", name, **values)
