# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that everything is told of: NVML simulated, dpkg as told, all else as files."""

from __future__ import annotations

from typing import Any, Dict

from ansible_collections.labfleet.gpu.plugins.module_utils._command import Once
from ansible_collections.labfleet.gpu.plugins.module_utils._info.gather import gathered
from ansible_collections.labfleet.gpu.plugins.module_utils._info.wish import ARGUMENTS, wish_from
from ansible_collections.labfleet.gpu.tests.unit.support.check_node import CheckNode
from ansible_collections.labfleet.gpu.tests.unit.support.simulated_node import VERSION
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

#: A driver of NVIDIA's, a toolkit and a cuDNN, as dpkg-query tells them.
PACKAGES = {
    "libcudnn9-cuda-12": "9.5.1.17-1",
    "cuda-toolkit-12-4": "12.4.1-1",
    "cuda-cudart-12-4": "12.4.127-1",
    "libnvidia-compute-580": VERSION + "-0ubuntu1",
    "nvidia-dkms-580-open": VERSION + "-0ubuntu1",
    "nvidia-driver-580-open": VERSION + "-0ubuntu1",
}
LIBRARIES = "/usr/lib/x86_64-linux-gnu/"
#: What a kernel module of another version says of itself.
LOADED = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.133.20  Release Build  (x@y)\n"


class InfoNode(CheckNode):
    """A node below a directory, without software."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree)
        self.machine.answers.update(
            {
                "dpkg-query": (0, "bash\t5.2\tinstall\tinstalled\n", ""),
                "systemctl show": (0, "LoadState=not-found\n", ""),
            }
        )
        tree.write("/etc/os-release", 'ID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n')

    def install(self, *held: str) -> None:
        """PACKAGES, of which some are on hold."""
        lines = ["%s\t%s\t%s\tinstalled" % (name, version, "hold" if name in held else "install")
                 for name, version in PACKAGES.items()]  # fmt: skip
        self.machine.answers["dpkg-query"] = (0, "\n".join(lines) + "\n", "")
        self.tree.write("/usr/local/cuda-12.4/bin/nvcc")
        for library, version in (("libnvidia-ml.so.1", VERSION), ("libcudnn.so.9", "9.5.1")):
            target = library.rpartition(".")[0] + "." + version
            self.tree.write(LIBRARIES + target)
            self.tree.link(LIBRARIES + library, target)
        self.tree.write("/proc/driver/nvidia/version", LOADED)

    def environment(self, prefix: str, *packages: str, **pip: str) -> None:
        """A conda environment with these records ("python-3.11.9-0"), and what pip installed into it."""
        self.tree.write(prefix + "/conda-meta/history")
        for package in packages:
            self.tree.write("%s/conda-meta/%s.json" % (prefix, package), "{}")
        for name, version in pip.items():
            info = "%s/lib/python3.11/site-packages/%s-%s.dist-info/INSTALLER" % (prefix, name, version)
            self.tree.write(info, "pip\n")

    def info(self, *gather: str, **options: Any) -> Dict[str, Any]:
        """What the module returns."""
        defaults = {name: each.get("default") for name, each in ARGUMENTS.items()}
        wish = wish_from({**defaults, "gather": list(gather) or None, **options})
        return gathered(Once(self.machine), self.tree.files, wish)
