# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks and environment.yml: read, written, refused."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda import environment_file, pins
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.source import resolved
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.state import CondaState
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.wish import CondaWish
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Blocker

HOST = Host("debian", "12", "bookworm", "Debian 12", "x86_64", "6.1")
SHA, MD5 = "ab" * 32, "cd" * 16
NUMPY = "https://conda.example/forge/linux-64/numpy-1.26.4-py311h64a7726_0.conda"
TZ = "https://conda.example/forge/noarch/tzdata-2024a-h0c530f3_0.tar.bz2"
TOOL = "https://wheels.example/cu121/torch-2.1.2%2Bcu121-cp311-cp311-linux_x86_64.whl"

LOCK = """# platform: linux-64
# pip torch @ %s --hash=sha256:%s
# pip odd==1.0
@EXPLICIT
%s#%s
%s#sha256:%s
""" % (TOOL, SHA, TZ, MD5, NUMPY, SHA)


def test_a_lock() -> None:
    lock = pins.parse(LOCK)
    assert lock.conda == ("%s#%s" % (NUMPY, SHA), "%s#%s" % (TZ, MD5))
    assert lock.pip == ("odd==1.0", "torch @ %s#sha256=%s" % (TOOL, SHA))
    assert [pins.line_of(each) for each in lock.conda] == [
        "numpy=1.26.4=py311h64a7726_0",
        "tzdata=2024a=h0c530f3_0",
    ]
    assert [pins.distribution(each) for each in lock.pip] == ["odd==1.0", "torch==2.1.2+cu121"]
    channel = "https://conda.example/forge"
    assert pins.split(lock.conda[1]) == (channel, "noarch", "tzdata-2024a-h0c530f3_0.tar.bz2", MD5)


def test_what_is_written_is_read_again() -> None:
    rows = [
        {"name": "tzdata", "subdir": "noarch", "url": TZ, "md5": MD5},
        {"name": "numpy", "subdir": "linux-64", "url": NUMPY, "sha256": SHA, "md5": MD5},
    ]
    pip = ("torch @ %s#sha256=%s" % (TOOL, SHA), "odd==1.0")
    text = pins.rendered(rows, pip)
    assert "# platform: linux-64\n" in text and pins.is_lock(text)
    assert pins.parse(text) == pins.parse(LOCK)
    with pytest.raises(pins.BadLock, match="no hash is known of numpy"):
        pins.rendered([{"name": "numpy", "subdir": "linux-64", "url": NUMPY}], ())


@pytest.mark.parametrize(
    "text, said",
    [
        ("@EXPLICIT\n", "it lists no package"),
        ("@EXPLICIT\n%s\n" % NUMPY, "has no hash"),
        ("@EXPLICIT\nnumpy=1\n", "is no address of a conda package"),
        ("# pip torch from somewhere\n@EXPLICIT\n%s#%s\n" % (NUMPY, SHA), "is not understood"),
    ],
)
def test_a_bad_lock(text: str, said: str) -> None:
    with pytest.raises(pins.BadLock, match=said):
        pins.parse(text)


@pytest.mark.parametrize(
    "requirement, found",
    [
        ("Foo_Bar @ https://x.example/Foo_Bar-1.0.tar.gz", "foo-bar==1.0"),
        ("a @ https://x.example/a-2.0rc1-py3-none-any.whl#sha256=" + SHA, "a==2.0rc1"),
        ("a @ git+https://x.example/a", ""),
        ("a", ""),
    ],
)
def test_what_an_exact_requirement_installs(requirement: str, found: str) -> None:
    assert pins.distribution(requirement) == found


YML = """\
# for the vision group
name: train
channels: [nvidia/label/cuda-12.1.1, conda-forge]
dependencies:
  - python=3.11   # not 3.12
  - "numpy >=1.26,<2"
  - pip
  - pip:
      - torch==2.1.2
      - 'six'
  - scipy
prefix: /home/ada/envs/train
"""


def test_an_environment_file() -> None:
    found = environment_file.parse(YML)
    assert found.channels == ("nvidia/label/cuda-12.1.1", "conda-forge")
    assert found.packages == ("python=3.11", "numpy >=1.26,<2", "pip", "scipy")
    assert found.pip == ("torch==2.1.2", "six")
    assert environment_file.parse("dependencies:\n- a\n- b=1\n").channels is None
    listed = environment_file.parse("channels:\n- c\n- nodefaults\ndependencies: [a]\n")
    assert (listed.channels, listed.packages) == (("c",), ("a",))


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "no dependencies"),
        ("name: x\n", "no dependencies"),
        ("dependencies: a\n", "line 1 is no list"),
        ("dependencies:\n  - {a: 1}\n", "line 2 is not understood"),
        ("dependencies:\n  - conda:\n", "line 2 is not understood"),
        ("dependencies:\n  - a\nvariables:\n  X: 1\n", "line 3 has 'variables'"),
        ("  dependencies:\n", "line 1 is not understood"),
        ("- a\n", "line 1 belongs to nothing"),
        ("dependencies:\n  - &x a\n", "line 2 is not understood"),
    ],
)
def test_a_bad_environment_file(text: str, said: str) -> None:
    with pytest.raises(environment_file.BadFile, match=said):
        environment_file.parse(text)


def meant(text: Any) -> Any:
    state = CondaState(HOST, "/srv/envs/train", False, file_text=text)
    return resolved(state, CondaWish("/srv/envs/train", file="/srv/train"))


def test_what_a_file_asks_for() -> None:
    found = meant(YML)
    assert found.packages == ("python=3.11", "numpy >=1.26,<2", "pip", "scipy")
    assert found.channels[0] == "nvidia/label/cuda-12.1.1" and found.pip == ("torch==2.1.2", "six")
    # The same packages by options are the same environment.
    same = CondaWish("/x", channels=found.channels, packages=found.packages, pip=found.pip)
    assert found.lines() == same.lines()
    locked = meant(LOCK)
    assert locked.exclusive and len(locked.locked) == 2 and locked.pip[0] == "odd==1.0"
    assert not any(line.startswith("channel") for line in locked.lines())


@pytest.mark.parametrize(
    "text, said",
    [
        (None, "cannot be read on the node"),
        ("dependencies: [__cuda=12]\n", "set cuda"),
        ("@EXPLICIT\nx\n", "is no address"),
        (LOCK.replace("linux-64", "osx-arm64"), "for another kind of machine"),
    ],
)
def test_a_file_that_will_not_do(text: Any, said: str) -> None:
    found = meant(text)
    assert isinstance(found, Blocker) and said in str(found)


def test_the_fragments_of_a_record_that_conda_needs() -> None:
    row: Dict[str, Any] = {"name": "a", "subdir": "noarch", "url": TZ, "sha256": SHA}
    assert pins.rendered([row], ()).splitlines()[-2:] == ["@EXPLICIT", "%s#%s" % (TZ, SHA)]
