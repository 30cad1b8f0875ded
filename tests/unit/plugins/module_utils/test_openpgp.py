# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fingerprints of a key in every form in which servers hand it out, and of what is no key."""

from __future__ import annotations

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._openpgp import (
    BadKey,
    armoured,
    dearmour,
    public_key,
)
from ansible_collections.labfleet.gpu.tests.unit.support.data import DATA

KEYS = DATA / "keys"
#: As gpg --show-keys prints it.
FINGERPRINT = "1BCB5414F3457F045E11522584240FE321877A2A"
ARMOURED = (KEYS / "throwaway.asc").read_bytes()
BINARY = (KEYS / "throwaway-old-packets.gpg").read_bytes()


@pytest.mark.parametrize("name", ["throwaway.asc", "throwaway-old-packets.gpg", "throwaway-new-packets.gpg"])
def test_every_form_has_the_same_fingerprint(name: str) -> None:
    assert public_key((KEYS / name).read_bytes()).fingerprint == FINGERPRINT


def test_armour_gives_the_binary_form() -> None:
    assert dearmour(ARMOURED) == BINARY


def test_a_binary_key_gets_the_armour_that_gpg_gives_it() -> None:
    assert armoured(BINARY).encode() == ARMOURED


@pytest.mark.parametrize(
    "key",
    [
        ARMOURED.replace(b"\n", b"\r\n"),
        b"Key of the repository:\n\n" + ARMOURED,
        ARMOURED.replace(b"BLOCK-----\n\n", b"BLOCK-----\nVersion: GnuPG v2\nComment: x\n\n", 1),
    ],
    ids=["carriage returns", "text before", "headers"],
)
def test_armour_in_the_wild(key: bytes) -> None:
    found = public_key(key)
    assert found.fingerprint == FINGERPRINT and found.packets == BINARY


def changed(key: bytes) -> bytes:
    data = bytearray(key)
    data[40] ^= 1
    return bytes(data)


def test_another_key_has_another_fingerprint() -> None:
    assert public_key(changed(BINARY)).fingerprint != FINGERPRINT


@pytest.mark.parametrize(
    "data",
    [
        BINARY + changed(BINARY),
        armoured(BINARY + changed(BINARY)).encode(),
        ARMOURED + armoured(changed(BINARY)).encode(),
    ],
    ids=["binary", "one block", "two blocks"],
)
def test_a_second_key_beside_the_right_one_is_refused(data: bytes) -> None:
    with pytest.raises(BadKey, match="holds 2 keys"):
        public_key(data)


@pytest.mark.parametrize(
    "more",
    [
        b"\xc8\x03\x01ab",  # compressed data, in which a key may hide
        b"\xc5\x01\x04",  # a secret key
        b"\x00",
        b"\xc6\x05\x04",
        b"\xc6\xe1\x04",
        b"\x9b\x04",
    ],
    ids=["compressed", "secret", "no packet", "cut off", "partial length", "indeterminate length"],
)
def test_what_else_comes_with_a_key_is_refused(more: bytes) -> None:
    with pytest.raises(BadKey):
        public_key(BINARY + more)


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"<html>404 Not Found</html>",
        b"\x99",
        b"\x98",
        b"\xc6",
        b"\xc6\xff\x00",
        b"\xc6\xff\x00\x02\x00\x00\x04" + bytes(0x20000),
        b"\xb4\x03uid",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!!\n-----END PGP PUBLIC KEY BLOCK-----\n",
        b"-----BEGIN PGP SIGNATURE-----\n\naGFsbG8=\n-----END PGP SIGNATURE-----\n",
    ],
    ids=lambda rubbish: repr(rubbish[:24]),
)
def test_rubbish_is_no_key(rubbish: bytes) -> None:
    with pytest.raises(BadKey, match="is not an OpenPGP public key"):
        public_key(rubbish)
