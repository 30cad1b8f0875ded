# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real cuDNN, from its wheel on PyPI, laid out as NVIDIA's archives are and installed on a booted node.

Not collected by a plain run of the scenarios: `make test-all` names this file. 9.12.0.46 for CUDA 13 is the
smallest wheel with all libraries, 314 MB, because CUDA 13 dropped the oldest architectures.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from scenario import MIRROR, ROOT, Fleet

WHEEL, VERSION, CUDA = "nvidia-cudnn-cu13", "9.12.0.46", "13"
NAME = f"cudnn-linux-x86_64-{VERSION}_cuda{CUDA}-archive"
LIBRARY = "/usr/local/cuda-13.0/lib64/libcudnn.so.9"
ASK = "import ctypes; print(ctypes.CDLL('libcudnn.so.9').cudnnGetVersion())"


@pytest.fixture(scope="module")
def wheel() -> Path:
    """The wheel, fetched once."""
    folder = ROOT / ".build" / "wheels"
    argv = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*argv, "--dest", str(folder), f"{WHEEL}=={VERSION}"], check=True, timeout=1200)
    (found,) = folder.glob(f"{WHEEL.replace('-', '_')}-{VERSION}-*.whl")
    return found


@pytest.fixture(scope="module")
def archive(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder with include/, lib/ and LICENSE. Its libraries have their whole version in their names."""
    path = tmp_path_factory.mktemp("archive") / f"{NAME}.tar.gz"
    short = VERSION.rpartition(".")[0]
    with zipfile.ZipFile(wheel) as source, tarfile.open(path, "w:gz", compresslevel=1) as target:
        for entry in source.infolist():
            place = re.match(r"nvidia/cudnn/(include|lib)/([^/]+\.(?:h|so\.9))$", entry.filename)
            if not place and not entry.filename.endswith("/licenses/License.txt"):
                continue
            name = f"{place[1]}/{place[2]}" if place else "LICENSE"
            member = tarfile.TarInfo(f"{NAME}/{name.replace('.so.9', f'.so.{short}')}")
            member.size = entry.file_size
            with source.open(entry) as content:
                target.addfile(member, content)
    return path


def test_a_real_cudnn_installs_loads_and_says_its_version(fleet: Fleet, archive: Path) -> None:
    fleet.reset("node1")
    toolkit = {**MIRROR, "versions": ["13.0"], "components": "runtime"}
    assert not fleet.task("node1", {"labfleet.gpu.cuda_toolkit": toolkit}).get("failed")
    with archive.open("rb") as content:
        checksum = "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()
    variables = {
        "version": "9.12",
        "archive": f"/srv/{archive.name}",
        "checksum": checksum,
        "toolkit": "13.0",
    }
    variables["archive_from"] = str(archive)
    play: dict[str, Any] = {"hosts": "node1", "gather_facts": False, "become": True}
    play["vars"] = {f"cudnn_{name}": value for name, value in variables.items()}
    play["roles"] = ["labfleet.gpu.cudnn"]
    (fleet.work / "real.yml").write_text(json.dumps([play]))
    done = fleet.playbook(fleet.work / "real.yml")
    assert done.rc == 0 and done.recap["node1"]["changed"] == 2, done.output
    now = fleet.task("node1", {"labfleet.gpu.cudnn": {"version": VERSION, "toolkit": "13.0"}})
    assert not now["changed"], now
    assert now["after"]["cudnn"] == {
        LIBRARY: {"version": VERSION, "origin": "archive", "cuda": CUDA, "header": "9.12.0"}
    }
    assert fleet.sh("node1", f'python3 -c "{ASK}"') == "91200", "the linker finds it"
    names = fleet.sh("node1", "cd /usr/local/cuda-13.0/lib64; ls libcudnn*.so.9.12.0").split()
    assert len(names) == 8, names
    gone = fleet.task("node1", {"labfleet.gpu.cudnn": {"state": "absent"}})
    assert gone["changed"] and gone["after"]["cudnn"] == {}
    assert fleet.sh("node1", "find /usr/local/cuda-13.0/ -name '*cudnn*'") == ""
