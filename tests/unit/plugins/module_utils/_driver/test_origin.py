# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the packages come from: NVIDIA's repository with its key, an admin's mirror, Debian's components."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    PIN_PATH,
    DriverState,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import RemoveFile, WriteFile
from ansible_collections.labfleet.gpu.plugins.module_utils._own_sources import (
    DEBIAN_SOURCE_PATH,
    KEY_PATH,
    SOURCE_PATH,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskIndex,
    AskKey,
    ConfigFile,
    Index,
    Trouble,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._sources import Source
from ansible_collections.labfleet.gpu.tests.unit.support.archive import (
    KEY,
    MIRROR,
    NVIDIA,
    Archive,
    debian_archive,
    ubuntu_archive,
)
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, debian, ubuntu
from ansible_collections.labfleet.gpu.tests.unit.support.planning import (
    carried_out,
    installing,
    refusal,
    settled,
)

WISH = DriverWish(branch=580)
KEY_QUESTION = AskKey(NVIDIA + "3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC")
FINGERPRINT = "1BCB5414F3457F045E11522584240FE321877A2A"


def with_host(state: DriverState, **changes: Any) -> DriverState:
    return replace(state, host=replace(state.host, **changes))


def test_the_key_is_asked_for_first() -> None:
    assert plan(ubuntu(), WISH, {}).questions == (KEY_QUESTION,)


def test_key_and_source_are_written_and_read_under_these_files() -> None:
    found, asked = settled(ubuntu(), WISH, ubuntu_archive(KERNEL))
    key, source = found.steps[:2]
    assert key.data == WriteFile(KEY_PATH, KEY)
    assert source.data.path == SOURCE_PATH
    assert "URIs: %s\nSuites: /\n" % NVIDIA in source.data.content
    assert "Signed-By: %s\n" % KEY_PATH in source.data.content
    (index,) = [question for question in asked if isinstance(question, AskIndex)]
    assert [(entry.path, entry.content) for entry in index.files] == [
        (step.data.path, step.data.content) for step in (key, source)
    ]
    assert index.required == (NVIDIA,)


def test_our_own_source_is_written_once() -> None:
    archive = ubuntu_archive(KERNEL)
    found, _asked = settled(ubuntu(), WISH, archive)
    after = carried_out(ubuntu(), found, archive)
    bare = replace(ubuntu(), own_files=after.own_files, sources=after.sources)
    again, asked = settled(bare, WISH, archive)
    assert installing(again) == ["refresh-index", "install"]
    assert not any(isinstance(question, AskKey) for question in asked)


def test_a_lost_key_is_written_again() -> None:
    archive = ubuntu_archive(KERNEL)
    found, _asked = settled(ubuntu(), WISH, archive)
    after = carried_out(ubuntu(), found, archive)
    bare = replace(ubuntu(), own_files=dict(after.own_files, **{KEY_PATH: None}), sources=after.sources)
    assert plan(bare, WISH, {}).questions == (KEY_QUESTION,)


@pytest.mark.parametrize("url", [None, NVIDIA, NVIDIA.rstrip("/")])
def test_a_source_that_the_admin_configured_is_used_as_it_is(url: Any) -> None:
    theirs = Source(
        NVIDIA, "/", (), "/usr/share/keyrings/cuda-archive-keyring.gpg", "/etc/apt/sources.list.d/cuda.list"
    )
    state = ubuntu()
    state = replace(state, sources=(*state.sources, theirs))
    found, asked = settled(state, replace(WISH, repository_url=url), ubuntu_archive(KERNEL))
    assert installing(found) == ["refresh-index", "write-file", "install"]
    assert not any(isinstance(question, AskKey) for question in asked)


@pytest.mark.parametrize(
    "options, question",
    [
        (
            {"repository_url": "http://mirror.example.org/nv"},
            AskKey("http://mirror.example.org/nv/3bf863cc.pub", KEY_QUESTION.fingerprint),
        ),
        (
            {"repository_url": "http://mirror.example.org/nv/", "repository_key_fingerprint": FINGERPRINT},
            AskKey("http://mirror.example.org/nv/21877a2a.pub", FINGERPRINT),
        ),
        (
            {"repository_key_url": "file:///srv/nv.pub"},
            AskKey("file:///srv/nv.pub", KEY_QUESTION.fingerprint),
        ),
    ],
)
def test_a_mirror_and_its_key(options: Dict[str, Any], question: AskKey) -> None:
    assert plan(ubuntu(), replace(WISH, **options), {}).questions == (question,)


def test_a_key_that_cannot_be_used_stops_everything() -> None:
    trouble = Trouble("the key at x has the fingerprint %s, expected is y" % FINGERPRINT)
    found = plan(ubuntu(), WISH, {KEY_QUESTION: trouble})
    message = refusal(found)
    assert message.startswith("The repository's signing key cannot be used (%s): the key at x" % NVIDIA)
    assert "mend the mirror or the key options" in message


def test_an_index_that_cannot_be_used_stops_everything() -> None:
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskIndex] = Trouble("The repository is not signed.")
    found, _asked = settled(ubuntu(), WISH, archive)
    assert refusal(found).startswith(
        "The package index cannot be used (%s): The repository is not signed" % NVIDIA
    )


