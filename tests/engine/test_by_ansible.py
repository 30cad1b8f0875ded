# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role with a real conda, by Ansible, on this machine."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from old_channel import OldChannel

if TYPE_CHECKING:
    from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments


def play(envs: Environments, conda: str, *options: str, **more: Any) -> str:
    """What ansible-playbook says. Raises CalledProcessError."""
    variables = {
        "conda_gpu_env_root": str(envs.root),
        "conda_gpu_env_engine": "conda",
        "conda_gpu_env_conda_executable": conda,
        "conda_gpu_env_environments": [{"name": "train", **more}],
    }
    book = envs.root.parent / "book.yml"
    role = {"role": "labfleet.gpu.conda_gpu_env", "vars": variables}
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "roles": [role]}]))
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", "-v", *options, str(book)]
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "minimal"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout


def test_shown_then_done_then_nothing(envs: Environments, channel: OldChannel, conda: str) -> None:
    shown = play(envs, conda, "--check", packages=["alpha=2"])
    what = f"install 2 packages: alpha 2.0 (0), beta 1.0 (0); with conda 4.3.16 ({conda})"
    assert what in shown and not envs.path("").exists()
    assert what in play(envs, conda, packages=["alpha=2"])
    assert envs.path("bin/alpha").exists()
    # By now the channel is not needed, nor is the program.
    for file in channel.folder.rglob("repodata*"):
        file.unlink()
    Path(conda).rename(conda + ".away")
    try:
        again = play(envs, conda, packages=["alpha=2"])
    finally:
        Path(conda + ".away").rename(conda)
    assert "SUCCESS" in again and "CHANGED" not in again
