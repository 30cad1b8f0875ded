# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd makes of its files when it starts, and what ctr tells of it then.

Before 2.0 the last file with a plugin has it alone, and its runtimes take the place of containerd's own one:
seen with Debian's 1.6.20 and 1.7.24, and that 2.1.9 merges. Files are read as LoadConfig does.
"""

from __future__ import annotations

import glob
import os
from typing import Any, Dict, List, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._container import toml
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

_PLUGINS = ("io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime")
_NONE = 'invalid plugin config: no corresponding runtime configured for `default_runtime_name = "%s"'


class Containerd:
    """``cri``: why CRI did not load, "" if it did. It runs with what was there before the test."""

    def __init__(self, tree: Tree) -> None:
        self.tree, self.active, self.cri = tree, True, ""
        #: What it made of its files: the default runtime's name and all runtimes.
        self.engine: Dict[str, Any] = {}
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
        engine = own
        for found in plugins:
            engine = _over(engine, found) if merges else {**own, **found}
        self.engine = engine
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
        """What each file says of CRI's runtimes, in the order in which they are read."""
        pending, found = ["/etc/containerd/config.toml"], []
        loaded: "set[str]" = set()
        while pending:
            path = pending.pop(0)
            if path in loaded:
                continue
            text = self.tree.files.text(path)
            if text is None and loaded:
                raise toml.BadToml("open %s: no such file or directory" % path)
            loaded.add(path)
            config = toml.parsed(text or "")
            for name in _PLUGINS:
                if name in config.get("plugins", {}):
                    found.append(config["plugins"][name].get("containerd", {}))
            for each in config.get("imports", ()):
                whole = os.path.normpath(os.path.join(os.path.dirname(path), each))
                real = sorted(glob.glob(str(self.tree.path(whole))))
                pending += [one[len(str(self.tree.root)) :] for one in real] if "*" in each else [whole]
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


def _over(below: Dict[str, Any], above: Dict[str, Any]) -> Dict[str, Any]:
    both = {key: _over(below[key], above[key]) for key in above if isinstance(below.get(key), dict)}
    return {**below, **above, **both}


def _error(message: str) -> str:
    return (
        "Error:         \n               Code:                Unknown\n               Message:             %s"
        % message
    )