def test_an_index_without_any_driver() -> None:
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskIndex] = Index({})
    found, _asked = settled(ubuntu(), WISH, archive)
    assert "it offers no driver at all" in refusal(found)


def test_a_version_of_another_source_is_not_taken() -> None:
    """The rows say that they come from NVIDIA's own address, the wish names a mirror."""
    wish = replace(WISH, repository_url="http://mirror.example.org/nv/")
    found, _asked = settled(ubuntu(), wish, ubuntu_archive(KERNEL))
    assert "The source has no such driver" in refusal(found)


@pytest.mark.parametrize(
    "changes, options, parts",
    [
        (
            {"release": "18.04"},
            {},
            ("NVIDIA has no known repository", "20.04, 22.04, 24.04, 26.04", "repository_url"),
        ),
        ({"machine": "riscv64"}, {}, ("NVIDIA has no known repository", "on riscv64")),
        (
            {"release": "18.04"},
            {"repository_url": "http://mirror.example.org/nv/"},
            ("key is not known", "set repository_key_fingerprint"),
        ),
        ({"distribution": "fedora", "pretty": "Fedora 43"}, {}, ("neither Ubuntu nor Debian", "Fedora 43")),
        ({}, {"source": "debian"}, ("does not exist for this distribution", "use source: nvidia or ubuntu")),
    ],
)
def test_systems_without_a_source(
    changes: Dict[str, str], options: Dict[str, Any], parts: Tuple[str, ...]
) -> None:
    message = refusal(plan(with_host(ubuntu(), **changes), replace(WISH, **options), {}))
    for part in parts:
        assert part in message


def main_source(components: Tuple[str, ...], suite: str = "bookworm") -> Source:
    return Source(
        MIRROR, suite, components, "/usr/share/keyrings/debian-archive-keyring.gpg", "/etc/apt/sources.list"
    )


@pytest.mark.parametrize(
    "present, lacking",
    [
        (("main",), "contrib non-free non-free-firmware"),
        (("main", "contrib"), "non-free non-free-firmware"),
        (("main", "non-free-firmware"), "contrib non-free"),
    ],
)
def test_debian_gets_the_components_that_it_lacks(present: Tuple[str, ...], lacking: str) -> None:
    state = replace(debian(), sources=(main_source(present),))
    found, asked = settled(state, DriverWish(branch=535), debian_archive(KERNEL))
    assert found.steps[0].data == WriteFile(
        DEBIAN_SOURCE_PATH,
        "# Debian's non-free components: NVIDIA's software (labfleet.gpu).\n"
        "Types: deb\nURIs: %s\nSuites: bookworm\n"
        "Components: %s\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n" % (MIRROR, lacking),
    )
    assert not any(isinstance(question, AskKey) for question in asked)


def test_debian_with_all_components_gets_no_source() -> None:
    sources = (main_source(("main", "contrib")), main_source(("non-free", "non-free-firmware")))
    found, _asked = settled(
        replace(debian(), sources=sources), DriverWish(branch=535), debian_archive(KERNEL)
    )
    assert installing(found) == ["refresh-index", "write-file", "install"]
    assert [step.data.path for step in found.steps if step.phase == "pin"] == [PIN_PATH]


def test_debians_source_of_ours_is_written_once() -> None:
    archive = debian_archive(KERNEL)
    found, _asked = settled(debian(), DriverWish(branch=535), archive)
    after = carried_out(debian(), found, archive)
    bare = replace(debian(), own_files=after.own_files, sources=after.sources)
    assert installing(settled(bare, DriverWish(branch=535), archive)[0]) == ["refresh-index", "install"]


@pytest.mark.parametrize("sources", [(), (main_source(("main",), "trixie"),), (main_source(("contrib",)),)])
def test_debian_without_its_archive(sources: Tuple[Source, ...]) -> None:
    message = refusal(plan(replace(debian(), sources=sources), DriverWish(branch=535), {}))
    assert "No source of the distribution's main archive is configured (suite bookworm)" in message


CUDA_LIST = "/etc/apt/sources.list.d/cuda-ubuntu2404-x86_64.list"
OLD_KEY = "/usr/share/keyrings/old.gpg"
BROKEN = Trouble("GPG error: %s InRelease: NO_PUBKEY A4B469963BF863CC" % NVIDIA)


