# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users write, found among the names of a GPU."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.boards import profiles_named
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.names import (
    Name,
    UnknownProfile,
    find,
    find_compute,
    parse,
)

RTX_PRO = "rtx-pro-6000-96gb"


@pytest.mark.parametrize(
    "text, name",
    [
        ("1g.5gb", Name(None, 1, 5, frozenset())),
        ("1c.3g.20gb", Name(1, 3, 20, frozenset())),
        (" MIG 1G.5GB+ME ", Name(None, 1, 5, frozenset({"+me"}))),
        ("1g.24gb+me.all", Name(None, 1, 24, frozenset({"+me.all"}))),
        ("2c.4g.96gb-me", Name(2, 4, 96, frozenset({"-me"}))),
        ("1g.24gb+gfx,me", Name(None, 1, 24, frozenset({"+gfx", "+me"}))),
        ("1g", None),
        ("1g.5", None),
        ("g.5gb", None),
        ("1g.5gb me", None),
        ("1g.5gb+", None),
        ("", None),
    ],
)
def test_parse(text: str, name: Name) -> None:
    assert parse(text) == name


@pytest.mark.parametrize(
    "board, text, name",
    [
        ("a100-40gb", "3g.20gb", "3g.20gb"),
        ("a100-40gb", "MIG 3G.20GB", "3g.20gb"),
        ("a100-40gb", "19", "1g.5gb"),
        ("a30-24gb", "14", "1g.6gb"),
        ("gb200-186gb", "1g.24gb", "1g.23gb"),
        ("gb200-186gb", "1g.24gb+me", "1g.23gb+me"),
        ("gb200-186gb", "7g.189gb", "7g.186gb"),
        ("h200-141gb", "1g.17gb", "1g.18gb"),
        (RTX_PRO, "1g.24gb+me.all", "1g.24gb+me.all"),
        (RTX_PRO, "1g.24gb-me", "1g.24gb-me"),
        (RTX_PRO, "1g.23gb", "1g.24gb"),
        (RTX_PRO, "1g.26gb", "1g.24gb"),
    ],
)
def test_found(board: str, text: str, name: str) -> None:
    assert find(text, profiles_named(board)).name == name


@pytest.mark.parametrize(
    "board, text",
    [
        ("a100-80gb", "1g.5gb"),
        ("a100-80gb", "3g.20gb"),
        ("a100-40gb", "1g.6gb"),
        ("a100-40gb", "1g.5gb+gfx"),
        ("a100-40gb", "1g.5gb-me"),
        ("a100-40gb", "1c.3g.20gb"),
        ("a100-40gb", "7"),
        ("a100-40gb", "small"),
        (RTX_PRO, "1g.27gb"),
        (RTX_PRO, "1g.21gb"),
        (RTX_PRO, "2g.48gb+me"),
    ],
)
def test_not_found(board: str, text: str) -> None:
    profiles = profiles_named(board)
    with pytest.raises(UnknownProfile) as error:
        find(text, profiles)
    assert "'%s' is no profile of this GPU" % text in str(error.value)
    assert all(profile.name in str(error.value) for profile in profiles)


def test_the_nearer_of_two() -> None:
    a100 = profiles_named("a100-80gb")
    assert [each.name for each in a100 if each.slices == 1] == ["1g.10gb", "1g.10gb+me", "1g.20gb"]
    assert find("1g.19gb", a100).id == 15
    near = (replace(a100[0], id=1, name="1g.11gb"), a100[0], replace(a100[0], id=2, name="1g.11gb"))
    assert [find(text, near).id for text in ("1g.10gb", "1g.11gb", "1g.12gb", "1g.9gb")] == [19, 1, 1, 19]


@pytest.mark.parametrize(
    "board, profile, text, number",
    [
        ("a100-40gb", "3g.20gb", "1c.3g.20gb", 0),
        ("a100-40gb", "3g.20gb", "2c.3g.20gb", 1),
        ("a100-40gb", "3g.20gb", "3g.20gb", 2),
        ("a100-40gb", "3g.20gb", "3c.3g.20gb", 2),
        ("a100-40gb", "3g.20gb", "1", 1),
        ("a100-40gb", "7g.40gb", "7g.40gb", 4),
        ("a100-40gb", "7g.40gb", "8", 8),
        ("h100-80gb-sxm", "1g.20gb", "1g.20gb", 7),
        ("h100-80gb-sxm", "2g.20gb", "1c.2g.20gb", 0),
        ("gb200-186gb", "3g.93gb", "1c.3g.95gb", 0),
        (RTX_PRO, "2g.48gb-me", "1c.2g.48gb-me", 0),
    ],
)
def test_compute_instances(board: str, profile: str, text: str, number: int) -> None:
    assert find_compute(text, find(profile, profiles_named(board))).id == number


@pytest.mark.parametrize("text", ["4c.3g.20gb", "1c.4g.20gb", "1c.3g.40gb", "1c.3g.20gb+me", "1c", "9"])
def test_no_such_compute_instance(text: str) -> None:
    profile = find("3g.20gb", profiles_named("a100-40gb"))
    with pytest.raises(UnknownProfile, match="1c.3g.20gb, 2c.3g.20gb, 3g.20gb"):
        find_compute(text, profile)
