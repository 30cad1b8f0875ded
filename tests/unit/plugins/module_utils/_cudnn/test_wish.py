# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that make sense, and what is said of those that do not."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.rest import informed
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.wish import ARGUMENTS, CudnnWish, wish_from
from ansible_collections.labfleet.gpu.plugins.module_utils._toolkit_trees import ToolkitTree
from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish

DIGEST = "0123456789abcdef" * 4


def options(**given: Any) -> Dict[str, Any]:
    return {**{name: spec.get("default") for name, spec in ARGUMENTS.items()}, **given}


def test_the_defaults() -> None:
    assert wish_from(options(version="9")) == CudnnWish("9")
    assert wish_from(options(version=9, cuda=12)) == CudnnWish("9", "12")
    assert wish_from(options(state="absent")) == CudnnWish(state="absent")


def test_an_archive_or_a_toolkit_tells_the_source() -> None:
    wish = wish_from(options(version="9.5", archive="/srv/a.tar.xz", checksum=DIGEST.upper()))
    assert (wish.source, wish.checksum, wish.of_archive) == ("archive", "sha256:" + DIGEST, True)
    assert wish_from(options(version="9", toolkit="12.4")).source == "archive"
    assert wish_from(options(version="9", toolkit="/usr/local/cuda/")).toolkit == "/usr/local/cuda"
    assert wish_from(options(state="absent", toolkit="all")).source == "archive"


@pytest.mark.parametrize(
    "given, words",
    [
        ({}, "version is missing"),
        ({"version": 9.1}, "version is the unquoted number 9.1"),
        ({"version": "7.6"}, "'7.6', which is no cuDNN 8 or 9"),
        ({"version": "latest"}, "'latest', which is no cuDNN"),
        ({"version": "9", "cuda": "12-4"}, "cuda is '12-4'"),
        ({"version": "9", "driver_version": "new"}, "driver_version is 'new'"),
        ({"version": "9", "toolkit": "12"}, "toolkit is '12'"),
        ({"version": "9", "toolkit": "cuda-12.4"}, "toolkit is 'cuda-12.4'"),
        ({"version": "9", "archive": "a.tar.xz"}, "archive is 'a.tar.xz'"),
        ({"version": "9", "archive": "/a", "checksum": "md5:00"}, "checksum is 'md5:00'"),
        ({"version": "9", "checksum": DIGEST}, "checksum is for an archive"),
        ({"version": "9", "source": "nvidia", "toolkit": "12.4"}, "toolkit is for an archive"),
        ({"version": "9", "source": "nvidia", "archive": "/a"}, "archive is for an archive"),
        ({"state": "absent", "exclusive": True}, "do not go with absent"),
        ({"version": "9", "gpus": ["voodoo"]}, "gpus names 'voodoo'"),
    ],
)
def test_what_makes_no_sense(given: Dict[str, Any], words: str) -> None:
    with pytest.raises(BadWish, match=words):
        wish_from(options(**given))


def test_what_the_same_run_brings_counts() -> None:
    toolkits = {
        "/usr/local/cuda-12.4": {"version": "12.4.1", "origin": "package"},
        "/usr": {"version": "11.5.1", "origin": "distribution"},
    }
    others: Dict[str, Dict[str, Any]] = {
        "driver": {"version": "580.95.05"},
        "cuda": {"toolkits": toolkits, "default_path": "/usr/local/cuda-12.4"},
    }
    wish = informed(CudnnWish("9"), others)
    assert wish.driver_version == "580.95.05"
    assert wish.toolkits == (ToolkitTree("/usr/local/cuda-12.4", "12.4.1"),)
    assert wish.default_path == "/usr/local/cuda-12.4"
    assert informed(CudnnWish("9", driver_version="535.1"), others).driver_version == "535.1"
    assert informed(CudnnWish("9"), {}) == CudnnWish("9")
    leaving = informed(CudnnWish("9"), {"driver": {"version": None}})
    assert leaving.driver_version == "", "none, whatever the host has now"
