# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A channel with real packages, and a directory of environments."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.labfleet.gpu.tests.unit.support.conda_channel import (
    index,
    package,
    python_package,
    script,
    wheel,
)
from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    """alpha 1.0 and 2.0, which needs beta; gpu-thing, which needs CUDA 12."""
    root = tmp_path / "channel"
    for version in ("1.0", "2.0"):
        contents = {
            "bin/alpha": script("#!/bin/sh\n# {prefix}\necho alpha %s\n" % version),
            "lib/libalpha.so": (b"\x7fELF\0" + script("{prefix}/lib\0")[0] + b"end\0", 0o644),
        }
        package(root, "alpha", version, contents, ["beta >=1"] if version == "2.0" else [])
    package(root, "beta", "1.0", {"share/beta": (b"b" * 300000, 0o644)})
    package(root, "gpu-thing", "12.4", {"share/gpu": (b"g", 0o644)}, ["__cuda >=12"])
    return root


@pytest.fixture
def envs(tmp_path: Path, channel: Path) -> Environments:
    (tmp_path / "envs").mkdir()
    return Environments(tmp_path / "envs", index(channel))


@pytest.fixture
def with_python(channel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The channel has this very Python too, and there are wheels for pip."""
    python_package(channel)
    for version in ("1.0", "2.0"):
        wheel(channel / "wheels", "tool", version)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(channel / "wheels"))
