# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled parts of the packages, kept by the hash of what they are made of."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

VENDOR = Path(__file__).resolve().parent.parent
PROGRAMS = VENDOR / "programs"
KERNEL_SOURCE = VENDOR / "kernel_source"
SIMULATOR = VENDOR.parent.parent / "roles" / "gpu_simulator" / "files"
NVML = SIMULATOR / "nvml"
SMI = SIMULATOR / "nvidia_smi"


class BuildError(Exception):
    """One sentence: what failed, which, and what to do."""


#: Commands the build calls, and the Debian package that carries each.
TOOLS = {"gcc": "gcc", "make": "make", "makeself": "makeself", "gpg": "gpg", "openssl": "openssl"}


def check_tools() -> None:
    """Say at once everything that is missing."""
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if missing:
        raise BuildError(f"The vendor repositories need tools: run 'apt-get install {' '.join(missing)}'.")


def run(argv: list[str], cwd: Path = VENDOR) -> str:
    """Run a command, return its output, raise BuildError with its last words."""
    result = subprocess.run(
        argv, capture_output=True, text=True, check=False, cwd=cwd, env={**os.environ, "LC_ALL": "C"}
    )
    if result.returncode != 0:
        words = (result.stderr or result.stdout).strip()
        raise BuildError(f"'{' '.join(argv)}' failed with exit code {result.returncode}: {words}")
    return result.stdout


class Signer(Protocol):
    """Who signs modules."""

    def pem(self) -> bytes:
        """Its certificate."""

    def signature(self, module: bytes) -> bytes:
        """What is appended to a module."""


class Compiler:
    """Compiles into a cache directory; a second run of the same input reads it back."""

    def __init__(self, cache: Path, signer: Signer | None = None) -> None:
        self._cache = cache
        self._signer = signer
        cache.mkdir(parents=True, exist_ok=True)
        self._toolchain = run(["gcc", "--version"])

    def program(self, name: str, version: str, **defines: str) -> bytes:
        """A program of programs/, with VERSION and the other names defined as strings."""
        sources = [PROGRAMS / f"{name}.c", *sorted(PROGRAMS.glob("*.h"))]
        macros = [f'-D{key}="{value}"' for key, value in {"VERSION": version, **defines}.items()]

        def make(out: Path) -> None:
            argv = ["gcc", "-O2", "-s", "-Wall", "-Wextra", "-Werror", *macros, "-o", str(out)]
            run([*argv, sources[0].name, "-ldl"], cwd=PROGRAMS)

        return self._cached(sources, " ".join([version, *macros[1:]]), make)

    def library(self, soname: str, **numbers: str) -> bytes:
        """A shared library of that soname; numbers are what programs/library.c is to answer."""
        sources = [PROGRAMS / "library.c"]
        macros = [f"-D{key}={value}" for key, value in numbers.items()]

        def make(out: Path) -> None:
            argv = ["gcc", "-O1", "-s", "-fPIC", "-shared", "-nostdlib", "-Wall", "-Wextra", "-Werror"]
            run([*argv, *macros, f"-Wl,-soname,{soname}", "-o", str(out), sources[0].name], cwd=PROGRAMS)

        return self._cached(sources, " ".join(["library", soname, *macros]), make)

    def program_against(self, name: str, soname: str) -> bytes:
        """A program of programs/ that does not start where a library of that soname is missing."""
        sources = [PROGRAMS / f"{name}.c"]
        library = self.library(soname)

        def make(out: Path) -> None:
            with tempfile.TemporaryDirectory() as directory:
                stub = Path(directory) / soname
                stub.write_bytes(library)
                argv = ["gcc", "-O2", "-s", "-Wall", "-Wextra", "-Werror", "-o", str(out), sources[0].name]
                run([*argv, "-Wl,--no-as-needed", str(stub)], cwd=PROGRAMS)

        return self._cached(sources, f"against {soname}", make)

    def made(self, identity: str, make: Callable[[Path], None]) -> bytes:
        """What make writes, kept under that identity, which must tell everything that it is made of."""
        return self._cached([], identity, make)

    def nvml(self, version: str) -> bytes:
        """The simulated libnvidia-ml.so of that version."""
        sources = [path for path in sorted(NVML.glob("**/*")) if path.is_file()]
        if not any(path.suffix == ".c" for path in sources):
            raise BuildError(f"{NVML} has no source of the NVML library: restore the gpu_simulator role.")

        def make(out: Path) -> None:
            with tempfile.TemporaryDirectory() as directory:
                run(["make", "-s", "-C", str(NVML), f"VERSION={version}", f"OUT={directory}"])
                shutil.copy(Path(directory) / f"libnvidia-ml.so.{version}", out)

        return self._cached(sources, version, make)

    def smi(self, version: str) -> bytes:
        """nvidia-smi of that version."""

        def make(out: Path) -> None:
            run([sys.executable, "-B", str(SMI / "pack.py"), version, str(out)])

        return self._cached(sorted(SMI.glob("*.py")), version, make)

    def module(self, name: str, version: str, licence: str, kernel: str) -> bytes:
        """A kernel module, as dkms would build it for that kernel."""
        sources = [KERNEL_SOURCE / "Makefile", KERNEL_SOURCE / "module.c"]

        def make(out: Path) -> None:
            with tempfile.TemporaryDirectory() as directory:
                for source in sources:
                    shutil.copy(source, directory)
                Path(directory, "version.mk").write_text(f"VERSION = {version}\nLICENSE = {licence}\n")
                run(["make", "-s", f"KERNEL_UNAME={kernel}", name], cwd=Path(directory))
                shutil.copy(Path(directory) / name, out)

        return self._cached(sources, f"{name} {version} {licence} {kernel}", make)

    def signature(self, module: bytes) -> bytes:
        """The signature of a module by the signer's key."""
        signer = self._signer
        if signer is None:
            raise BuildError("A signed module was asked for, and there is no key to sign it with.")
        identity = f"{hashlib.sha256(signer.pem()).hexdigest()} {hashlib.sha256(module).hexdigest()}"

        def make(out: Path) -> None:
            out.write_bytes(signer.signature(module))

        return self._cached([], f"signature {identity}", make)

    def _cached(self, sources: list[Path], version: str, make: Callable[[Path], None]) -> bytes:
        digest = hashlib.sha256(f"{self._toolchain}\0{version}\0".encode())
        for source in sources:
            digest.update(f"{source.name}\0".encode() + source.read_bytes())
        kept = self._cache / digest.hexdigest()
        if not kept.exists():
            new = kept.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            make(new)
            new.replace(kept)
        os.utime(kept)
        return kept.read_bytes()
