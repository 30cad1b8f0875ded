# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""For conda_gpu_env: a node without py-rattler is sent the controller's, as a wheel."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Mapping
from typing import Any

from ansible_collections.labfleet.gpu.plugins.module_utils._conda import wheel
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.questions import LACKING
from ansible_collections.labfleet.gpu.plugins.plugin_utils.converging import ConvergingAction, joined


class BringingEngineAction(ConvergingAction):
    """Calls its module once, and once more where the node lacks py-rattler and the controller has it."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        version, installed = wheel.installed()
        if not version or self._task.async_val:
            return super().run(tmp, task_vars)
        self._task.environment = [*(self._task.environment or []), {wheel.OFFER: wheel.OFFERED}]
        answer = super().run(tmp, task_vars)
        if not lacks_engine(answer):
            return answer
        shell = self._connection._shell
        directory = shell.tmpdir or self._make_tmp_path()
        with tempfile.TemporaryDirectory(prefix="labfleet-gpu-") as local:
            packed = pack(installed, version, local)
            path = self._transfer_file(packed, shell.join_path(directory, os.path.basename(packed)))
        self._fixup_perms2((directory, path))
        self._task.environment = [*self._task.environment, {wheel.OFFER: path}]
        self._again = True
        return joined(answer, super().run(tmp, task_vars), self._task.check_mode)


def lacks_engine(answer: Mapping[str, Any]) -> bool:
    """Does a result say that the node has no py-rattler?"""
    return any(blocker.get("what") == LACKING for blocker in answer.get("blockers") or ())


def pack(installed: str, version: str, target: str) -> str:
    """Make a wheel in ``target`` of the py-rattler that is installed in a directory; its path."""
    info = f"py_rattler-{version}.dist-info"
    with open(os.path.join(installed, info, "WHEEL"), encoding="utf-8") as stream:
        tags = [line.split()[1].split("-", 2) for line in stream if line.startswith("Tag: ")]
    platforms = ".".join(tag[2] for tag in tags)
    path = os.path.join(target, f"py_rattler-{version}-{tags[0][0]}-{tags[0][1]}-{platforms}.whl")
    # It goes over the connection once: little is worth the time of the last percent.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for top in ("rattler", info):
            for folder, folders, files in os.walk(os.path.join(installed, top)):
                folders[:] = sorted(name for name in folders if name != "__pycache__")
                for name in sorted(files):
                    full = os.path.join(folder, name)
                    archive.write(full, os.path.relpath(full, installed))
    return path
