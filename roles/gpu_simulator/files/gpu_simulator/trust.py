# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel accepts the signature of a module file: kernel/module/signing.c, module_sig_check().

The signature is the PKCS#7 message behind the module, and openssl verifies it for real against the
certificates that the kernel trusts. Compressed modules are verified as what they unpack to.
"""

from __future__ import annotations

import errno
import gzip
import lzma
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple, Optional, Tuple

from . import firmware
from .tree import SimulatorError, Tree, scratch

# include/linux/module_signature.h: the marker, and struct module_signature before it.
MARKER = b"~Module signature appended~\n"
TRAILER = struct.Struct(">5B3xI")
PKCS7 = 2


class Verdict(NamedTuple):
    """What comes of a signature.

    :ivar trusted: made by a trusted key
    :ivar number: the errno that the kernel refuses with, 0 if it does not
    :ivar problem: its log line, empty if it does not refuse
    """

    trusted: bool
    number: int = 0
    problem: str = ""


def check(tree: Tree, path: str) -> Verdict:
    """Judge a module file under the enforcement that is in effect."""
    parts = _split(_content(path))
    certificates = firmware.trusted(tree)
    if not parts:
        reason = "unsigned module"
    elif not certificates.exists():
        reason = "module with unavailable key"
    else:
        message = _verify(tree, parts[0], parts[1], certificates)
        if not message:
            return Verdict(True)
        if "signer certificate not found" not in message:
            # Any other failure is final, enforcement or not.
            return Verdict(False, errno.EKEYREJECTED, "PKCS#7 signature not signed with a trusted key")
        reason = "module with unavailable key"
    if firmware.enforced(tree):
        return Verdict(False, errno.EKEYREJECTED, "Loading of {0} is rejected".format(reason))
    return Verdict(False)


def _content(path: str) -> bytes:
    content = Path(path).read_bytes()
    if path.endswith(".xz"):
        return lzma.decompress(content)
    if path.endswith(".gz"):
        return gzip.decompress(content)
    if path.endswith(".zst"):
        return _run("zstd", "--decompress", "--stdout", path).stdout
    return content


def _split(content: bytes) -> Optional[Tuple[bytes, bytes]]:
    """Module and signature; None for an unsigned module."""
    end = len(content) - len(MARKER)
    if end < TRAILER.size or content[end:] != MARKER:
        return None
    _algorithm, _digest, kind, _signer, _key, size = TRAILER.unpack(content[end - TRAILER.size : end])
    start = end - TRAILER.size - size
    if kind != PKCS7 or start < 0:
        return None
    return content[:start], content[start : end - TRAILER.size]


def _verify(tree: Tree, module: bytes, signature: bytes, certificates: Path) -> str:
    """What openssl has against a signature; empty if it verifies."""
    with scratch(tree) as directory:
        body, message = directory / "module", directory / "signature"
        body.write_bytes(module)
        message.write_bytes(signature)
        done = _run(
            *("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", str(message)),
            *("-content", str(body), "-certfile", str(certificates), "-nointern", "-noverify"),
            *("-out", "/dev/null"),
        )
    return "" if done.returncode == 0 else done.stderr.decode("utf-8", "replace") or "openssl failed"


def sign(module: Path, key: Path) -> bytes:
    """A module file with its signature appended, as the kernel's scripts/sign-file appends it.

    :param key: PEM file with private key and certificate
    """
    signature = openssl(
        *("cms", "-sign", "-binary", "-noattr", "-nocerts", "-nosmimecap", "-outform", "DER"),
        *("-md", "sha512", "-signer", str(key), "-in", str(module)),
    )
    trailer = TRAILER.pack(0, 0, PKCS7, 0, 0, len(signature))
    return module.read_bytes() + signature + trailer + MARKER


def openssl(*arguments: str) -> bytes:
    """What openssl prints.

    :raises SimulatorError: it failed
    """
    done = _run("openssl", *arguments)
    if done.returncode != 0:
        raise SimulatorError(
            "'openssl {0}' failed with '{1}'.".format(arguments[0], done.stderr.decode("utf-8", "replace"))
        )
    return done.stdout


def _run(*command: str) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except FileNotFoundError:
        raise SimulatorError(
            "The command {0} is missing on this node, and no module's signature can be verified without "
            "it: install the package {0}.".format(command[0])
        ) from None
