# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several versions of conda, mamba and micromamba printed, as it is understood."""

from __future__ import annotations

from typing import Any, Mapping, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.dry_run import (
    NoAnswer,
    failure,
    transaction,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.programs import Program, places, program
from ansible_collections.labfleet.gpu.tests.unit.support import recorded_conda as recorded

ZLIB_URL = recorded.FORGE + "/linux-64/libzlib-1.3.2-h25fd6f3_2.conda"


def nowhere(_folder: str, _stem: str) -> Optional[Mapping[str, Any]]:
    return None


@pytest.mark.parametrize("name", ["NEW", "MICROMAMBA_1", "MAMBA_2"])
def test_a_record_is_the_same_whoever_tells_it(name: str) -> None:
    found = transaction(getattr(recorded, name), nowhere).link["libzlib"]
    told = {
        key: found[key] for key in ("version", "build", "url", "fn", "subdir", "channel", "md5", "depends")
    }
    assert told == {
        "version": "1.3.2",
        "build": "h25fd6f3_2",
        "url": ZLIB_URL,
        "fn": "libzlib-1.3.2-h25fd6f3_2.conda",
        "subdir": "linux-64",
        "channel": recorded.FORGE,
        "md5": "d" * 32,
        "depends": ["__glibc >=2.17"],
    }


def test_no_dependencies_may_be_null() -> None:
    assert transaction(recorded.MAMBA_2_NULL, nowhere).link["python_abi"]["depends"] == []


def test_an_address_is_made_of_that_of_the_channel() -> None:
    found = transaction(recorded.DOUBLED, nowhere).link["zlib"]
    assert found["url"] == recorded.FORGE + "/osx-64/zlib-1.2.11-h01d97ff_1006.tar.bz2"
    assert (found["md5"], found["size"]) == ("b" * 32, 103268)


def test_what_old_versions_do_not_tell_is_in_the_repodata() -> None:
    asked = []

    def lookup(folder: str, stem: str) -> Mapping[str, Any]:
        asked.append((folder, stem))
        url = "%s/%s.tar.bz2" % (folder, stem)
        return {"fn": stem + ".tar.bz2", "url": url, "depends": ["beta >=1"], "md5": "a" * 32}

    found = transaction(recorded.OLD, lookup).link["alpha"]
    assert asked == [("file:///srv/channel/linux-64", "alpha-2.0-0")]
    assert found["url"] == "file:///srv/channel/linux-64/alpha-2.0-0.tar.bz2"
    assert (found["depends"], found["subdir"], found["build"]) == (["beta >=1"], "linux-64", "0")
    change = transaction(recorded.OLD_CHANGE, lookup)
    assert (list(change.link), change.unlink) == (["alpha"], ("alpha",))


@pytest.mark.parametrize("name", ["OLD", "OLD_DEFAULTS", "MAMBA_1"])
def test_a_package_from_nowhere_is_not_guessed(name: str) -> None:
    with pytest.raises(NoAnswer, match="does not tell where .* comes from"):
        transaction(getattr(recorded, name), nowhere)


@pytest.mark.parametrize("name", ["NOTHING", "ALREADY"])
def test_nothing_to_do(name: str) -> None:
    assert transaction(getattr(recorded, name), nowhere).link == {}


@pytest.mark.parametrize("text", ["", "Dry run. Exiting.\n", "{ broken", "[1, 2]"])
def test_no_json(text: str) -> None:
    with pytest.raises(NoAnswer, match="it printed no JSON"):
        transaction(text, nowhere)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MISSING", "no channel has nowhere, neither=1"),
        ("OLD_MISSING", "Package missing in current linux-64 channels: - gamma"),
        (
            "TREE",
            "it cannot be solved: Encountered problems while solving: - nothing provides python 3.6.9 "
            "needed by pypy-7.3.1 The following packages are incompatible pypy is installable python 3.6.9",
        ),
        (
            "PROBLEMS",
            "it cannot be solved: package libarrow-12.0.0 requires libevent >=2.1.12, but none",
        ),
        (
            "TERMS",
            "terms of service are not accepted (https://repo.anaconda.com/pkgs/main, "
            "https://repo.anaconda.com/pkgs/r): accept them with conda tos accept as the owner of the "
            "environment, or leave these channels out",
        ),
        (
            "OLD_HTTP",
            "a channel cannot be read: HTTP None None for url "
            "<https://***@conda.example/linux-64/repodata.json.bz2> Elapsed: None",
        ),
        ("BAR", "packages conflict"),
    ],
)
def test_a_failure_is_one_sentence(name: str, said: str) -> None:
    assert failure(getattr(recorded, name), "", 1) == said


def test_a_failure_without_json() -> None:
    crash = "Traceback (most recent call last):\n  File x\nOSError: [Errno 28] No space left on device\n"
    assert failure("", crash, 1) == "it ended with 1 and said OSError: [Errno 28] No space left on device"
    assert failure("", "", 127) == "it ended with 127 and said nothing"
    # micromamba 1 with --json (mamba-org/mamba, issue 1945), mamba 2.8.
    critical = "critical libmamba Download error (28) Timeout was reached [https://a:b@c.example/x]"
    assert "Timeout was reached [https://***@c.example/x]" in failure('{"success": true}', critical, 1)
    logged = '{"log_records": [{"text": "no such channel"}], "success": false}'
    assert "no such channel" in failure(logged, "", 1)


@pytest.mark.parametrize(
    ("path", "said", "words", "libmamba", "linker"),
    [
        ("/opt/conda/bin/conda", "conda 24.9.2\n", "conda 24.9.2", False, "/opt/conda/bin/conda"),
        ("/b/mamba", "mamba 1.5.8\nconda 23.11.0\n", "mamba 1.5.8", False, "/b/conda"),
        ("/b/mamba", "2.0.5\n", "mamba 2.0.5", True, "/b/mamba"),
        ("/b/micromamba", "1.5.12\n", "micromamba 1.5.12", True, "/b/micromamba"),
    ],
)
def test_which_program_it_is(path: str, said: str, words: str, libmamba: bool, linker: str) -> None:
    found = program(path, said)
    assert isinstance(found, Program)
    assert found.words() == "%s (%s)" % (words, path)
    assert (found.of_libmamba, found.linker) == (libmamba, linker)


@pytest.mark.parametrize(
    ("path", "said", "why"),
    [
        ("/b/conda", "conda 4.2.13\n", "conda 4.2.13 (/b/conda) is older than 4.3"),
        ("/b/micromamba", "0.27.0", "micromamba 0.27.0 (/b/micromamba) is older than 1.0"),
        ("/b/conda", "", "/b/conda does not say which conda, mamba or micromamba it is"),
        ("/b/other", "2.0", "/b/other does not say which conda, mamba or micromamba it is"),
    ],
)
def test_which_will_not_do(path: str, said: str, why: str) -> None:
    assert program(path, said) == why


def test_where_it_is_looked_for() -> None:
    found = list(places("/usr/bin:.:/opt/conda/bin", "/home/ada"))
    assert found[:4] == ["/usr/bin/conda", "/usr/bin/mamba", "/usr/bin/micromamba", "/opt/conda/bin/conda"]
    assert "/home/ada/miniforge3/bin/conda" in found and "./conda" not in found
    assert not any("/home" in path for path in places("/usr/bin", ""))
