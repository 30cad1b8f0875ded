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
    "from ansible_collections.labfleet.gpu.plugins.module_utils._restore.interpreter import interpreter; "
    "print(interpreter())"
)


def interpreter(*python: str, ask: str = ASK, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Which Python would be run at boot if this one ran the module."""
    root = UTILS[: UTILS.index("/ansible_collections/")]
    environment = {"PATH": os.environ["PATH"], **variables}
    argv = [*python, "-c", ask, root]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)


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


@pytest.mark.skipif(os.geteuid() != 0, reason="whose Python it is is asked of root's alone")
def test_a_binding_that_the_unit_would_not_find_is_refused(tmp_path: Path) -> None:
    """Without the site module nothing but these directories has one."""
    user = "import site, sys; sys.path.append(site.getusersitepackages()); " + ASK
    home = interpreter(
        sys.executable, "-S", ask="import site; print(site.getusersitepackages())", HOME=str(tmp_path)
    ).stdout.strip()
    assert home.startswith(str(tmp_path))
    for where, ask, variables in (
        (home, user, {"HOME": str(tmp_path)}),
        (str(tmp_path / "own"), ASK, {"PYTHONPATH": str(tmp_path / "own")}),
    ):
        os.makedirs(where)
        said = interpreter(sys.executable, "-S", ask=ask, **variables).stderr
        assert "nvidia-ml-py" not in said, "there is none: the run brings it, or says so"
        (Path(where) / "pynvml.py").touch()
        said = interpreter(sys.executable, "-S", ask=ask, **variables).stderr
        assert "without %s, where nvidia-ml-py lies: install it for all users" % where in said
        both = "import sys; sys.path.append(%r); %s" % (str(tmp_path / "all"), ask)
        (tmp_path / "all").mkdir(exist_ok=True)
        (tmp_path / "all" / "pynvml.py").touch()
        assert "nvidia-ml-py" not in interpreter(sys.executable, "-S", ask=both, **variables).stderr
    shared = "import site; site.getsitepackages = lambda: [%r]; %s" % (where, ASK)
    said = interpreter(sys.executable, "-S", ask=shared, PYTHONPATH=where).stderr
    assert "nvidia-ml-py" not in said, "it is there without the variable too"
