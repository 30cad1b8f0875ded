# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands with a deadline, where a test stands in for the machine that runs them."""

from __future__ import annotations

from typing import List, Sequence

from ansible_collections.labfleet.gpu.plugins.module_utils._deadline import PROGRAM


def bare(argv: Sequence[str]) -> List[str]:
    """The command itself, without the process that holds it to its deadline."""
    words = list(argv)
    return words[words.index(PROGRAM) + 2 :] if PROGRAM in words else words
