# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own signing keys: made once, kept outside of the served tree, never committed."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

from labvendor.compile import BuildError, run

#: Time of every signature and key, so that the same input gives the same bytes.
SIGNED_AT = "20260101T000000"
SIGNED_AT_RFC = "Thu, 01 Jan 2026 00:00:00 UTC"


class Key:
    """A key pair in a private GnuPG directory."""

    def __init__(self, home: Path, user: str) -> None:
        """Open the key in home, or make it; user is the name in the key."""
        self._home = home
        self._user = user
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        if not (home / "made").exists():
            self._gpg("--passphrase", "", "--quick-generate-key", user, "rsa3072", "sign", "never")
            (home / "made").touch()
        listing = self._gpg("--with-colons", "--fingerprint", "--list-keys").decode()
        fingerprints = [line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:")]
        self.fingerprint = fingerprints[0]

    @property
    def filename(self) -> str:
        """Name of the public key in the repository: the last eight hex digits, as NVIDIA's 3bf863cc.pub."""
        return f"{self.fingerprint[-8:].lower()}.pub"

    def armoured(self) -> bytes:
        """Public key as text."""
        return self._gpg("--armor", "--export", self.fingerprint)

    def binary(self) -> bytes:
        """Public key as a keyring for signed-by."""
        return self._gpg("--export", self.fingerprint)

    def detached(self, data: bytes) -> bytes:
        """Release.gpg for a Release file."""
        return self._gpg("--armor", "--detach-sign", data=data)

    def inline(self, data: bytes) -> bytes:
        """InRelease for a Release file."""
        return self._gpg("--clearsign", data=data)

    def close(self) -> None:
        """End the agent that gpg started for this directory."""
        if shutil.which("gpgconf"):
            subprocess.run(["gpgconf", "--homedir", str(self._home), "--kill", "all"], check=False)

    def _gpg(self, *arguments: str, data: bytes | None = None) -> bytes:
        argv = [
            "gpg",
            "--homedir",
            str(self._home),
            "--batch",
            "--quiet",
            "--no-tty",
            "--pinentry-mode",
            "loopback",
            "--faked-system-time",
            f"{SIGNED_AT}!",
            "--digest-algo",
            "SHA256",
            *arguments,
        ]
        result = subprocess.run(
            argv, input=data, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"}
        )
        if result.returncode != 0:
            raise BuildError(f"gpg could not sign for {self._user}: {result.stderr.decode().strip()}")
        return result.stdout


class ModuleKey:
    """The key that signs kernel modules in the simulated archive, under the name of the real one.

    A signature is what scripts/sign-file of the kernel appends: a PKCS#7 message without certificates and
    attributes, twelve bytes that describe it, and a magic line.
    """

    NAME = "Canonical Ltd. Kernel Module Signing"
    _PKCS7 = 2
    _MAGIC = b"~Module signature appended~\n"

    def __init__(self, home: Path) -> None:
        """Open the key in home, or make it."""
        self._key, self._certificate = home / "key.pem", home / "certificate.pem"
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        # The kernel calls a key by its CN alone, unless there is an organisation of another name.
        subject, made = f"/OU=labfleet.gpu simulated vendor/CN={self.NAME}", home / "made"
        if not made.exists() or made.read_text(encoding="utf-8") != subject:
            options = ["-newkey", "rsa:2048", "-nodes", "-sha512", "-days", "36500", "-subj", subject]
            run(
                [
                    "openssl",
                    "req",
                    "-x509",
                    *options,
                    "-keyout",
                    str(self._key),
                    "-out",
                    str(self._certificate),
                ]
            )
            made.write_text(subject, encoding="utf-8")

    def pem(self) -> bytes:
        """The certificate as text."""
        return self._certificate.read_bytes()

    def der(self) -> bytes:
        """The certificate as mokutil takes it."""
        return self._openssl("x509", "-in", str(self._certificate), "-outform", "DER")

    def signature(self, module: bytes) -> bytes:
        """What makes the module a signed one when appended to it; the same each time."""
        message = self._openssl(
            *("cms", "-sign", "-binary", "-noattr", "-nocerts", "-outform", "DER", "-md", "sha512"),
            *("-signer", str(self._certificate), "-inkey", str(self._key)),
            data=module,
        )
        return message + struct.pack(">BBBBB3xI", 0, 0, self._PKCS7, 0, 0, len(message)) + self._MAGIC

    @staticmethod
    def _openssl(*arguments: str, data: bytes | None = None) -> bytes:
        result = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
        if result.returncode != 0:
            raise BuildError(f"openssl could not sign a module: {result.stderr.decode().strip()}")
        return result.stdout
