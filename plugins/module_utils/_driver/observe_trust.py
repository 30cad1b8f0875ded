# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which signatures the kernel wants, which keys it trusts, and with which one DKMS signs. Reads only."""

from __future__ import annotations

import re
from typing import Optional, Tuple

from .._host import Files, Host
from .observe_kernel import content
from .state import Certificate, Trust

#: The UEFI variable has four bytes of attributes before its value (efivarfs, UEFI 2.10 section 3.3).
_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#: Where DKMS keeps its certificate, on Ubuntu where it shares that of update-secureboot-policy
#: (dkms 3.0.10 and 3.4.3, prepare_signing).
DKMS_CERTIFICATE = "/var/lib/dkms/mok.pub"
UBUNTU_CERTIFICATE = "/var/lib/shim-signed/mok/MOK.der"


def observe_trust(files: Files, host: Host) -> Trust:
    """The certificate is read only where signatures count: its reader has to be loaded."""
    enforced, path = _enforced(files), certificate_path(files, host)
    return Trust(
        enforced=enforced,
        keys=trusted_keys(files.text("/proc/keys") or ""),
        own_key=_own_key(content(files, path)) if enforced and path else None,
        own_path=path,
    )


def _own_key(data: bytes) -> Optional[Certificate]:
    from .certificate import parse_certificate

    return parse_certificate(data)


def _enforced(files: Files) -> Optional[str]:
    """Why this kernel loads only signed modules, in words.

    Secure Boot alone does not say so: a shim whose validation is disabled leaves the kernel unlocked. It
    counts where the kernel does not tell.
    """
    secure_boot = content(files, _SECURE_BOOT)[4:5] == b"\x01"
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
