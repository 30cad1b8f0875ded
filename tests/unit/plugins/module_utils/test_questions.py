# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions are keys of a table: equal ones are one question, different ones are not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _questions as q

FILE = q.ConfigFile("/etc/apt/preferences.d/x", "Pin: version 1")
PAIRS = [
    (q.AskClients, q.AskSpace(())),
    (
        lambda: q.AskKey("http://mirror.example.org/k", "A" * 40),
        q.AskKey("http://mirror.example.org/k", "B" * 40),
    ),
    (lambda: q.AskSpace(("/usr",)), q.AskSpace(("/usr", "/var"))),
    (lambda: q.AskIndex((FILE,), "x", ("u",)), q.AskIndex((), "x", ("u",))),
    (lambda: q.AskTransaction((FILE,), ("a=1",)), q.AskTransaction((FILE,), ("a=1",), downgrade=True)),
    (lambda: q.AskTransaction((), ("a=1",), unhold=("a",)), q.AskTransaction((), ("a=1",))),
]


@pytest.mark.parametrize("make, other", PAIRS)
def test_equal_questions_share_an_answer(make: Any, other: Any) -> None:
    answers = {make(): "answer"}
    assert answers[make()] == "answer"
    assert other not in answers


def test_a_client_in_words() -> None:
    assert str(q.Client(4711, "research", "python3")) == "4711 (research, python3)"
