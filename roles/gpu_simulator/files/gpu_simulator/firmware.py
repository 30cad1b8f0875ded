# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secure Boot: what the firmware keeps, and what a boot makes of it.

Kept below /var/lib: the switch and the enrolled machine owner keys. In effect since the boot, below /run:
EFI variables, lockdown, sig_enforce and the kernel's keyrings. Without a switch the machine is one with a
BIOS.
Sources: UEFI specification 2.10, 3.3 and 32.4.1 (variables, EFI_SIGNATURE_LIST); kernel documentation of
efivarfs and module signing; man kernel_lockdown.7; shim's README.tpm and MokVars.txt for MokListRT.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import subprocess
import uuid
from pathlib import Path
from typing import List, NamedTuple, Optional

from . import surfaces
from .tree import SimulatorError, Tree, empty, overwrite, read, remove, write, write_bytes

EFI_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
X509_LIST = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072"
# Attributes: non-volatile 1, boot service access 2, runtime access 4.
RUNTIME = 6
KEYRINGS = (".builtin_trusted_keys", ".machine")


class Certificate(NamedTuple):
    """What the kernel shows of a certificate."""

    subject: str
    key_id: str
    algorithm: str
    pem: str


def _switch(tree: Tree) -> Path:
    return tree.hardware / "firmware/secure_boot"


def _enrolled(tree: Tree) -> Path:
    return tree.hardware / "firmware/moks"


def trusted(tree: Tree) -> Path:
    """The certificates that the running kernel trusts, as one PEM file; none if there is no such file."""
    return tree.state / "keys/trusted.pem"


def enforced(tree: Tree) -> bool:
    """Whether the running kernel refuses modules without a trusted signature."""
    return read(tree.sys / "module/module/parameters/sig_enforce") == "Y"


def set_secure_boot(tree: Tree, on: bool) -> str:
    """Turn the switch of the firmware's setup."""
    write(_switch(tree), "on" if on else "off")
    return "Secure Boot is {0} from the next boot on.".format("on" if on else "off")


def enroll(tree: Tree, path: str) -> str:
    """Enroll a machine owner key, as the admin at the screen of MokManager does.

    :raises SimulatorError: the file is no certificate in DER form
    """
    try:
        content = Path(path).read_bytes()
    except OSError as problem:
        raise SimulatorError(
            "{0} cannot be read ({1}): name a certificate in DER form.".format(path, problem.strerror)
        ) from None
    if content.startswith(b"-----"):
        raise SimulatorError(
            "{0} is in PEM form, which MokManager does not read: convert it with "
            "'openssl x509 -in {0} -outform DER'.".format(path)
        )
    subject = _certificate(content, path).subject
    write_bytes(_enrolled(tree) / (hashlib.sha256(content).hexdigest()[:16] + ".der"), content)
    return "The key '{0}' is enrolled from the next boot on.".format(subject)


def forget(tree: Tree, path: str) -> str:
    """Take a machine owner key away again."""
    remove(_enrolled(tree) / (hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16] + ".der"))
    return "The key is gone from the next boot on."


def power_on(tree: Tree) -> None:
    """Show the state of the firmware and what the kernel takes from it."""
    switch = read(_switch(tree))
    owners = [path.read_bytes() for path in sorted(_enrolled(tree).glob("*.der"))]
    files = [tree.build_key, *sorted(tree.trusted_keys.glob("*"))]
    built_in = [_der(path.read_bytes()) for path in files if path.is_file()]
    _show_variables(tree, switch, owners)
    if switch == "on":
        surfaces.log(tree, "Kernel is locked down from EFI Secure Boot mode; see man kernel_lockdown.7")
    write(
        tree.sys / "kernel/security/lockdown",
        "none [integrity] confidentiality" if switch == "on" else "[none] integrity confidentiality",
    )
    remove(tree.sys / "module/module")
    write(tree.sys / "module/module/parameters/sig_enforce", "Y" if switch == "on" else "N", 0o444)
    # shim hands its list to the kernel whether Secure Boot is on or not.
    rings = [
        [_certificate(content, "the certificate") for content in ring]
        for ring in (built_in, owners if switch else [])
    ]
    remove(tree.state / "keys")
    if any(rings):
        write(trusted(tree), "".join(key.pem for ring in rings for key in ring))
    overwrite(tree.state / "proc/keys", "\n".join(_keys(rings)))


def _keys(rings: List[List[Certificate]]) -> List[str]:
    """/proc/keys as root sees it: security/keys/proc.c, and asymmetric_key_describe()."""
    lines = []
    for name, ring in zip(KEYRINGS, rings):
        for key in ring:
            text = "{0}: {1}: X509.{2} {3} []".format(key.subject, key.key_id, key.algorithm, key.key_id[-8:])
            lines.append(_line("asymmetri", text, 1, "1f030000"))
        lines.append(_line("keyring", "{0}: {1}".format(name, len(ring) or "empty"), 1, "1f0b0000"))
    return lines


