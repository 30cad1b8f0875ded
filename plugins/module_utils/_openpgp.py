# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""OpenPGP public keys without gpg: enough to know that a key is the one we expect, and no other beside it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Iterator, Optional, Tuple

from ._dataclass import dataclass

_PUBLIC_KEY_PACKET = 6
#: What a public key consists of beside it: signatures, subkeys, user names, user attributes.
_PARTS_OF_A_KEY = (2, 13, 14, 17)
_BEGIN = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_END = "-----END PGP PUBLIC KEY BLOCK-----"


class BadKey(ValueError):
    """Why data is not the one public key that it should be, to be said after its name."""


@dataclass(frozen=True)
class PublicKey:
    """``fingerprint`` has 40 hex digits; ``packets`` are the key's, and nothing else's."""

    fingerprint: str
    packets: bytes


def public_key(data: bytes) -> PublicKey:
    """The one v4 public key in armoured or binary data. Raises BadKey.

    Whoever trusts the fingerprint trusts all of the data, so it must hold nothing else: apt takes every
    key in the file that it is given.

    Source: RFC 4880, sections 4.2 (packet headers), 6.2 (armour), 11.1 (public keys), 12.2 (fingerprints).
    """
    binary = dearmour(data)
    if not binary:
        raise BadKey("is not an OpenPGP public key")
    try:
        packets = list(_packets(binary))
    except IndexError as exc:
        raise BadKey("is not an OpenPGP public key, or is cut off") from exc
    primary = [body for tag, body in packets if tag == _PUBLIC_KEY_PACKET]
    if len(primary) > 1:
        raise BadKey("holds %d keys and must hold only the expected one" % len(primary))
    body = primary[0] if primary else b""
    if packets[0][0] != _PUBLIC_KEY_PACKET or body[:1] != b"\x04" or len(body) > 0xFFFF:
        raise BadKey("is not an OpenPGP public key")
    if any(tag not in _PARTS_OF_A_KEY for tag, _body in packets[1:]):
        raise BadKey("holds more than an OpenPGP public key")
    # SHA-1 is what RFC 4880 defines a v4 fingerprint by; it is compared, not trusted to sign.
    digest = hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body)
    return PublicKey(digest.hexdigest().upper(), binary)


def armoured(packets: bytes) -> str:
    """A binary key in ASCII armour (RFC 4880, 6.2)."""
    body = base64.b64encode(packets).decode("ascii")
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    checksum = base64.b64encode(_crc24(packets).to_bytes(3, "big")).decode("ascii")
    return "\n".join([_BEGIN, "", *lines, "=" + checksum, _END, ""])


def _crc24(data: bytes) -> int:
    """The checksum of ASCII armour (RFC 4880, 6.1)."""
    value = 0xB704CE
    for byte in data:
        value ^= byte << 16
        for _bit in range(8):
            value <<= 1
            if value & 0x1000000:
                value ^= 0x1864CFB
    return value & 0xFFFFFF


def dearmour(key: bytes) -> Optional[bytes]:
    """The packets inside ASCII armour; binary data comes back as it is, rubbish as None.

    Raises BadKey where there are several armoured blocks.
    """
    blocks = key.count(_BEGIN.encode())
    if not blocks:
        return key if key[:1] and key[0] & 0x80 else None
    if blocks > 1:
        raise BadKey("holds %d keys and must hold only the expected one" % blocks)
    text = key.decode("ascii", "replace")
    block = text.split(_BEGIN, 1)[1].split(_END, 1)[0]
    lines = block.replace("\r", "").split("\n")
    try:
        body = lines[lines.index("", 1) + 1 :] if "" in lines[1:] else lines
    except ValueError:
        return None
    try:
        return base64.b64decode("".join(line for line in body if line and not line.startswith("=")))
    except (binascii.Error, ValueError):
        return None


def _packets(data: bytes) -> Iterator[Tuple[int, bytes]]:
    """Tag and body of each packet, to the last byte. Raises IndexError where that cannot be."""
    position = 0
    while position < len(data):
        header = data[position]
        position += 1
        if not header & 0x80:
            raise IndexError("no packet begins here")
        if header & 0x40:
            tag = header & 0x3F
            first = data[position]
            position += 1
            if first < 192:
                length = first
            elif first < 224:
                length = ((first - 192) << 8) + data[position] + 192
                position += 1
            elif first == 255:
                length = int.from_bytes(data[position : position + 4], "big")
                position += 4
            else:
                raise IndexError("a key has no packets of partial length")
        else:
            tag = (header & 0x3C) >> 2
            size = (1, 2, 4, 0)[header & 3]
            if size == 0:
                raise IndexError("a key has no packets of indeterminate length")
            length = int.from_bytes(data[position : position + size], "big")
            position += size
        if position + length > len(data):
            raise IndexError("the packet is cut off")
        yield tag, data[position : position + length]
        position += length
