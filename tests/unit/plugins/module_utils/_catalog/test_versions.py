# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions as numbers: order, parts, and what is none."""

from __future__ import annotations

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.versions import (
    at_least,
    major,
    minor,
    newest,
    numbers,
    within,
)


@pytest.mark.parametrize(
    "version, minimum, holds",
    [
        ("580.65.06", "580", True),
        ("580", "580.65.06", False),
        ("535.104.05", "535.86.10", True),
        ("455.32", "455.32.00", True),
        ("9.10.2", "9.9", True),
        ("9.1.1", "9.10", False),
        ("2.5", "2.42", False),
    ],
)
def test_at_least(version: str, minimum: str, holds: bool) -> None:
    assert at_least(version, minimum) is holds


@pytest.mark.parametrize(
    "version, wanted, holds",
    [
        ("12.4.1", "12.4", True),
        ("12.4.1", "12.4.1", True),
        ("12.4", "12.4.1", False),
        ("9.10.2.21", "9.1", False),
        ("9.10.2.21", "9", True),
        ("12.4.0", "12", True),
    ],
)
def test_within(version: str, wanted: str, holds: bool) -> None:
    assert within(version, wanted) is holds


def test_parts_of_versions() -> None:
    assert (major("12.4.1"), minor("12.4.1"), numbers("0.07")) == ("12", "12.4", (0, 7))
    assert newest(["9.9.0", "9.10.2", "9.2.1"]) == "9.10.2" and newest([]) is None
    with pytest.raises(ValueError, match="write it as in '12.4'"):
        minor("12")


@pytest.mark.parametrize(
    "text_of_it", ["", "12.", ".4", "12.4-1", "v12", "12.4.x", " 12.4", "12.4\n", "1_2", "١٢"]
)
def test_what_is_no_version(text_of_it: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        numbers(text_of_it)
