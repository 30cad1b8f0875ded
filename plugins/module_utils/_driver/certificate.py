# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""X.509, as little of it as tells whose certificate it is (RFC 5280 section 4.1, X.690 section 8.1). Pure."""

from __future__ import annotations

import base64
import binascii
from typing import Iterator, Optional, Tuple

from .state import Certificate

_OBJECT, _EXTENSIONS, _VERSION = 0x06, 0xA3, 0xA0
_COMMON_NAME, _ORGANISATION, _KEY_ID = b"\x55\x04\x03", b"\x55\x04\x0a", b"\x55\x1d\x0e"


def parse_certificate(data: bytes) -> Optional[Certificate]:
    """Name, serial number and key id of a certificate in DER or PEM; None if it is none."""
    try:
        if data.startswith(b"-----BEGIN"):
            data = base64.b64decode(
                b"".join(line for line in data.splitlines() if not line.startswith(b"--"))
            )
        (certificate,) = (value for _tag, value in _parts(data))
        fields = list(_parts(next(_parts(certificate))[1]))
        if fields[0][0] == _VERSION:
            del fields[0]
        serial, _algorithm, _issuer, _validity, subject = (value for _tag, value in fields[:5])
        extensions = b"".join(value for tag, value in fields if tag == _EXTENSIONS)
        key = _after(extensions, _KEY_ID)
        # An extension's value is an encoding of its own: octets in octets.
        key = next(_parts(key))[1] if key else b""
        name = (_after(subject, _COMMON_NAME) or _after(subject, _ORGANISATION)).decode("utf-8", "replace")
        return Certificate(name, serial.hex(), key.hex())
    except (ValueError, IndexError, StopIteration, binascii.Error):
        return None


def _parts(data: bytes) -> Iterator[Tuple[int, bytes]]:
    """Tag and value of each element. Raises ValueError where they do not fit."""
    at = 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + size > len(data):
            raise ValueError("an element ends after its data")
        yield tag, data[at : at + size]
        at += size


def _after(data: bytes, identifier: bytes) -> bytes:
    """The last element beside this object identifier, however deep it is: name and extension alike."""
    elements = list(_parts(data))
    if elements and elements[0] == (_OBJECT, identifier):
        return elements[-1][1]
    for tag, value in elements:
        if tag & 0x20:
            found = _after(value, identifier)
            if found:
                return found
    return b""