def _line(kind: str, text: str, uses: int, permissions: str) -> str:
    serial = hashlib.sha256(text.encode("utf-8")).hexdigest()[:7]
    return "{0:0>8} I------ {1:5d} perm {2} {3:5d} {3:5d} {4:9.9} {5}".format(
        serial, uses, permissions, 0, kind, text
    )


def _show_variables(tree: Tree, switch: Optional[str], owners: List[bytes]) -> None:
    """Files as efivarfs has them, and the directories of the older interface, which libefivar reads as well.

    It takes efivarfs only where its file system says that it is one, which no bind mount can.
    """
    top = tree.sys / "firmware/efi"
    if not switch:
        remove(top)
        return
    variables = {
        "SecureBoot-" + EFI_GLOBAL: bytes((switch == "on",)),
        "SetupMode-" + EFI_GLOBAL: b"\0",
        "MokSBStateRT-" + SHIM: b"" if switch == "on" else b"\1",
        "MokListRT-" + SHIM: _signature_lists(owners),
    }
    for directory in (top / "efivars", top / "vars"):
        empty(directory)
    write_bytes(top / "vars/new_var", b"", 0o200)  # libefivar takes the interface by this file
    for name, value in variables.items():
        if value:
            write_bytes(top / "efivars" / name, struct.pack("<I", RUNTIME) + value)
            _show_old_variable(top / "vars" / name, name, value)


def _show_old_variable(directory: Path, name: str, value: bytes) -> None:
    """One directory of /sys/firmware/efi/vars (kernel documentation, ABI/stable/sysfs-firmware-efi-vars)."""
    label, guid = name.split("-", 1)
    raw = label.encode("utf-16-le").ljust(1024, b"\0") + uuid.UUID(guid).bytes_le
    raw += struct.pack("<Q", len(value)) + value[:1024].ljust(1024, b"\0") + struct.pack("<QI", 0, RUNTIME)
    write_bytes(directory / "raw_var", raw, 0o600)
    write_bytes(directory / "data", value, 0o400)
    write(directory / "attributes", "EFI_VARIABLE_BOOTSERVICE_ACCESS\nEFI_VARIABLE_RUNTIME_ACCESS", 0o400)
    write(directory / "guid", guid, 0o400)
    write(directory / "size", hex(len(value)), 0o400)


def _signature_lists(certificates: List[bytes]) -> bytes:
    """One EFI_SIGNATURE_LIST for each certificate, owned by shim."""
    lists = b""
    for content in certificates:
        size = 16 + len(content)
        lists += uuid.UUID(X509_LIST).bytes_le + struct.pack("<III", 28 + size, 0, size)
        lists += uuid.UUID(SHIM).bytes_le + content
    return lists


def _der(content: bytes) -> bytes:
    """A certificate in DER form, given in either form."""
    match = re.search(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", content, re.DOTALL)
    return base64.b64decode(match.group(1)) if match else content


def _certificate(der: bytes, what: str) -> Certificate:
    """Read a certificate with openssl.

    :raises SimulatorError: it is none, or there is no openssl
    """
    command = (
        "openssl",
        "x509",
        "-inform",
        "DER",
        "-noout",
        "-subject",
        "-nameopt",
        "multiline,-esc_msb",
    )
    try:
        done = subprocess.run(
            command + ("-serial", "-text"),
            input=der,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
    except FileNotFoundError:
        raise SimulatorError("Certificates cannot be read without openssl: install it.") from None
    if done.returncode != 0:
        raise SimulatorError("{0} is no certificate in DER form: name one that is.".format(what))
    text = done.stdout.decode("utf-8", "replace")
    serial = re.search(r"^serial=([0-9A-F]+)", text, re.MULTILINE)
    identifier = re.search(r"Subject Key Identifier:[^\n]*\n\s*([0-9A-F:]+)", text)
    key_id = (
        identifier.group(1).replace(":", "") if identifier else serial.group(1) if serial else "0"
    ).lower()
    algorithm = "ecdsa" if "id-ecPublicKey" in text else "rsa"
    body = base64.encodebytes(der).decode("ascii")
    pem = "-----BEGIN CERTIFICATE-----\n{0}-----END CERTIFICATE-----\n".format(body)
    return Certificate(_subject(text), key_id, algorithm, pem)


def _subject(text: str) -> str:
    """Organisation and common name as the kernel joins them: x509_fabricate_name()."""
    organisation, common = (_part(text, name) for name in ("organizationName", "commonName"))
    if organisation and common and not common.startswith(organisation[:7]):
        return "{0}: {1}".format(organisation, common)
    return common or organisation or "?"


def _part(text: str, name: str) -> str:
    match = re.search(r"^ *{0} *= (.*)$".format(name), text, re.MULTILINE)
    return match.group(1) if match else ""
