# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secure Boot: what is refused before any step, in which words, and what is never refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.families import family_for
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN, PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._driver import trust
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    Certificate,
    DriverState,
    Module,
    Signature,
    Trust,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import (
    Target,
    load_trouble,
    reboot_reasons,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.tests.unit.support.archive import debian_archive, ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, debian, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import refusal, settled

VERSION = "580.95.05"
WISH = DriverWish(branch=580)
OWN = Certificate("DKMS module signing key", "560ffe35", "efcdd8a6")
ENROLLED = "DKMS module signing key: efcdd8a6"
CANONICAL = "Canonical Ltd. Kernel Module Signing: 88f752e560a1e0737e31163a466ad7b70a850c19"
PATH = "/var/lib/shim-signed/mok/MOK.der"
WHY = "Secure Boot is on, the kernel is locked down (integrity)"
#: What modinfo says of a module that DKMS signed with OWN.
SIGNED = Signature("DKMS module signing key", "56:0F:FE:35")


def locked(*keys: str, own_key: Optional[Certificate] = OWN, own_path: str = PATH) -> Trust:
    return Trust(WHY, (CANONICAL, *keys), own_key, own_path)


def target(state: DriverState, source: str = "nvidia", flavour: str = OPEN, **wish: Any) -> Target:
    family = family_for(source, state.host.distribution, 580, False)
    assert family is not None
    return Target(family, DriverWish(**dict({"branch": 580}, **wish)), flavour)


def said(state: DriverState, wish: Target) -> str:
    return " ".join(str(blocker) for blocker in trust.blockers(state, wish))


def test_a_key_that_is_not_enrolled_is_refused_before_any_question() -> None:
    text = refusal(plan(ubuntu(trust=locked()), WISH, {}))
    assert text == (
        "This kernel loads only modules that are signed with a key it trusts, and the key that DKMS signs "
        "with is not among them (%s; DKMS module signing key, %s): enrol the key with 'mokutil --import %s', "
        "reboot, confirm it at the console, then run this again; or use source: ubuntu, whose modules "
        "Canonical signed" % (WHY, PATH, PATH)
    )


def test_an_enrolled_key_is_no_obstacle() -> None:
    found, _asked = settled(ubuntu(trust=locked(ENROLLED)), WISH, ubuntu_archive(KERNEL))
    assert not found.blockers and found.steps


@pytest.mark.parametrize(
    "key",
    ["DKMS module signing key: 0efcdd8a6", "of: DKMS module signing key: EFCDD8A6"],
)
def test_ids_are_compared_as_numbers(key: str) -> None:
    assert not trust.dkms_blockers(ubuntu(trust=locked(key)))


@pytest.mark.parametrize("key", ["DKMS module signing key: 12345678", "DKMS module signing key: 560ffe35"])
def test_the_same_name_is_not_the_same_key(key: str) -> None:
    assert trust.dkms_blockers(ubuntu(trust=locked(key)))


def test_a_certificate_without_a_key_id_is_known_by_its_serial_number() -> None:
    own = replace(OWN, key="")
    assert trust.dkms_blockers(ubuntu(trust=locked(ENROLLED, own_key=own)))
    assert not trust.dkms_blockers(ubuntu(trust=locked("DKMS module signing key: 560ffe35", own_key=own)))


@pytest.mark.parametrize(
    "release, command",
    [
        ("ubuntu", "make one with 'update-secureboot-policy --new-key', enrol it with 'mokutil --import"),
        ("12", "make one with 'openssl req -new -x509 "),
        ("13", "make one with 'dkms generate_mok', enrol it with 'mokutil --import /var/lib/dkms/mok.pub'"),
    ],
)
def test_where_dkms_has_no_key_yet(release: str, command: str) -> None:
    state = ubuntu()
    path = PATH
    if release != "ubuntu":
        state, path = debian(), "/var/lib/dkms/mok.pub"
        state = replace(state, host=replace(state.host, release=release))
    state = replace(state, trust=locked(own_key=None, own_path=path))
    (blocker,) = trust.dkms_blockers(state)
    assert "DKMS has no key to sign with yet" in str(blocker)
    assert command in blocker.next and "mokutil --import %s'" % path in blocker.next
    assert ("source: ubuntu" in blocker.next) is (release == "ubuntu")


def test_a_dkms_that_signs_nothing() -> None:
    (blocker,) = trust.dkms_blockers(debian(trust=locked(own_key=None, own_path="")))
    assert "this DKMS signs nothing" in str(blocker) and "mokutil" not in str(blocker)


@pytest.mark.parametrize(
    "state",
    [
        ubuntu(),
        ubuntu(trust=Trust(None, (CANONICAL,), OWN, PATH)),
        # keys are shown to root alone
        ubuntu(trust=Trust(WHY, (), OWN, PATH)),
        # an image is made, or a host without a GPU: nothing is to be loaded here
        replace(ubuntu(trust=locked()), host=replace(ubuntu().host, pci=())),
    ],
)
def test_where_nothing_speaks_against_it(state: DriverState) -> None:
    assert trust.blockers(state, target(state)) == ()
    assert trust.dkms_blockers(state) == ()
    assert trust.would_load(state, KERNEL)


def test_modules_that_canonical_signed_need_no_key_of_ours() -> None:
    state = ubuntu(trust=locked(own_key=None))
    assert trust.blockers(state, target(state, "ubuntu")) == ()
    assert trust.dkms_blockers(state), "where it falls back to DKMS, that is asked for on its own"
    foreign = replace(state, trust=Trust(WHY, ("Somebody: 12",), None, PATH))
    told = said(foreign, target(state, "ubuntu"))
    assert told and "source: ubuntu" not in told


def test_debians_modules_are_built_here() -> None:
    state = debian(trust=locked())
    assert refusal(plan(state, DriverWish(branch=535), {})) == said(state, target(state, "debian"))
    found, _asked = settled(
        replace(state, trust=locked(ENROLLED)), DriverWish(branch=535), debian_archive(KERNEL)
    )
    assert not found.blockers


# what is installed


def installed(signature: Optional[Signature], loaded: bool = False, *keys: str) -> DriverState:
    signatures = {KERNEL: signature} if signature else {}
    return with_driver(ubuntu(trust=locked(*keys)), VERSION, loaded=loaded, signatures=signatures)


@pytest.mark.parametrize("signature", [None, SIGNED, Signature("Somebody", "12")])
def test_a_driver_that_is_loaded_is_never_refused(signature: Optional[Signature]) -> None:
    state = installed(signature, loaded=True)
    assert said(state, target(state)) == "" and not plan(state, WISH, {}).blockers


@pytest.mark.parametrize(
    "signature, words",
    [
        (None, "not signed"),
        (SIGNED, "signed by DKMS module signing key"),
        (Signature("X", "1"), "signed by X"),
    ],
)
def test_an_installed_module_that_would_not_load(signature: Optional[Signature], words: str) -> None:
    state = installed(signature)
    text = refusal(plan(state, WISH, {}))
    assert "the installed kernel module is not" in text and "for kernel %s is %s" % (KERNEL, words) in text
    assert "mokutil --import %s" % PATH in text


@pytest.mark.parametrize(
    "signature, keys",
    [
        (SIGNED, (ENROLLED,)),
        (Signature("Canonical Ltd. Kernel Module Signing", "88:F7:52"), ()),
        (
            Signature("node1 Secure Boot Module Signature key", "4F"),
            ("example: node1 Secure Boot Module Signature key: 77",),
        ),
        (Signature("Somebody", "00:4F:FE"), ("Another name: 4ffe",)),
        # signed with a former key of the same name that is still enrolled
        (Signature("DKMS module signing key", "77"), ("DKMS module signing key: 1234",)),
        (Signature("", ""), ()),
    ],
)
def test_an_installed_module_that_would_load(signature: Signature, keys: "tuple[str, ...]") -> None:
    state = installed(signature, False, *keys)
    assert said(state, target(state)) == ""
    assert plan(state, WISH, {}).reboot_reasons or plan(state, WISH, {}).steps


def test_a_module_that_was_signed_before_the_key_was_enrolled_is_to_be_built_anew() -> None:
    text = said(installed(None, False, ENROLLED), target(ubuntu()))
    assert "'dkms unbuild', then 'dkms install'" in text and "-v %s -k %s" % (VERSION, KERNEL) in text


def test_another_version_or_flavour_is_built_anew_so_the_present_file_does_not_count() -> None:
    state = installed(Signature("Canonical Ltd. Kernel Module Signing", "88"), loaded=False)
    for wish in (target(state, version="580.105.08", branch=None), target(state, flavour=PROPRIETARY)):
        assert "the key that DKMS signs with is not among them" in said(state, wish)


def test_a_driver_that_did_not_come_up_is_explained_by_its_signature() -> None:
    state = replace(installed(None), booted=100.0, module_since={KERNEL: 50.0})
    assert load_trouble(state) == trust.refused_module(state, KERNEL) != ()
    assert reboot_reasons(state) == ()
    free = replace(state, trust=Trust())
    assert "did not load" in str(load_trouble(free)[0])


def test_no_file_is_no_trouble() -> None:
    state = replace(installed(None), on_disk={KERNEL: None, "other": Module(VERSION, OPEN)})
    assert trust.refused_module(state, KERNEL) == () != trust.refused_module(state, "other")
