# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of gpu_check in a role: advice names the role's variables."""

from __future__ import annotations

from typing import Any

from ansible_collections.labfleet.gpu.plugins.action.gpu_check import in_role_words
from ansible_collections.labfleet.gpu.plugins.plugin_utils.role_variables import known_variables


def test_advice_names_variables_of_the_role() -> None:
    row = {"name": "leftovers", "next": "end them, or set end_leftovers: true", "reason": "end_leftovers"}
    answer: dict[str, Any] = {
        "rows": [dict(row), {"next": "see the rows gpu_count and framework"}],
        "failed_rows": [dict(row)],
        "msg": "1 of 2 rows failed: (leftovers: end them, or set end_leftovers: true; or correct toolkits).",
    }
    told = in_role_words(answer, "gpu_check", known_variables("gpu_check"))
    assert (
        told["rows"][0]["next"]
        == "end them, or set gpu_check_end_leftovers: true"
        == told["failed_rows"][0]["next"]
    )
    assert told["rows"][0]["reason"] == "end_leftovers", "only advice is changed"
    assert told["rows"][1]["next"] == "see the rows gpu_count and framework"
    assert told["msg"].endswith("set gpu_check_end_leftovers: true; or correct toolkits).")
    assert in_role_words({"failed": True, "msg": "no rows"}, "gpu_check", known_variables("gpu_check"))
