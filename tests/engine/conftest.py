# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real conda, a channel, and environments that it makes. The conda is 4.3.16, the newest on PyPI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The second is where the collection is, as a stage of the tests has it.
sys.path[:0] = [str(ROOT / "tests/engine"), os.environ["ANSIBLE_COLLECTIONS_PATH"]]

from old_channel import OldChannel  # noqa: E402

if TYPE_CHECKING:
    from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments

#: Its entry point refuses to work where pip installed it, and it asks for what Python 3.8 took away.
LAUNCHER = """#!{python}
import platform, sys, warnings
warnings.simplefilter("ignore")
platform.linux_distribution = lambda **more: ("Debian", "12", "")
from conda.cli.main import main
sys.exit(main())
"""


@pytest.fixture(scope="session")
def conda(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the program."""
    find = [sys.executable, str(ROOT / "tests/tools/environments.py"), "conda"]
    found = subprocess.run(find, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    path = tmp_path_factory.mktemp("bin") / "conda"
    path.write_text(LAUNCHER.format(python=f"{found}/bin/python"))
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def channel(tmp_path: Path) -> OldChannel:
    """alpha 1.0, 1.1, and 2.0, which needs beta; gamma, whom nothing needs."""
    found = OldChannel(tmp_path / "channel")
    for version, depends in (("1.0", ()), ("1.1", ()), ("2.0", ("beta >=1",))):
        found.add(
            "alpha", version, {"bin/alpha": f"#!/bin/sh\n# {{prefix}}\necho alpha {version}\n"}, depends
        )
    found.add("beta", "1.0", {"share/beta": "b" * 300_000})
    found.add("gamma", "1.0", {"share/gamma": "g"})
    found.publish()
    return found


@pytest.fixture
def envs(tmp_path: Path, channel: OldChannel, conda: str, monkeypatch: pytest.MonkeyPatch) -> Environments:
    """Environments whose owner has the channel, and a cache, in .condarc."""
    from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments

    home = tmp_path / "home"
    home.mkdir()
    (home / ".condarc").write_text(f"channels:\n- {channel.url}\npkgs_dirs:\n- {tmp_path}/pkgs\n")
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "envs").mkdir()
    return Environments(tmp_path / "envs", "", engine="conda", conda_executable=conda, channels=())
