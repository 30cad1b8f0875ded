# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects that bring py-rattler to a node: into our directory, where it is nobody else's business."""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from typing import Callable

from .._download import Download, download
from .._effects import Context, EffectError, sync_directory
from . import wheel
from .steps import BringEngine


def bring_engine(context: Context, data: BringEngine) -> None:
    """Have py-rattler in our directory: unpacked from a wheel, fetched first where it has an address."""
    if data.pip:
        _staged(lambda staging: _by_pip(context, data, staging))
    elif data.url:
        _staged(lambda staging: _fetched(context, data, staging))
    else:
        _staged(lambda staging: wheel.unpack(data.wheel, staging))


def _staged(fill: Callable[[str], None]) -> None:
    """What ``fill`` puts into a directory goes into ours."""
    os.makedirs(wheel.TOOLS, mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".labfleet-gpu-", dir=wheel.TOOLS) as staging:
        try:
            fill(staging)
        except zipfile.BadZipFile as exc:
            raise EffectError("The wheel of py-rattler is damaged (%s): fetch it anew" % exc) from exc
        wheel.move_in(staging, wheel.TOOLS)
    sync_directory(wheel.TOOLS)
    # Python keeps what it saw in a directory.
    sys.path_importer_cache.pop(wheel.TOOLS, None)
    if not wheel.installed()[0]:
        raise EffectError("py-rattler was put into %s and is not found there: run again" % wheel.TOOLS)


def _fetched(context: Context, data: BringEngine, staging: str) -> None:
    path = os.path.join(staging, data.url.rpartition("/")[2])
    download(context, Download(data.url, path, "sha256:" + data.digest))
    wheel.unpack(path, staging)


def _by_pip(context: Context, data: BringEngine, staging: str) -> None:
    """From where the node's pip is configured to look. Its checksum decides, not where it came from."""
    asked = os.path.join(staging, "requirements.txt")
    with open(asked, "w", encoding="utf-8") as stream:
        stream.write("py-rattler==%s --hash=sha256:%s\n" % (data.version, data.digest))
    argv = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    argv += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", staging, "-r", asked]
    environment = {"PIP_ROOT_USER_ACTION": "ignore", "PYTHONDONTWRITEBYTECODE": "1"}
    context.commands.attempt("fetch py-rattler with pip", argv, environment)
