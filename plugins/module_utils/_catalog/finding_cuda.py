# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Frameworks that find the CUDA which conda packages bring only where LD_LIBRARY_PATH leads to it."""

from __future__ import annotations

import re

#: The first TensorFlow with a pip extra that brings CUDA, where its wheels find it. Source: pip page of
#: tensorflow/docs. Up to then the page had etc/conda/activate.d set LD_LIBRARY_PATH (commit be62ee25b).
TENSORFLOW_AND_CUDA = (2, 14)
#: As pip calls it; the second is what its builds with CUDA were called besides.
_TENSORFLOW = ("tensorflow", "tensorflow-gpu")
_MINOR = re.compile(r"(\d+)\.(\d+)")


def by_path(distribution: str) -> bool:
    """Does this distribution of pip ("name==version") find CUDA by LD_LIBRARY_PATH alone?"""
    name, _equals, version = distribution.partition("==")
    match = _MINOR.match(version)
    if name not in _TENSORFLOW or match is None:
        return False
    return (int(match.group(1)), int(match.group(2))) < TENSORFLOW_AND_CUDA
