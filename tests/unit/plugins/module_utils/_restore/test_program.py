# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the boot unit holds all that it may import, and nothing else."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator, Set

import ansible_collections.labfleet.gpu.plugins.module_utils._restore as package
import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._restore.contents import CONTENTS
from ansible_collections.labfleet.gpu.plugins.module_utils._restore.program import program

UTILS = os.path.dirname(os.path.dirname(str(package.__file__)))


def imported(name: str) -> Iterator[str]:
    """The modules below module_utils that a module imports anywhere."""
    with open(os.path.join(UTILS, name.replace(".", "/") + ".py"), encoding="utf-8") as stream:
        tree = ast.parse(stream.read())
    types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level or id(node) in types:
            continue
        base = name.split(".")[: -node.level]
        base += node.module.split(".") if node.module else []
        for path in (base, *(base + [alias.name] for alias in node.names)):
            if path and os.path.isfile(os.path.join(UTILS, *path) + ".py"):
                yield ".".join(path)


def test_it_holds_what_it_imports() -> None:
    found: Set[str] = set()
    left = ["_restore.main"]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += imported(name)
    assert sorted(CONTENTS) == sorted(found)


def test_it_runs_without_ansible_and_without_the_collection(tmp_path: Path) -> None:
    path = tmp_path / "restore.pyz"
    path.write_bytes(program())
    assert program() == path.read_bytes(), "the same sources make the same file"
    script = (
        "import sys; sys.path.insert(0, %r); sys.modules['ansible'] = None; "
        "from ansible_collections.labfleet.gpu.plugins.module_utils._restore import main; "
        "print(main.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script % str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(path)), done.stdout


ASK = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from ansible_collections.labfleet.gpu.plugins.module_utils._restore import program; "
    "print(program._interpreter())"
)


def interpreter(python: str) -> "subprocess.CompletedProcess[str]":
    """Which Python would be run at boot if this one ran the module."""
    root = UTILS[: UTILS.index("/ansible_collections/")]
    return subprocess.run([python, "-c", ASK, root], capture_output=True, text=True, check=False)


@pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/usr/bin/python3"), reason="needs root and a python3"
)
def test_a_virtual_environment_is_not_the_python_that_it_links_to() -> None:
    """It has nvidia-ml-py perhaps, and the other has not."""
    home = Path(tempfile.mkdtemp(dir="/opt"))
    try:
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(home / "venv")], check=True)
        python = str(home / "venv/bin/python")
        home.chmod(0o755)
        assert interpreter("/usr/bin/python3").stdout == "/usr/bin/python3\n"
        assert interpreter(python).stdout == python + "\n"
        os.chown(str(home / "venv"), 1000, 1000)
        refused = interpreter(python)
        assert "others may change %s/venv: set ansible_python_interpreter" % home in refused.stderr
    finally:
        shutil.rmtree(str(home))
