# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that a real pip builds from source, in environments with a real Python."""

from __future__ import annotations

import base64
import ensurepip
import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.export import export
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.pip_wish import NONE, Build, Sources
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import EffectError
from ansible_collections.labfleet.gpu.tests.unit.support.buildable import source
from ansible_collections.labfleet.gpu.tests.unit.support.conda_channel import movable_python, wheel
from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root"),
    pytest.mark.skipif(not movable_python(), reason="Debian's own Python cannot be packed"),
]
#: An older pip, which comes with an older Python, takes no settings in a file of requirements.
TAKES_SETTINGS = tuple(int(part) for part in ensurepip.version().split(".")[:2]) >= (23, 1)
SETTINGS = (("--build-option", ("--cpp_ext", "--with a blank")),) if TAKES_SETTINGS else ()
TOLD = {key: list(values) for key, values in SETTINGS}


def told(envs: Environments, name: str = "train") -> Dict[str, Any]:
    """What the package was built with."""
    command = [str(envs.path("bin/python", name)), "-c", "import json, ext; print(json.dumps(ext.told))"]
    found: Dict[str, Any] = json.loads(subprocess.check_output(command))
    return found


@pytest.fixture
def ext(tmp_path: Path, with_python: None) -> Build:
    """A package in a folder, that takes a variable and a setting."""
    return Build(source(tmp_path / "src", "ext", "1.0"), True, SETTINGS, (("MAX_JOBS", "2"),), cuda=NONE)


def test_a_package_is_built_once_and_anew_when_it_must(ext: Build, envs: Environments) -> None:
    wish = envs.wish("python", pip=("tool==1.0",), builds=(ext,))
    assert envs.converge(wish) == ["stage", "transact", "pip-install", "pip-build", "seal"]
    found = told(envs)
    assert (found["settings"], found["MAX_JOBS"]) == (TOLD, "2")
    assert found["CUDA_HOME"] is None and found["PATH"].startswith(str(envs.path("bin")) + ":")
    assert envs.state().pip == ("ext==1.0", "tool==1.0")
    assert envs.converge(wish) == []
    # Another package beside it is no reason to build it again, another setting is, and so is its absence.
    more = replace(wish, packages=("python", "beta"))
    assert envs.converge(more) == ["stage", "transact", "seal", "sweep"]
    other = replace(more, builds=(replace(ext, environment=(("MAX_JOBS", "4"),)),))
    (_stage, step, *_rest) = envs.planned(other).steps
    assert step.why == "what it was built with or for has changed"
    assert envs.converge(other) == ["stage", "pip-build", "seal", "sweep"]
    assert told(envs)["MAX_JOBS"] == "4"
    subprocess.check_call([str(envs.path("bin/python")), "-m", "pip", "uninstall", "-qy", "ext"])
    assert envs.converge(other) == ["stage", "pip-build", "seal", "sweep"]


def test_a_lock_and_a_copy_build_it_in_the_same_way(ext: Build, envs: Environments) -> None:
    envs.converge(envs.wish("python", pip=("tool==1.0",), builds=(ext,)))
    exported = export(envs.files, str(envs.root / "train"))
    assert "# build %s\n#   with no_build_isolation\n" % ext.requirement in exported.lock
    assert exported.unknown == () and "# pip ext" not in exported.lock
    path = envs.root.parent / "lock"
    path.write_text(exported.lock)
    actions: List[str] = ["stage", "transact", "pip-install", "pip-build", "seal"]
    for wish in (
        envs.wish(name="other", file=str(path)),
        envs.wish(name="copy", clone=str(envs.root / "train")),
    ):
        name = wish.prefix.rpartition("/")[2]
        assert envs.converge(wish) == actions
        assert told(envs, name)["settings"] == TOLD
        assert export(envs.files, wish.prefix).lock == exported.lock


def test_a_build_that_fails_leaves_the_environment_as_it_was(
    ext: Build, envs: Environments, tmp_path: Path
) -> None:
    envs.converge(envs.wish("python", pip=("tool==1.0",)))
    (tmp_path / "src" / "backend.py").write_text(
        "def build_wheel(*_args):\n    raise SystemExit('no nvcc')\n"
    )
    found = envs.planned(envs.wish("python", pip=("tool==1.0",), builds=(ext,)))
    with pytest.raises(EffectError, match="(?s)build ext.*pip said"):
        envs.apply(found)
    assert envs.state().pip == ("tool==1.0",) and envs.state().leftovers == ()


def test_a_framework_is_not_replaced_by_what_comes_later(
    with_python: None, envs: Environments, channel: Path
) -> None:
    """tool wants another torch than the one that is there: pip refuses instead of taking it."""
    wheels = channel / "wheels"
    wheel(wheels, "torch", "2.0")
    wheel(wheels, "torch", "2.1")
    wheel(wheels, "needy", "1.0", requires="torch==2.1")
    envs.converge(envs.wish("python", pip=("torch==2.0",)))
    found = envs.planned(envs.wish("python", pip=("torch==2.0", "needy")))
    assert [step.action for step in found.steps] == ["stage", "pip-install", "seal", "sweep"]
    with pytest.raises(EffectError, match="(?i)conflict"):
        envs.apply(found)
    assert envs.state().pip == ("torch==2.0",)


