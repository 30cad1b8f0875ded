# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installers of CUDA (.run), made with makeself, whose options give way to the installer's own."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from labvendor import cuda_payload, toolkits
from labvendor.compile import BuildError, Compiler, run
from labvendor.deb import MTIME
from labvendor.files import file
from labvendor.toolkits import Toolkit

HEADER = Path("/usr/share/makeself/makeself-header.sh")
#: In makeself's header: it keeps quiet, takes the installer's --tmpdir and passes on what it does not know,
#: --help among it, as the real files do. --check, --noexec, --target and --keep stay makeself's.
CHANGES = (
    ('quiet="n"', 'quiet="y"'),
    (
        'initargs="\\$@"\n',
        'initargs="\\$@"\n'
        'for word; do\n    case "\\$word" in --tmpdir=*) TMPROOT="\\${word#*=}" ;; esac\ndone\n',
    ),
    ("    -h | --help)\n\tMS_Help\n\texit 0\n\t;;\n", ""),
    ('    -*)\n\techo Unrecognized flag : "\\$1" >&2\n\tMS_Help\n\texit 1\n\t;;\n', ""),
)
#: The newest gcc that each CUDA takes (installation guides; 13.4 as in the table of host compilers).
GCC_MAX = {"11.6": 11, "12.4": 13, "13.4": 16}


def files(compiler: Compiler) -> Iterator[tuple[str, bytes]]:
    """Path below /compute/cuda and content: the installers and their MD5 sums, as NVIDIA has them."""
    for toolkit in toolkits.TOOLKITS:
        if not toolkit.runfile:
            continue
        data = build(toolkit, compiler)
        yield f"{toolkit.version}/local_installers/{toolkit.runfile}", data
        line = f"{hashlib.md5(data).hexdigest()}  {toolkit.runfile}\n"
        yield f"{toolkit.version}/docs/sidebar/md5sum.txt", line.encode()


def build(toolkit: Toolkit, compiler: Compiler) -> bytes:
    """The installer of a toolkit."""
    content = _content(toolkit, compiler)
    digest = hashlib.sha256(f"{_header()}\0{run(['makeself', '--version'])}".encode())
    for name, (data, link, mode) in sorted(content.items()):
        digest.update(f"{name}\0{link}\0{mode}\0".encode() + data)

    def make(out: Path) -> None:
        with tempfile.TemporaryDirectory() as directory:
            _write(Path(directory), content)
            _pack(Path(directory), toolkit)
            out.write_bytes((Path(directory) / toolkit.runfile).read_bytes())

    return compiler.made(f"runfile {toolkit.runfile} {digest.hexdigest()}", make)


def _content(toolkit: Toolkit, compiler: Compiler) -> dict[str, tuple[bytes, str, int]]:
    """Name in the archive to data, link and mode."""
    bundled = f"NVIDIA-Linux-x86_64-{toolkit.driver}.run" if toolkit.driver in toolkit.runfile else ""
    values = {
        "VERSION": toolkit.version,
        "MINOR": toolkit.minor,
        "DASHED": toolkit.dashed,
        "DRIVER_FILE": bundled,
        "DRIVER": toolkit.driver,
        "GCC_MAX": str(GCC_MAX[toolkit.minor]),
    }

    def program(name: str) -> tuple[bytes, str, int]:
        return file("runfile", name, **values).encode(), "", 0o755

    found = {
        f"toolkit/{entry.path}": (entry.data, entry.link, entry.mode)
        for entry in cuda_payload.whole(toolkit, compiler)
    }
    found["toolkit/bin/cuda-uninstaller"] = program("cuda-uninstaller")
    found["install.sh"] = program("install.sh")
    found["cuda-installer"] = (compiler.program_against("cuda-installer", "libxml2.so.2"), "", 0o755)
    if bundled:
        found[bundled] = program("driver.run")
    return found


def _header() -> str:
    """makeself's header with the changes."""
    text = HEADER.read_text()
    for old, new in CHANGES:
        if text.count(old) != 1:
            raise BuildError(f"{HEADER} is not that of makeself 2.4 or 2.5: adapt CHANGES in runfile.py.")
        text = text.replace(old, new)
    return text


def _write(directory: Path, content: dict[str, tuple[bytes, str, int]]) -> None:
    for name, (data, link, mode) in content.items():
        path = directory / "pkg" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if link:
            path.symlink_to(link)
        else:
            path.write_bytes(data)
            path.chmod(mode)


def _pack(directory: Path, toolkit: Toolkit) -> None:
    (directory / "header.sh").write_text(_header())
    order = f"--sort=name --mtime=@{MTIME} --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w"
    run(
        [
            *("makeself", "--header", "./header.sh", "--nox11", "--noprogress", "--nocomp"),
            *("--packaging-date", "2026-01-01", "--tar-extra", order),
            *("pkg", toolkit.runfile, f"CUDA {toolkit.version} installer", "./cuda-installer"),
        ],
        cwd=directory,
    )
