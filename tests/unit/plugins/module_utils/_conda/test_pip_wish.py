# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked of pip: what it builds and how, and where it looks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.pip_wish import (
    NONE,
    Build,
    Sources,
    build_of,
    entries,
    file_lines,
    name_of,
    sources,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.wish import ARGUMENTS, CondaWish, wish_from
from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish

APEX: Dict[str, Any] = {
    "requirement": "apex @ git+https://github.com/NVIDIA/apex@24.04.01",
    "no_build_isolation": True,
    "config_settings": {"--build-option": ["--cpp_ext", "--cuda_ext"], "editable_mode": "strict"},
    "environment": {"MAX_JOBS": 4, "VERBOSE": True},
    "cuda": "12.1",
}


def wish(**given: Any) -> CondaWish:
    options = {name: row.get("default") for name, row in ARGUMENTS.items()}
    return wish_from(dict(options, name="train", **given))


def test_what_is_built_comes_after_what_is_installed() -> None:
    plain, builds = entries([APEX, "tool==1.0", {"requirement": "second"}])
    assert plain == ("tool==1.0",)
    assert [each.name for each in builds] == ["apex", "second"]
    assert builds[0] == Build(
        APEX["requirement"],
        True,
        (("--build-option", ("--cpp_ext", "--cuda_ext")), ("editable_mode", ("strict",))),
        (("MAX_JOBS", "4"), ("VERBOSE", "true")),
        "12.1",
    )
    assert builds[1] == Build("second")


def test_words_tell_all_of_it() -> None:
    (build,) = entries([APEX])[1]
    assert build.words() == (
        "apex @ git+https://github.com/NVIDIA/apex@24.04.01",
        "no_build_isolation",
        "config_settings --build-option=--cpp_ext",
        "config_settings --build-option=--cuda_ext",
        "config_settings editable_mode=strict",
        "environment MAX_JOBS=4",
        "environment VERBOSE=true",
        "cuda 12.1",
    )
    assert build_of(build.words()) == build
    secret = Build("apex @ https://me:word@x.example.org/apex.tar.gz", False)
    assert secret.words() == ("apex @ https://x.example.org/apex.tar.gz", "no_build_isolation false")
    assert build_of(secret.words()).no_build_isolation is False
    by_ssh = Build("apex @ git+ssh://git@git.example.org/apex")
    assert build_of(by_ssh.words()) == by_ssh
    # As notes and locks once had it.
    assert build_of(("apex @ git+https://***@x.org/apex",)).requirement == "apex @ git+https://x.org/apex"
    assert build_of(secret.words()).words() == secret.words()


def test_how_it_is_built_is_a_part_of_the_wish_and_where_from_is_not() -> None:
    plain = wish(packages=["python"], pip=["tool"])
    mirrored = wish(packages=["python"], pip=["tool"], pip_index_url="https://mirror.example.org/simple/")
    assert mirrored.sources.index_url == "https://mirror.example.org/simple"
    assert mirrored.lines() == plain.lines()
    built = wish(packages=["python"], pip=[APEX])
    again = wish(packages=["python"], pip=[dict(APEX, environment={"MAX_JOBS": 8})])
    assert built.lines()[-1].startswith("build apex @ ") and built.lines() != again.lines()


@pytest.mark.parametrize(
    "requirement, name",
    [
        ("apex", "apex"),
        ("Flash_Attn==2.5.8", "flash-attn"),
        ("flash-attn >=2,<3", "flash-attn"),
        ("torch[opt]~=2.1", "torch"),
        ("apex@git+https://x/y", "apex"),
        ("apex @ file:///srv/apex", "apex"),
        ("jax[cuda12]==0.4.30 --hash=sha256:ab", "jax"),
        ("git+https://github.com/NVIDIA/apex", ""),
        ("/srv/src/apex", ""),
        ("./apex", ""),
    ],
)
def test_names(requirement: str, name: str) -> None:
    assert name_of(requirement) == name


