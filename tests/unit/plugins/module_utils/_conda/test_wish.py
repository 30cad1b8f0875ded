# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked of an environment, and what is said of a bad wish."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.specs import name_of
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.wish import (
    ARGUMENTS,
    CondaWish,
    Framework,
    wish_from,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._redact import bare, redacted
from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish


def options(**given: Any) -> Dict[str, Any]:
    """As the module has them: with defaults."""
    return dict({name: row.get("default") for name, row in ARGUMENTS.items()}, **given)


def wish(**given: Any) -> CondaWish:
    return wish_from(options(**dict({"name": "train"}, **given)))


def test_a_framework() -> None:
    found = wish(python="3.11", framework={"name": "pytorch", "version": "2.1.2", "cuda": None})
    assert found.prefix == "/opt/conda/envs/train"
    assert (found.python, found.framework) == ("3.11", Framework("pytorch", "2.1.2"))
    assert found.channels == ("conda-forge",)
    assert found.lines() == ("channel conda-forge", "python 3.11", "framework pytorch 2.1.2")


def test_packages_and_pip() -> None:
    found = wish_from(
        options(
            prefix="/srv/envs/naivis/",
            channels=["conda-forge", "nvidia/label/cuda-12.1.1"],
            packages=["python=3.7", "cudatoolkit=11.2", " cudnn  >=8.1 "],
            pip=["tensorflow==2.10.0"],
        )
    )
    assert found.prefix == "/srv/envs/naivis"
    assert found.packages == ("python=3.7", "cudatoolkit=11.2", "cudnn >=8.1")


def test_a_copy_a_revision_and_none() -> None:
    assert wish(clone="other", root="/srv/envs").clone == "/srv/envs/other"
    assert wish(clone="/srv/x/").clone == "/srv/x"
    assert wish(revision="3").revision == 3 and wish(revision=0).revision == 0
    assert wish(state="absent").state == "absent"


def test_the_order_of_packages_is_no_matter_that_of_channels_is() -> None:
    one, other = wish(packages=["a", "b=1"]), wish(packages=["b=1", "a"])
    assert one.lines() == other.lines()
    channels = wish(packages=["a", "b=1"], channels=["nvidia", "conda-forge"])
    assert channels.lines() != wish(packages=["a", "b=1"], channels=["conda-forge", "nvidia"]).lines()


@pytest.mark.parametrize(
    "given, said",
    [
        ({}, "Nothing is given: say by one of packages, framework, file, clone, revision"),
        ({"packages": ["a"], "clone": "b"}, "packages and clone are given"),
        ({"clone": "b", "revision": 3}, "clone and revision are given"),
        ({"clone": "b", "python": "3.11"}, "clone says all that is to be there: leave python out"),
        ({"revision": 1, "pip": ["a"]}, "revision says all that is to be there: leave pip out"),
        ({"state": "absent", "packages": ["a"]}, "packages and state: absent do not go together"),
        ({"name": None, "packages": ["a"]}, "either a name, which is made below root, or a prefix"),
        ({"prefix": "/srv/x", "packages": ["a"]}, "either a name"),
        ({"name": "a b", "packages": ["a"]}, "no name for an environment"),
        ({"name": "../x", "packages": ["a"]}, "no name for an environment"),
        ({"name": "base", "packages": ["a"]}, "no name for an environment"),
        ({"name": 3.10, "packages": ["a"]}, "name is the unquoted number 3.1"),
        ({"root": "/srv/my envs", "packages": ["a"]}, "do not start below a path with blanks"),
        ({"root": "srv", "packages": ["a"]}, "write a whole path"),
        ({"python": 3.10, "packages": ["a"]}, "python is the unquoted number 3.1, from which YAML"),
        ({"python": "3.1", "packages": ["a"]}, 'probably from an unquoted 3.10: write "3.10"'),
        ({"python": "2.7", "packages": ["a"]}, "which is no Python 3"),
        ({"python": "3.11", "packages": ["python=3.10"]}, "python and a package python are both given"),
        ({"packages": ["python=3.1"]}, "probably from an unquoted 3.10"),
        ({"packages": ["python 3.1"]}, "probably from an unquoted 3.10"),
        ({"packages": [{"python": 3.11}]}, "packages is a mapping"),
        ({"packages": [1.5]}, "packages is the unquoted number 1.5"),
        ({"packages": [""]}, "which is no package"),
        ({"packages": ["==3"]}, "which is no package"),
        ({"packages": ["--yes"]}, "which is no package"),
        ({"packages": ["__cuda=12"]}, 'set cuda, as in cuda: "12.4"'),
        ({"packages": ["a"], "channels": ["--x"]}, "channels has '--x'"),
        ({"packages": ["a"], "channels": ["https://h/lab?token=geheim"]}, "an address without a query"),
        ({"packages": ["a"], "pip": ["-r x.txt"]}, "pip has '-r x.txt'"),
        ({"packages": ["a"], "pip": ["tensorflow-gpu==2.10"]}, "write tensorflow, it has the GPU"),
        ({"revision": "last"}, "conda list --revisions"),
        ({"revision": "-1"}, "conda list --revisions"),
        ({"framework": {"name": "jax", "version": 0.10, "cuda": None}}, "framework.version is the unquoted"),
        ({"framework": {"name": "jax", "version": "new", "cuda": None}}, "framework.version is 'new'"),
        ({"framework": {"name": "jax", "version": "0.10", "cuda": "cu121"}}, "framework.cuda is 'cu121'"),
        ({"packages": ["a"], "cuda": 12.1}, "cuda is the unquoted number"),
        ({"packages": ["a"], "driver_version": "new"}, "which is no driver"),
    ],
)
def test_a_bad_wish(given: Dict[str, Any], said: str) -> None:
    with pytest.raises(BadWish) as caught:
        wish(**given)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text, name",
    [
        ("numpy", "numpy"),
        ("NumPy>=1.2,<2", "numpy"),
        ("conda-forge::cudnn=8.1", "cudnn"),
        ("nvidia/label/cuda-12.1.1::cuda-toolkit 12.1.*", "cuda-toolkit"),
        ("pytorch=2.1.2=cuda118*", "pytorch"),
        ("ruamel.yaml[version='>=0.18']", "ruamel.yaml"),
        ("python=3.10", "python"),
        ("python >=3.1", "python"),
        ("python=3.11", "python"),
    ],
)
def test_what_a_spec_is_about(text: str, name: str) -> None:
    assert name_of(wish(packages=[text]).packages[0]) == name


def test_secrets_are_not_told() -> None:
    private = "https://lab:s3cret@conda.example.org/t/to-12-ken/team"
    assert redacted("cannot read %s/linux-64" % private) == (
        "cannot read https://***@conda.example.org/t/***/team/linux-64"
    )
    assert bare('"url": "%s/linux-64/a.conda"' % private) == (
        '"url": "https://conda.example.org/team/linux-64/a.conda"'
    )
    lines = " ".join(wish(packages=["a"], channels=[private]).lines())
    assert "s3cret" not in lines and "to-12-ken" not in lines
    assert redacted("https://conda.anaconda.org/conda-forge/t") == "https://conda.anaconda.org/conda-forge/t"
