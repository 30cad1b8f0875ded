# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of addresses are found wherever options have them, as they are written."""

from __future__ import annotations

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._redact import bare, redacted, secrets_in


def test_in_options_of_any_depth_and_any_letters() -> None:
    options = {
        "environments": [{"channels": ["https://bob:geheim\u00fc9@h/x", "https://h/t/tk-1234/conda"]}],
        "container": None,
        "driver": {"hold": True, "repository_url": "https://al:back\\slash@h/"},
    }
    assert secrets_in(options) == {
        *("bob:geheim\u00fc9", "geheim\u00fc9", "tk-1234", "al:back\\slash", "back\\slash"),
    }


def test_what_has_none() -> None:
    assert secrets_in({"a": ["https://h/x", 3, None]}) == set()
    assert redacted("https://bob:geheim\u00fc9@h/x") == "https://***@h/x"


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        # Who logs in over ssh is no secret: Ansible would mask the name in all of the result.
        ("git+ssh://ubuntu@git.example.org/x", set()),
        ("x @ git+ssh://ubuntu@git.example.org/x", set()),
        ("ssh://ada:geheim@h/x", {"ada:geheim", "geheim"}),
        ("https://ghp-1234@h/x", {"ghp-1234"}),
        ("git+https://ghp-1234@h/x", {"ghp-1234"}),
        ("https://ada1:@h/x", {"ada1"}),
        ("https://:geheim@h/x", {":geheim", "geheim"}),
        ("https://@h/x", set()),
    ],
)
def test_a_name_alone_is_a_secret_over_http(address: str, secrets: "set[str]") -> None:
    assert secrets_in(address) == secrets


@pytest.mark.parametrize(
    ("address", "secrets", "shown", "without"),
    [
        (
            "https://h/simple?token=geheim",
            {"geheim"},
            "https://h/simple?token=***",
            "https://h/simple",
        ),
        (
            "x @ https://h/x.whl?ref=main&private_token=geheim#sha256=ab",
            {"geheim"},
            "x @ https://h/x.whl?ref=main&private_token=***#sha256=ab",
            "x @ https://h/x.whl?ref=main#sha256=ab",
        ),
        (
            "https://h/x?X-Amz-Date=2024&X-Amz-Signature=0a1b2c&X-Amz-Security-Token=t%2Fok&v=1",
            {"0a1b2c", "t%2Fok"},
            "https://h/x?X-Amz-Date=2024&X-Amz-Signature=***&X-Amz-Security-Token=***&v=1",
            "https://h/x?X-Amz-Date=2024&v=1",
        ),
        ("https://h/x?sig=abcd&v=1", {"abcd"}, "https://h/x?sig=***&v=1", "https://h/x?v=1"),
        (
            "https://h/x?design=abcd&job=build",
            set(),
            "https://h/x?design=abcd&job=build",
            "https://h/x?design=abcd&job=build",
        ),
    ],
)
def test_in_the_query_of_an_address(address: str, secrets: "set[str]", shown: str, without: str) -> None:
    assert secrets_in([address]) == secrets
    assert redacted(address) == shown
    assert redacted("Could not fetch %s (404)" % address) == "Could not fetch %s (404)" % shown
    assert bare(address) == without
