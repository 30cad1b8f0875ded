# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd makes of its files when it starts, and what ctr tells of it then.

Before 2.1 the last file with a plugin has it alone, and its runtimes take the place of containerd's own one:
seen with Debian's 1.6.20 and 1.7.24, and that 2.1.9 merges.
"""

from __future__ import annotations

import fnmatch
from typing import Any, Dict, List, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._container import toml
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

_PLUGINS = ("io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime")
_NONE = 'invalid plugin config: no corresponding runtime configured for `default_runtime_name = "%s"'


class Containerd:
    """``cri``: why CRI did not load, "" if it did. It runs with what was there before the test."""

    def __init__(self, tree: Tree) -> None:
        self.tree, self.active, self.cri = tree, True, ""
        #: What it says of a runtime nvidia, whatever the files say; and whether ctr answers.
        self.dislikes, self.answers = "", True
        #: Does it end where CRI does not load (required_plugins)?
        self.requires = False
        self.journal: List[str] = []

    def start(self, merges: bool) -> int:
        try:
            plugins = self._plugins()
        except toml.BadToml as exc:
            self.active = False
            self.journal.append("containerd: failed to load TOML: %s" % exc)
            return 1
        own: Dict[str, Any] = {"default_runtime_name": "runc", "runtimes": {"runc": {}}}
        engine = dict(own)
        for found in plugins:
            kept = engine if merges else own
            runtimes = (
                {**(kept["runtimes"] if merges else {}), **found["runtimes"]} if "runtimes" in found else {}
            )
            engine = {**kept, **found, "runtimes": runtimes or kept["runtimes"]}
        default = engine["default_runtime_name"]
        self.active, self.cri = True, "" if default in engine["runtimes"] else _NONE % default
        if self.dislikes and "nvidia" in engine["runtimes"]:
            self.cri = self.dislikes
        if self.cri and self.requires:
            self.active = False
            self.journal += [
                "level=info msg=starting",
                "containerd: load required plugin: %s" % self.cri,
                "end",
            ]
        return 0 if self.active else 1

    def _plugins(self) -> List[Dict[str, Any]]:
        """What each file says of CRI's runtimes, the main one first."""
        main = toml.parsed(self.tree.files.text("/etc/containerd/config.toml") or "")
        directory = "/etc/containerd/conf.d"
        paths = ["%s/%s" % (directory, name) for name in self.tree.files.names(directory)]
        wanted = [
            path for path in paths if any(fnmatch.fnmatch(path, each) for each in main.get("imports", ()))
        ]
        texts = [self.tree.files.text(path) or "" for path in sorted(wanted)]
        found = []
        for config in (main, *map(toml.parsed, texts)):
            found += [
                config["plugins"][name].get("containerd", {})
                for name in _PLUGINS
                if name in config.get("plugins", {})
            ]
        return found

    def ctr(self) -> Tuple[int, str, str]:
        """As "ctr plugins ls --detailed" of 1.6 prints it."""
        if not (self.active and self.answers):
            return 1, "", "ctr: cannot access containerd"
        rows = ["Type:          io.containerd.grpc.v1\nID:            tasks\nRequires:      \n  x"]
        rows.append(
            "Type:          io.containerd.snapshotter.v1\nID:            devmapper\n%s"
            % _error("no devmapper")
        )
        rows.append("Type:          io.containerd.grpc.v1\nID:            cri\nPlatforms:     linux/amd64")
        if self.cri:
            rows[-1] += "\n" + _error(self.cri)
        return 0, "\n                      \n".join(rows) + "\n", ""


def _error(message: str) -> str:
    return (
        "Error:         \n               Code:                Unknown\n               Message:             %s"
        % message
    )
