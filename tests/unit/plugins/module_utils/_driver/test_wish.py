# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that no host could fulfil: each is refused with one sentence that says what to write."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import (
    ARGUMENTS,
    DriverWish,
    wish_from,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish
from hypothesis import given
from hypothesis import strategies as st

DEFAULTS: Dict[str, Any] = {name: argument.get("default") for name, argument in ARGUMENTS.items()}


def options(**chosen: Any) -> Dict[str, Any]:
    return dict(DEFAULTS, **chosen)


@pytest.mark.parametrize(
    "chosen, branch, version",
    [
        ({"branch": 580}, 580, None),
        ({"branch": "580"}, 580, None),
        ({"branch": " 580 "}, 580, None),
        ({"version": "580.95.05"}, None, "580.95.05"),
        ({"version": "570.86.15"}, None, "570.86.15"),
        ({"version": "590.44"}, None, "590.44"),
        ({"version": "580.95.05\n"}, None, "580.95.05"),
        ({"version": "580.159.04", "branch": ""}, None, "580.159.04"),
        ({"state": "absent"}, None, None),
    ],
)
def test_wishes(chosen: Dict[str, Any], branch: Any, version: Any) -> None:
    wish = wish_from(options(**chosen))
    assert (wish.branch, wish.version) == (branch, version)


def test_defaults_are_those_of_the_arguments() -> None:
    assert wish_from(options(branch=580)) == DriverWish(branch=580)


@pytest.mark.parametrize(
    "chosen, parts",
    [
        ({}, ("Neither branch nor version", "branch: 580")),
        ({"branch": 580, "version": "580.95.05"}, ("Both branch (580) and version (580.95.05)",)),
        ({"branch": "banana"}, ("branch is 'banana'", "580")),
        ({"branch": 58}, ("branch is '58'",)),
        ({"branch": "580.95"}, ("branch is '580.95'",)),
        ({"branch": "580-open"}, ("branch is '580-open'",)),
        ({"branch": 580.95}, ("branch is the unquoted number 580.95", "quote it")),
        ({"branch": True}, ("branch is true, a yes or no: write one value",)),
        ({"branch": [580]}, ("branch is a list", "one value")),
        ({"branch": {"a": 1}}, ("branch is a mapping", "one value")),
        ({"version": 580.1}, ("version is the unquoted number 580.1", "dropped digits", "quote it")),
        ({"version": 9.1}, ("version is the unquoted number 9.1", "quote it")),
        ({"version": "9.10"}, ("version is '9.10'", "in full", "branch: 580")),
        ({"version": "580"}, ("version is '580'", "branch: 580")),
        ({"version": 570}, ("version is '570'", "branch: 570")),
        ({"version": "banana"}, ("version is 'banana'", "580.95.05")),
        ({"version": "580.95.05-0ubuntu1"}, ("version is '580.95.05-0ubuntu1'",)),
        ({"branch": 580, "repository_key_fingerprint": "3BF863CC"}, ("'3BF863CC'", "40 hexadecimal")),
        ({"branch": 580, "gpus": ["banana"]}, ("gpus names 'banana'", "hopper")),
        ({"branch": 580, "gpus": ["ampere", "ffff"]}, ("gpus names 'ffff'",)),
        ({"branch": 580, "gpus": [600.0]}, ("gpus is the unquoted number 600.0", "quote it")),
    ],
)
def test_refusals(chosen: Dict[str, Any], parts: Any) -> None:
    with pytest.raises(BadWish) as refused:
        wish_from(options(**chosen))
    message = str(refused.value)
    for part in parts:
        assert part in message
    assert message.endswith(".") and "\n" not in message


def test_a_fingerprint_in_any_spelling() -> None:
    spelt = "eb69 3b30 35cd 5710 e231  e123 a4b4 6996 3bf8 63cc"
    assert (
        wish_from(options(branch=580, repository_key_fingerprint=spelt)).repository_key_fingerprint
        == "EB693B3035CD5710E231E123A4B469963BF863CC"
    )


def test_declared_gpus() -> None:
    wish = wish_from(options(branch=580, gpus=["hopper", 2330, "20B0"]))
    assert [gpu.architecture.name for gpu in wish.gpus if gpu.architecture] == ["Hopper", "Hopper", "Ampere"]


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12))


@given(branch=SCALARS, version=SCALARS, gpu=SCALARS)
def test_any_value_is_a_wish_or_a_refusal(branch: Any, version: Any, gpu: Any) -> None:
    try:
        wish = wish_from(options(branch=branch, version=version, gpus=[gpu]))
    except BadWish as refused:
        assert str(refused)
    else:
        assert (wish.branch is None) != (wish.version is None)
        assert wish.branch is None or 100 <= wish.branch <= 999
