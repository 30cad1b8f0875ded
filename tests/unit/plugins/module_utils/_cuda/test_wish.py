# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that make sense, and what is said of those that do not."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.wish import (
    ARGUMENTS,
    CudaWish,
    wish_from,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish


def options(**given: Any) -> Dict[str, Any]:
    return {**{name: spec.get("default") for name, spec in ARGUMENTS.items()}, **given}


def test_the_defaults() -> None:
    assert wish_from(options(versions=["12.4"])) == CudaWish(("12.4",))


def test_everything() -> None:
    wish = wish_from(
        options(
            versions=["12.4", "13.0", "12.4"],
            default="13.0",
            source="nvidia",
            components="runtime",
            exclusive=True,
            update=True,
            environment=False,
            library_path=True,
            module_files="lmod",
            gpus=["hopper"],
            driver_version=580,
            repository_url="http://mirror/",
            repository_key_fingerprint="1BCB 5414 F345 7F04 5E11 5225 8424 0FE3 2187 7A2A",
            take_over=True,
        )
    )
    assert wish.versions == ("12.4", "13.0")
    assert (wish.default, wish.source, wish.components, wish.driver_version) == (
        *("13.0", "nvidia", "runtime"),
        "580",
    )
    assert wish.repository_key_fingerprint == "1BCB5414F3457F045E11522584240FE321877A2A"
    assert [gpu.architecture.name for gpu in wish.gpus if gpu.architecture] == ["Hopper"]
    assert wish.exclusive and wish.update and wish.library_path and wish.take_over and not wish.environment


@pytest.mark.parametrize(
    "given, parts",
    [
        (["cuda-nvcc", "libcublas-dev-12-4"], ("cuda-nvcc", "libcublas-dev")),
        ("cuda-nvcc, cuda-cudart", ("cuda-nvcc", "cuda-cudart")),
    ],
)
def test_component_packages(given: Any, parts: Any) -> None:
    wish = wish_from(options(versions=["12.4"], components=given))
    assert (wish.components, wish.parts) == ("parts", parts)
    assert wish_from(options(versions=["12.4"], components=["compiler"])).components == "compiler"


def test_absent_may_name_nothing() -> None:
    assert wish_from(options(state="absent")) == CudaWish(state="absent")
    assert wish_from(options(state="absent", versions=["12.4"], default="13.0.1")).default == "13.0"


def test_a_runfile() -> None:
    given = {"runfile": "/srv/cuda.run", "checksum": "SHA256:" + "AB" * 32, "keep_downloads": True}
    wish = wish_from(options(versions=["12.4"], source="runfile", **given))
    assert (wish.source, wish.runfile, wish.keep_downloads) == ("runfile", "/srv/cuda.run", True)
    assert wish.checksum == "sha256:" + "ab" * 32
    for place in ("http://mirror/cuda.run", "https://mirror/cuda.run", "file:///srv/cuda.run"):
        assert wish_from(options(versions=["12.4"], source="runfile", runfile=place)).runfile == place
    gone = wish_from(options(state="absent", source="runfile", components="compiler"))
    assert (gone.source, gone.runfile) == ("runfile", None)


RUNFILE: Dict[str, Any] = {"versions": ["12.4"], "source": "runfile"}


@pytest.mark.parametrize(
    "given, words",
    [
        ({}, "versions is empty"),
        ({"versions": ["12.4"], "runfile": "/srv/cuda.run"}, "runfile is for source: runfile"),
        ({"versions": ["12.4"], "checksum": "md5:0"}, "checksum is for source: runfile"),
        ({**RUNFILE, "components": "runtime"}, "which brings the whole toolkit"),
        ({**RUNFILE, "versions": ["12.4", "12.8"], "runfile": "/a.run"}, "runfile is of one file"),
        ({**RUNFILE, "versions": ["12.4", "12.8"], "checksum": "md5:0"}, "checksum is of one file"),
        ({**RUNFILE, "runfile": "/a.run", "runfile_mirror": "http://a/"}, "leave one of them out"),
        ({**RUNFILE, "runfile": "cuda.run"}, "runfile is 'cuda.run': write an http, https or file URL, or"),
        (
            {**RUNFILE, "runfile_mirror": "/srv"},
            "runfile_mirror is '/srv': write an http, https or file URL.",
        ),
        ({**RUNFILE, "checksum": "0123"}, "checksum is '0123': write sha256: and 64"),
        (
            {"versions": [12.4]},
            "versions is the unquoted number 12.4, from which YAML may have dropped digits: quote it",
        ),
        ({"versions": ["12.4"], "default": 12.4}, "default is the unquoted number 12.4"),
        ({"versions": [True]}, "a yes or no"),
        ({"versions": [["12.4"]]}, "versions is a list"),
        ({"versions": ["12"]}, "'12', which is no CUDA version"),
        ({"versions": ["latest"]}, "'latest', which is no CUDA version"),
        ({"versions": ["12.4", "12.4.1"]}, "both 12.4 and 12.4.1, which share one directory"),
        ({"versions": ["12.4.1"], "components": ["cuda-nvcc"]}, "do not tell their release"),
        ({"versions": ["12.4"], "components": ["toolkit", "cuda-nvcc"]}, "components has 'toolkit'"),
        ({"versions": ["12.4"], "components": ["Nvcc!"]}, "components has 'Nvcc!'"),
        ({"versions": ["12.4"], "components": []}, "components is an empty list"),
        ({"versions": ["12.4"], "components": {"a": 1}}, "components is {'a': 1}"),
        ({"versions": ["12.4"], "state": "absent", "default": "12.4"}, "which is to be absent"),
        ({"state": "absent", "default": "12.4"}, "which is to be absent"),
        ({"versions": ["12.4"], "state": "absent", "exclusive": True}, "do not go with absent"),
        ({"versions": ["12.4"], "driver_version": "new"}, "driver_version is 'new'"),
        ({"versions": ["12.4"], "gpus": ["voodoo"]}, "gpus names 'voodoo'"),
        ({"versions": ["12.4"], "gpus": [2.5]}, "gpus is the unquoted number"),
        ({"versions": ["12.4"], "repository_key_fingerprint": "3bf8"}, "40 hexadecimal digits"),
    ],
)
def test_what_makes_no_sense(given: Dict[str, Any], words: str) -> None:
    with pytest.raises(BadWish, match=words.replace("(", r"\(").replace("{", r"\{")):
        wish_from(options(**given))