@pytest.mark.parametrize(
    "entry, cause",
    [
        ({"requirement": "/srv/src/apex"}, "has no name: write it as in apex @ file:///srv/src/apex"),
        (
            {"requirement": "https://me:word@x.org/apex.zip"},
            "'https://***@x.org/apex.zip', which has no name",
        ),
        ({"no_build_isolation": True}, "has no requirement"),
        ({"requirement": "apex", "flags": "x"}, "'flags', which is not understood"),
        ({"requirement": "apex", "no_build_isolation": "yes"}, "write true or false"),
        (
            {"requirement": "apex", "config_settings": ["--cpp_ext"]},
            "config_settings of apex is no dictionary",
        ),
        ({"requirement": "apex", "config_settings": {"a=b": "c"}}, "write it as a key and its value"),
        ({"requirement": "apex", "environment": {"A B": "c"}}, "no name of a variable"),
        ({"requirement": "apex", "environment": {"CUDA_HOME": "/x"}}, "sets CUDA_HOME: set cuda"),
        ({"requirement": "apex", "environment": {"A": "1\n2"}}, "several lines"),
        ({"requirement": "apex", "cuda": "12"}, 'write for example "12.1", or none'),
        ({"requirement": "apex", "cuda": 12.1}, "quote it"),
        ({"requirement": "--upgrade"}, "write a requirement"),
    ],
)
def test_bad_entries(entry: Dict[str, Any], cause: str) -> None:
    with pytest.raises(BadWish) as caught:
        entries([entry])
    assert cause in str(caught.value)


def test_a_package_is_asked_for_once() -> None:
    for values in (
        ["apex", {"requirement": "Apex==1"}],
        [{"requirement": "apex"}, {"requirement": "apex==2"}],
    ):
        with pytest.raises(BadWish, match="apex more than once"):
            entries(values)


def test_where_pip_looks() -> None:
    given = {
        "pip_index_url": " https://mirror.example.org/simple/ ",
        "pip_extra_index_urls": ["/srv/simple"],
        "pip_find_links": ["file:///srv/wheels"],
    }
    assert sources(given) == Sources(
        "https://mirror.example.org/simple", ("/srv/simple",), ("file:///srv/wheels",)
    )
    assert sources({"pip_index_url": "none", "pip_find_links": ["/srv/wheels"]}).index_url == NONE
    assert sources({}) == Sources()


@pytest.mark.parametrize(
    "given, cause",
    [
        ({"pip_index_url": "mirror"}, "pip_index_url is 'mirror'"),
        ({"pip_extra_index_urls": ["https://me:word@x.org/a b"]}, "'https://***@x.org/a b'"),
        ({"pip_find_links": ["wheels"]}, "a whole path on the node"),
        ({"pip_index_url": "https://h/simple?token=geheim"}, "'https://h/simple?token=***', with a query"),
        ({"pip_index_url": "none"}, "no pip_find_links are given"),
        (
            {"pip_index_url": "none", "pip_extra_index_urls": ["/x"], "pip_find_links": ["/y"]},
            "pip_extra_index_urls are given",
        ),
    ],
)
def test_bad_places(given: Dict[str, Any], cause: str) -> None:
    with pytest.raises(BadWish) as caught:
        sources(given)
    assert cause in str(caught.value)


def test_an_environment_file_says_where_pip_looks() -> None:
    lines = [
        "--extra-index-url https://x.org/cu118",
        "torch==2.1.2+cu118",
        "-f=/srv/wheels",
        "-i /srv/simple/",
    ]
    pip, found = file_lines(lines, Sources())
    assert pip == ("torch==2.1.2+cu118",)
    assert found == Sources("/srv/simple", ("https://x.org/cu118",), ("/srv/wheels",))
    given = Sources("https://mirror.example.org/simple", ("/srv/more",))
    assert file_lines(lines, given)[1] == replace(given, find_links=("/srv/wheels",))
    for line in ("-r more.txt", "--pre", "--index-url nowhere", "-e ."):
        with pytest.raises(BadWish):
            file_lines([line], Sources())


def test_a_mirror_of_a_framework() -> None:
    framework = {
        "name": "pytorch",
        "version": None,
        "cuda": None,
        "index_url": "https://m.example.org/torch/",
    }
    found = wish(framework=framework).framework
    assert found and found.index_url == "https://m.example.org/torch"
    with pytest.raises(BadWish, match="framework.index_url is 'torch'"):
        wish(framework=dict(framework, index_url="torch"))
    with pytest.raises(BadWish, match="file says all"):
        wish(file="/srv/x.lock", pip=[APEX])
