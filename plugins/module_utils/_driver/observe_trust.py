# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which signatures the kernel wants, which keys it trusts, and with which one DKMS signs. Reads only."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Iterator, Optional, Tuple

from .._host import Files, Host
from .state import Certificate, Trust

#: The UEFI variable has four bytes of attributes before its value (efivarfs, UEFI 2.10 section 3.3).
_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#: Where DKMS keeps its certificate, on Ubuntu where it shares that of update-secureboot-policy
#: (dkms 3.0.10 and 3.4.3, prepare_signing).
DKMS_CERTIFICATE = "/var/lib/dkms/mok.pub"
UBUNTU_CERTIFICATE = "/var/lib/shim-signed/mok/MOK.der"


def observe_trust(files: Files, host: Host) -> Trust:
    path = certificate_path(files, host)
    return Trust(
        enforced=_enforced(files),
        keys=trusted_keys(files.text("/proc/keys") or ""),
        own_key=parse_certificate(_bytes(files, path)) if path else None,
        own_path=path,
    )


def _enforced(files: Files) -> Optional[str]:
    """Why this kernel loads only signed modules, in words.

    Secure Boot alone does not say so: a shim whose validation is disabled leaves the kernel unlocked. It
    counts where the kernel does not tell.
    """
    secure_boot = _bytes(files, _SECURE_BOOT)[4:5] == b"\x01"
    if (files.text("/sys/module/module/parameters/sig_enforce") or "").strip() == "Y":
        return "Secure Boot is on" if secure_boot else "module.sig_enforce is set"
    lockdown = files.text("/sys/kernel/security/lockdown")
    level = re.search(r"\[(\w+)\]", lockdown or "")
    if level and level.group(1) != "none":
        return "%sthe kernel is locked down (%s)" % (
            "Secure Boot is on, " if secure_boot else "",
            level.group(1),
        )
    return "Secure Boot is on" if secure_boot and not level else None


_KEY = re.compile(r" asymmetri +(?P<name>.*?): (?P<id>[0-9a-f]+): (?:X509|PKCS)\S*(?: [0-9a-f]{1,8})? \[")


def trusted_keys(text: str) -> Tuple[str, ...]:
    """The kernel's keys for signatures as "name: id", from /proc/keys, which shows them to root alone.

    The name is that of the certificate's subject, the id that of its key, or where it has none the serial
    number (x509_key_preparse in crypto/asymmetric_keys/x509_public_key.c, asymmetric_key_describe).
    """
    return tuple(
        sorted({"%s: %s" % (match.group("name"), match.group("id")) for match in _KEY.finditer(text)})
    )


def certificate_path(files: Files, host: Host) -> str:
    """Where the certificate is that DKMS signs with, "" where it signs nothing.

    Debian's DKMS before 3 signs nothing of itself; Ubuntu's signs with the key of update-secureboot-policy.
    """
    configured = ""
    names = ["/etc/dkms/framework.conf"]
    names += ["/etc/dkms/framework.conf.d/" + name for name in files.names("/etc/dkms/framework.conf.d")]
    for name in names:
        found = re.findall(r"^\s*mok_certificate=(.*)$", files.text(name) or "", re.MULTILINE)
        configured = found[-1].strip().strip("\"'") if found else configured
    if configured:
        return configured.replace("${kernelver}", host.kernel).replace("$kernelver", host.kernel)
    if host.distribution == "ubuntu":
        return UBUNTU_CERTIFICATE
    if host.distribution == "debian" and host.release in ("10", "11"):
        return ""
    return DKMS_CERTIFICATE


def _bytes(files: Files, path: str) -> bytes:
    try:
        with open(files.path(path), "rb") as handle:
            return handle.read(65536)
    except OSError:
        return b""


# X.509, as little of it as tells who signs (RFC 5280 section 4.1, X.690 section 8.1)

_SEQUENCE, _OBJECT, _OCTETS, _EXTENSIONS, _VERSION = 0x30, 0x06, 0x04, 0xA3, 0xA0
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
