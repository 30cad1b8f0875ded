# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins are taken out of the addresses where pip looks, and kept in a netrc that Python reads."""

from __future__ import annotations

import netrc
from pathlib import Path

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.logins import apart
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.pip_wish import Sources, entries
from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish


def test_they_are_apart(tmp_path: Path) -> None:
    places, lines = apart(
        Sources(
            "https://ada:ge%23h%40eim@a.example/simple",
            ("https://b.example/simple", "https://bob:#'1@c.example:8443/t/x"),
            ("/srv/wheels", "https://ada:ge%23h%40eim@a.example/files"),
        )
    )
    assert places == Sources(
        "https://a.example/simple",
        ("https://b.example/simple", "https://c.example:8443/t/x"),
        ("/srv/wheels", "https://a.example/files"),
    )
    (tmp_path / "netrc").write_text(lines)
    read = netrc.netrc(str(tmp_path / "netrc")).authenticators
    assert read("a.example") == ("ada", read("a.example")[1], "ge#h@eim")  # type: ignore[index]
    assert read("c.example")[2] == "#'1" and read("b.example") is None  # type: ignore[index]
    assert apart(Sources("none", (), ("/srv/w",))) == (Sources("none", (), ("/srv/w",)), "")


@pytest.mark.parametrize("login", ["token", "token:", "a:b%20c", "a:%22b", "a:b%5Cc", "a:%C3%BC"])
def test_what_a_netrc_cannot_have(login: str) -> None:
    with pytest.raises(RuntimeError, match="login for x.example cannot be kept in a netrc"):
        apart(Sources("https://%s@x.example/simple" % login))


def test_two_for_a_host() -> None:
    with pytest.raises(RuntimeError, match="two logins for x.example"):
        apart(Sources("https://a:b@x.example/1", ("https://a:c@x.example/2",)))


@pytest.mark.parametrize(
    "value",
    [
        "x @ git+https://token@x.org/x",
        {"requirement": "x @ git+https://me:word@x.org/x"},
        "x @ git+ssh://git:word@x.org/x",
    ],
)
def test_a_login_for_git_is_refused(value: object) -> None:
    with pytest.raises(BadWish, match=r"\*\*\*@x.org.* with a login, which everybody sees"):
        entries([value])


@pytest.mark.parametrize("value", ["x @ git+ssh://git@x.org/x", "x @ git+https://x.org/x@1.0"])
def test_these_have_none(value: str) -> None:
    assert entries([value]) == ((value,), ())
