# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Fingerprints of OpenPGP public keys without gpg: enough to know that a key is the one we expect."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Iterator, Optional, Tuple

_PUBLIC_KEY_PACKET = 6
_BEGIN = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_END = "-----END PGP PUBLIC KEY BLOCK-----"


def fingerprint(key: bytes) -> Optional[str]:
    """The v4 fingerprint (40 hex digits) of the first primary key in armoured or binary data, else None.

    Source: RFC 4880, sections 4.2 (packet headers), 6.2 (armour), 12.2 (fingerprints).
    """
    data = dearmour(key)
    if data is None:
        return None
    try:
        for tag, body in _packets(data):
            if tag == _PUBLIC_KEY_PACKET and body[:1] == b"\x04":
                # SHA-1 is what RFC 4880 defines a v4 fingerprint by; it is compared, not trusted to sign.
                digest = hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body)
                return digest.hexdigest().upper()
    except (IndexError, OverflowError):
        # Cut off, or longer than a v4 key can be.
        return None
    return None


def armoured(key: bytes) -> str:
    """The key in ASCII armour (RFC 4880, 6.2), as it is if it has that already."""
    if _BEGIN.encode() in key:
        return key.decode("utf-8", "surrogateescape")
    body = base64.b64encode(key).decode("ascii")
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    checksum = base64.b64encode(_crc24(key).to_bytes(3, "big")).decode("ascii")
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
    """The packets inside ASCII armour; binary data comes back as it is, rubbish as None."""
    if _BEGIN.encode() not in key:
        return key if key[:1] and key[0] & 0x80 else None
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
    position = 0
    while position < len(data):
        header = data[position]
        position += 1
        if not header & 0x80:
            return
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
                return
        else:
            tag = (header & 0x3C) >> 2
            size = (1, 2, 4, 0)[header & 3]
            if size == 0:
                return
            length = int.from_bytes(data[position : position + size], "big")
            position += size
        yield tag, data[position : position + length]
        position += length
