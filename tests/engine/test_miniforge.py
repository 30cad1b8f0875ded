# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role conda_gpu_env installs a Miniforge.

The installer is one of ours with the interface that Miniforge documents: -b asks nothing, -p says where, -u
brings what is there to its version, and without -u it refuses a directory that is there.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import platform
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

INSTALLER = """#!/bin/bash
while getopts bup: option; do case $option in p) prefix=$OPTARG ;; u) update=1 ;; b) batch=1 ;; esac; done
[ -n "$batch" ] || exit 3
[ ! -e "$prefix" ] || [ -n "$update" ] || {{ echo "ERROR: $prefix exists" >&2; exit 1; }}
mkdir -p "$prefix/bin" "$prefix/conda-meta" "$prefix/etc/profile.d"
{early}
echo {version} > "$prefix/version"
[ -e "$prefix/.condarc" ] || printf 'channels:\\n  - conda-forge\\n' > "$prefix/.condarc"
touch "$prefix/bin/conda" "$prefix/conda-meta/history" "$prefix/etc/profile.d/conda.sh"
"""


class Releases:
    """A server with releases, in a directory."""

    def __init__(self, folder: Path, url: str):
        self.folder, self.url = folder, url

    def add(self, version: str, early: str = "", told: str = "") -> None:
        """One more; ``told`` is another checksum than its own, ``early`` what it does in the middle."""
        name = f"Miniforge3-{version}-Linux-{platform.machine()}.sh"
        (self.folder / version).mkdir(exist_ok=True)
        text = INSTALLER.format(version=version, early=early)
        (self.folder / version / name).write_text(text)
        digest = told or hashlib.sha256(text.encode()).hexdigest()
        (self.folder / version / f"{name}.sha256").write_text(f"{digest}  ./{name}\n")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not shown."""


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[Releases]:
    folder = tmp_path / "releases"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Releases(folder, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def play(releases: Releases, prefix: Path, version: str, *options: str, **more: Any) -> dict[str, Any]:
    """What ansible-playbook says of the role on this machine: changed, failures, and why it failed."""
    variables = {
        "conda_gpu_env_miniforge": version,
        "conda_gpu_env_miniforge_prefix": str(prefix),
        "conda_gpu_env_miniforge_url": releases.url,
        **more,
    }
    book = releases.folder.parent / "book.yml"
    role = {"role": "labfleet.gpu.conda_gpu_env", "vars": variables}
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "roles": [role]}]))
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", *options, str(book)]
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "minimal", "ANSIBLE_LOCALHOST_WARNING": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    lines = done.stdout.splitlines()
    return {
        "failed": done.returncode != 0,
        "changed": any("CHANGED" in line for line in lines),
        "said": " ".join((done.stdout + done.stderr).split()),
    }


def settings(prefix: Path) -> Any:
    return yaml.safe_load((prefix / ".condarc").read_text())


def test_installed_once_and_brought_to_another_version(releases: Releases, tmp_path: Path) -> None:
    prefix = tmp_path / "miniforge3"
    releases.add("24.11.3-0")
    shown = play(releases, prefix, "24.11.3-0", "--check")
    assert (shown["failed"], shown["changed"], prefix.exists()) == (False, True, False), shown["said"]
    assert play(releases, prefix, "24.11.3-0")["changed"]
    assert (prefix / "version").read_text() == "24.11.3-0\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.yml", "miniforge3", "releases"]
    assert settings(prefix) == {
        "channels": ["conda-forge"],
        "envs_dirs": [f"{prefix}/envs", "/opt/conda/envs"],
    }
    # Nothing is fetched any more.
    for path in (releases.folder / "24.11.3-0").iterdir():
        path.unlink()
    for options in ((), ("--check",)):
        again = play(releases, prefix, "24.11.3-0", *options)
        assert (again["failed"], again["changed"]) == (False, False), again["said"]
    releases.add("25.3.0-3")
    (prefix / "theirs").touch()
    mine = {"channels": ["lab"], "envs_dirs": ["/srv/mine"], "ssl_verify": False}
    (prefix / ".condarc").write_text(json.dumps(mine))
    (prefix / ".condarc").chmod(0o600)
    assert play(releases, prefix, "25.3.0-3")["changed"]
    assert (prefix / "version").read_text() == "25.3.0-3\n" and (prefix / "theirs").exists()
    assert settings(prefix) == {**mine, "envs_dirs": ["/srv/mine", "/opt/conda/envs"]}
    assert (prefix / ".condarc").stat().st_mode & 0o777 == 0o600


def test_what_is_not_what_it_should_be_is_not_run(releases: Releases, tmp_path: Path) -> None:
    prefix = tmp_path / "miniforge3"
    releases.add("24.11.3-0", told="0" * 64)
    done = play(releases, prefix, "24.11.3-0")
    assert done["failed"] and "checksum" in done["said"].lower() and not prefix.exists()
    releases.add("24.11.3-0")
    done = play(releases, prefix, "24.11.3-0", conda_gpu_env_miniforge_sha256="1" * 64)
    assert done["failed"] and "checksum" in done["said"].lower() and not prefix.exists()


def test_what_somebody_else_put_there_is_left_alone(releases: Releases, tmp_path: Path) -> None:
    prefix = tmp_path / "miniforge3"
    (prefix / "bin").mkdir(parents=True)
    releases.add("24.11.3-0")
    for options in ((), ("--check",)):
        done = play(releases, prefix, "24.11.3-0", *options)
        assert done["failed"] and "was not made by this role" in done["said"]
    assert [path.name for path in prefix.iterdir()] == ["bin"]


def test_an_installation_that_was_cut_off_begins_anew(releases: Releases, tmp_path: Path) -> None:
    prefix = tmp_path / "miniforge3"
    releases.add("24.11.3-0", early='touch "$prefix/half"; kill -9 $$')
    assert play(releases, prefix, "24.11.3-0")["failed"] and (prefix / "half").exists()
    releases.add("24.11.3-0")
    done = play(releases, prefix, "24.11.3-0")
    assert not done["failed"], done["said"]
    assert not (prefix / "half").exists() and (prefix / "version").exists()


@pytest.mark.parametrize("used", ["conda-meta/history", "envs/theirs/bin/python", "bin/conda"])
def test_what_took_the_place_of_one_that_was_cut_off_is_left_alone(
    releases: Releases, tmp_path: Path, used: str
) -> None:
    prefix = tmp_path / "miniforge3"
    releases.add("24.11.3-0", early="kill -9 $$")
    assert play(releases, prefix, "24.11.3-0")["failed"]
    shutil.rmtree(prefix)
    (prefix / used).parent.mkdir(parents=True)
    (prefix / used).write_text("#!/bin/sh\n")
    (prefix / used).chmod(0o755)
    releases.add("24.11.3-0")
    for options in ((), ("--check",)):
        done = play(releases, prefix, "24.11.3-0", *options)
        assert done["failed"] and f"{prefix}.labfleet-gpu.unfinished says" in done["said"], done["said"]
    assert [path for path in prefix.rglob("*") if path.is_file()] == [prefix / used]