def with_cuda_list(*more: Source) -> DriverState:
    """A node whose admin configured NVIDIA's repository with an old key."""
    entry = Source(NVIDIA, "/", (), OLD_KEY, CUDA_LIST)
    state = ubuntu()
    text = "deb [signed-by=%s] %s /\n" % (OLD_KEY, NVIDIA)
    return replace(state, sources=(*state.sources, entry, *more), source_files={CUDA_LIST: text})


class Broken(Archive):
    """Indexes that are only readable once our own key file is there with this content."""

    def __init__(self, archive: Archive):
        super().__init__(tuple(row for rows in archive.rows.values() for row in rows))

    def answer(self, question: Any) -> Any:
        if isinstance(question, AskIndex) and ConfigFile(KEY_PATH, KEY) not in question.files:
            return BROKEN
        return super().answer(question)


def test_a_source_of_the_admin_with_a_withdrawn_key_is_named() -> None:
    message = refusal(settled(with_cuda_list(), WISH, Broken(ubuntu_archive(KERNEL)))[0])
    assert CUDA_LIST in message and "NO_PUBKEY" in message and "take_over: true" in message


def test_by_consent_our_source_takes_its_place_and_the_old_file_is_kept() -> None:
    wish = replace(WISH, take_over=True)
    found, _asked = settled(with_cuda_list(), wish, Broken(ubuntu_archive(KERNEL)))
    state = with_cuda_list()
    assert [step.data for step in found.steps[:4]] == [
        WriteFile(CUDA_LIST + ".save", state.source_files[CUDA_LIST]),
        RemoveFile(CUDA_LIST),
        WriteFile(KEY_PATH, KEY),
        found.steps[3].data,
    ]
    assert found.steps[3].data.path == SOURCE_PATH


def test_a_file_that_others_need_is_not_put_aside() -> None:
    state = with_cuda_list(Source("http://mirror.example.org/other/", "/", (), None, CUDA_LIST))
    message = refusal(settled(state, replace(WISH, take_over=True), Broken(ubuntu_archive(KERNEL)))[0])
    assert "http://mirror.example.org/other/" in message and "take the entry of" in message


def test_our_own_key_is_fetched_anew_when_the_index_does_not_fit_it() -> None:
    archive = Broken(ubuntu_archive(KERNEL))
    found, _asked = settled(ubuntu(), WISH, archive)
    after = carried_out(ubuntu(), found, archive)
    stale = replace(
        ubuntu(), own_files=dict(after.own_files, **{KEY_PATH: "an older edition"}), sources=after.sources
    )
    renewed, asked = settled(stale, WISH, archive)
    assert renewed.steps[0].data == WriteFile(KEY_PATH, KEY)
    assert [step.phase for step in renewed.steps].count("source") == 1
    assert any(isinstance(question, AskKey) for question in asked)


def test_our_own_key_that_is_the_newest_already_is_a_refusal() -> None:
    archive = Broken(ubuntu_archive(KERNEL))
    found, _asked = settled(ubuntu(), WISH, archive)
    after = carried_out(ubuntu(), found, archive)
    node = replace(ubuntu(), own_files=after.own_files, sources=after.sources)
    archive.fixed[AskIndex] = BROKEN
    message = refusal(settled(node, WISH, ubuntu_with(AskIndex, BROKEN))[0])
    assert "The package index cannot be used" in message and "mend the source or its mirror" in message


def ubuntu_with(question: type, answer: Any) -> Archive:
    archive = ubuntu_archive(KERNEL)
    archive.fixed[question] = answer
    return archive


@pytest.mark.parametrize("first, second", [(OLD_KEY, "/usr/share/keyrings/new.gpg"), (OLD_KEY, None)])
def test_two_files_with_different_keys_for_one_repository(first: str, second: Optional[str]) -> None:
    other = Source(NVIDIA, "/", (), second, "/etc/apt/sources.list.d/cuda.list")
    state = with_cuda_list(other)
    state = replace(state, source_files=dict(state.source_files, **{other.path: "deb %s /\n" % NVIDIA}))
    message = refusal(plan(state, WISH, {}))
    assert CUDA_LIST in message and other.path in message and first in message
    found, _asked = settled(state, replace(WISH, take_over=True), ubuntu_archive(KERNEL))
    removed = [step.data.path for step in found.steps if step.action == "remove-file"]
    assert removed == [CUDA_LIST, other.path]


def test_a_conflict_over_another_repository_is_not_ours_to_end() -> None:
    conflict = tuple(
        Source(
            "http://mirror.example.org/x/", "noble", ("main",), key, "/etc/apt/sources.list.d/%s.list" % key
        )
        for key in ("a", "b")
    )
    state = ubuntu(sources=(*ubuntu().sources, *conflict))
    message = refusal(plan(state, replace(WISH, take_over=True), {}))
    assert "http://mirror.example.org/x/" in message and "a.list" in message and "b.list" in message