def test_pip_looks_where_it_is_told_to(
    with_python: None, envs: Environments, channel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    offline = Sources(NONE, (), (str(channel / "wheels"),))
    assert "pip-install" in envs.converge(envs.wish("python", pip=("tool==1.0",), sources=offline))
    simple = channel / "simple"
    simple.mkdir()
    (simple / "tool").symlink_to(channel / "wheels")
    (simple / "tool" / "index.html").write_text('<a href="tool-2.0-py3-none-any.whl">tool</a>')
    mirror = Sources("file://%s" % simple)
    assert "pip-install" in envs.converge(envs.wish("python", pip=("tool",), sources=mirror, name="other"))
    assert envs.state("other").pip == ("tool==2.0",)
    # Where it looks is no part of what is there.
    assert envs.converge(envs.wish("python", pip=("tool",), name="other")) == []


def test_hashes(with_python: None, envs: Environments, channel: Path) -> None:
    digest = hashlib.sha256((channel / "wheels/tool-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    wish = envs.wish("python", pip=("tool==1.0 --hash=sha256:" + digest,))
    (_stage, _transact, step, _seal) = envs.planned(wish).steps
    assert step.what == "install with pip: tool==1.0"
    assert "pip-install" in envs.converge(wish)
    envs.path("conda-meta/labfleet-gpu").unlink()
    assert envs.converge(wish) == ["note"], "it will do"
    other = envs.planned(envs.wish("python", pip=("tool==1.0 --hash=sha256:" + 64 * "0",), name="other"))
    with pytest.raises(EffectError, match="(?i)hash"):
        envs.apply(other)


def test_the_torch_that_came_is_for_another_cuda(ext: Build, envs: Environments) -> None:
    """It was not to be known before, and the plan does not hold for it: nothing is built, nothing stays."""
    envs.converge(envs.wish("python", pip=("tool==1.0",)))
    site = next(envs.path("lib").glob("python3.*/site-packages"))
    (site / "torch").mkdir()
    (site / "torch" / "version.py").write_text("cuda: Optional[str] = '12.4'\n")
    found = envs.planned(envs.wish("python", pip=("tool==1.0",), builds=(ext,)))
    (build,) = [step for step in found.steps if step.action == "pip-build"]
    for named, cuda, cause in (("", "12.1", "CUDA 12.4"), ("11.8", "11.8", "CUDA 12.4")):
        data = replace(build.data, cuda=cuda, build=replace(ext, cuda=named))
        steps = tuple(replace(step, data=data) if step is build else step for step in found.steps)
        with pytest.raises(EffectError, match="torch is there for %s" % cause):
            envs.apply(replace(found, steps=steps))
    data = replace(build.data, cuda="12.1", build=replace(ext, cuda="12.1"))
    envs.apply(replace(found, steps=tuple(replace(s, data=data) if s is build else s for s in found.steps)))
    assert told(envs)["MAX_JOBS"] == "2"


def keeping(folder: Path) -> None:
    """Have the backend take what an earlier build left, as setuptools does with objects."""
    text = (folder / "backend.py").read_text()
    more = """    os.makedirs("build", exist_ok=True)
    with open("build/kept", "a") as stream:
        stream.write(told["MAX_JOBS"] + "\\n")
    with open("build/kept") as stream:
        told["MAX_JOBS"] = stream.readline().strip()
"""
    (folder / "backend.py").write_text(text.replace("    told[", more + "    told[", 1))


def test_nothing_of_an_earlier_build_is_taken(ext: Build, envs: Environments, tmp_path: Path) -> None:
    folder = tmp_path / "src"
    keeping(folder)
    (folder / "build").mkdir()
    (folder / "build" / "kept").write_text("by hand\n")
    there = sorted(folder.rglob("*"))
    three, five = (replace(ext, environment=(("MAX_JOBS", jobs),)) for jobs in "35")
    envs.converge(envs.wish("python", pip=("tool==1.0",), builds=(three,)))
    assert told(envs)["MAX_JOBS"] == "3"
    envs.converge(envs.wish("python", pip=("tool==1.0",), builds=(five,)))
    assert told(envs)["MAX_JOBS"] == "5"
    assert sorted(folder.rglob("*")) == there
    # It says where it came from, not which copy.
    (info,) = envs.path("lib").glob("python3.*/site-packages/ext-1.0.dist-info")
    content = (info / "direct_url.json").read_bytes()
    assert json.loads(content)["url"] == "file://%s" % folder
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    assert "ext-1.0.dist-info/direct_url.json,sha256=%s,%d" % (digest, len(content)) in (
        (info / "RECORD").read_text()
    )


def test_what_is_no_entry_of_its_own_is_built_from_a_copy_too(
    ext: Build, envs: Environments, tmp_path: Path
) -> None:
    keeping(tmp_path / "src")
    text = (tmp_path / "src" / "backend.py").read_text()
    (tmp_path / "src" / "backend.py").write_text(text.replace('told["MAX_JOBS"] + ', '"3" + '))
    there = sorted((tmp_path / "src").rglob("*"))
    envs.converge(envs.wish("python", pip=(ext.requirement,)))
    assert told(envs)["MAX_JOBS"] == "3" and sorted((tmp_path / "src").rglob("*")) == there
    assert ext.requirement in export(envs.files, str(envs.root / "train")).lock
    os.chown(str(tmp_path / "src"), 1234, 1234)
    with pytest.raises(EffectError, match="src belongs to user 1234, and root would build it"):
        envs.apply(envs.planned(envs.wish("python", pip=(str(tmp_path / "src"),), name="other")))


def test_root_builds_nothing_that_others_may_change(ext: Build, envs: Environments, tmp_path: Path) -> None:
    (tmp_path / "src" / "deep").mkdir()
    (tmp_path / "src" / "deep" / "x.cu").touch()
    found = envs.planned(envs.wish("python", builds=(ext,)))
    os.chown(str(tmp_path / "src" / "deep" / "x.cu"), 1234, 1234)
    with pytest.raises(EffectError, match="x.cu belongs to user 1234, and root would build it: give the env"):
        envs.apply(found)
    os.chown(str(tmp_path / "src" / "deep" / "x.cu"), 0, 0)
    os.chmod(str(tmp_path), 0o777)
    with pytest.raises(EffectError, match="%s may be written by others, and root" % tmp_path):
        envs.apply(found)
    os.chmod(str(tmp_path), 0o755)
    envs.apply(found)


def needing(folder: Path, name: str) -> None:
    project = folder / "pyproject.toml"
    project.write_text(project.read_text().replace("requires = []", 'requires = ["%s"]' % name))


def test_what_takes_a_toolkit_is_built_against_the_framework_that_is_there(
    ext: Build, envs: Environments, channel: Path, tmp_path: Path
) -> None:
    for version in ("2.0", "2.1"):
        wheel(channel / "wheels", "torch", version)
    needing(tmp_path / "src", "nosuch")
    plain = replace(ext, no_build_isolation=None)
    found = envs.planned(envs.wish("python", pip=("torch==2.0",), builds=(plain,)))
    with pytest.raises(EffectError, match="nosuch"):
        envs.apply(found)
    steps = tuple(
        replace(step, data=replace(step.data, build=replace(plain, cuda="")))
        if step.action == "pip-build"
        else step
        for step in found.steps
    )
    envs.apply(replace(found, steps=steps))
    assert told(envs)["MAX_JOBS"] == "2"


def test_an_isolated_build_gets_the_framework_that_is_there(
    ext: Build, envs: Environments, channel: Path, tmp_path: Path
) -> None:
    for version in ("2.0", "2.1"):
        wheel(channel / "wheels", "torch", version)
    folder = tmp_path / "src"
    needing(folder, "torch")
    text = (folder / "backend.py").read_text()
    asked = 'told["MAX_JOBS"] = __import__("importlib.metadata").metadata.version("torch")'
    (folder / "backend.py").write_text(text.replace("    told[", "    %s\n    told[" % asked, 1))
    isolated = replace(ext, no_build_isolation=False)
    envs.converge(envs.wish("python", pip=("torch==2.0",), builds=(isolated,)))
    assert told(envs)["MAX_JOBS"] == "2.0"


_SERVER = """
import base64, functools, glob, http.server, sys

class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"ada:ge#heim").decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic realm=x")
            self.end_headers()
            return
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as stream:
                    called = stream.read()
            except OSError:
                continue
            if b"ge%23heim" in called or b"ge#heim" in called:
                print("seen", called, flush=True)
        print("asked", self.path, flush=True)
        super().do_GET()

    def log_message(self, *_args):
        pass

handler = functools.partial(Handler, directory=sys.argv[1])
with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
"""


def test_a_login_is_in_no_arguments(
    ext: Build, envs: Environments, channel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server looks at all processes each time that it is asked."""
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    needing(tmp_path / "src", "tool")
    folder = channel / "simple" / "tool"
    folder.mkdir(parents=True)
    wheel(folder, "tool", "1.0")
    (tmp_path / "server.py").write_text(_SERVER)
    log = tmp_path / "log"
    with open(str(log), "wb") as stream:
        argv = [sys.executable, str(tmp_path / "server.py"), str(channel)]
        with subprocess.Popen(argv, stdout=stream) as server:
            try:
                end = time.monotonic() + 30
                while not log.read_text().endswith("\n") and time.monotonic() < end:
                    time.sleep(0.05)
                port = int(log.read_text())
                places = Sources("http://ada:ge%%23heim@127.0.0.1:%d/simple" % port)
                isolated = replace(ext, no_build_isolation=None)
                envs.converge(envs.wish("python", builds=(isolated,), sources=places))
            finally:
                server.kill()
    assert "asked /simple/tool/" in log.read_text() and "seen" not in log.read_text()
    assert told(envs)["MAX_JOBS"] == "2"
