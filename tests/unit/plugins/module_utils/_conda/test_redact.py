# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of addresses are found wherever options have them, as they are written."""

from __future__ import annotations

from ansible_collections.labfleet.gpu.plugins.module_utils._conda.redact import redacted, secrets_in


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
