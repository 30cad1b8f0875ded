# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.labfleet.gpu.plugins.module_utils._simulator_files import File, Wish, pack

_FILE, _PROGRAM = 0o644, 0o755
_DICTIONARY = {"type": "dict", "default": {}}
OPTIONS: dict[str, dict[str, Any]] = {
    "directories": _DICTIONARY,
    "files": _DICTIONARY,
    "programs": _DICTIONARY,
    "texts": _DICTIONARY,
    "validate": _DICTIONARY,
    "absent": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ActionBase):
    """Packs files of the role, so that the module has them all in one call."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _result, given = self.validate_argument_spec(argument_spec=OPTIONS)
        packed = pack(self._wish(given))
        return self._execute_module(
            module_args={**given, "packed": packed}, task_vars=task_vars, wrap_async=self._task.async_val
        )

    def _wish(self, given: dict[str, Any]) -> Wish:
        wish = Wish(absent=list(given["absent"]))
        for directory, sources in given["directories"].items():
            wish.directories.append(directory)
            for source in [sources] if isinstance(sources, str) else sources:
                self._add(wish, directory, self._found(source))
        for mode, option in ((_FILE, "files"), (_PROGRAM, "programs")):
            for path, source in given[option].items():
                self._add_file(wish, path, self._found(source), mode)
        for path, text in given["texts"].items():
            self._add_content(wish, path, text.encode("utf-8"), _FILE, "a text")
        for path in (*wish.files, *wish.directories, *wish.absent):
            if not os.path.isabs(path) or os.path.normpath(path) != path:
                raise AnsibleActionFail(f"'{path}' is no plain absolute path: write it from / on.")
        return wish

    def _found(self, source: str) -> str:
        """The path on the controller; raises AnsibleFileNotFound with all places that were looked at."""
        return self._find_needle("files", source)

    def _add(self, wish: Wish, directory: str, source: str) -> None:
        """A file, or all that is in a directory, into a directory of the node."""
        if not os.path.isdir(source):
            self._add_file(wish, f"{directory}/{os.path.basename(source)}", source, _FILE)
            return
        for below, file in _walk(source):
            place = os.path.join(directory, below) if below else directory
            if file:
                self._add_file(wish, f"{place}/{file}", os.path.join(source, below, file), _FILE)
            elif below:
                wish.directories.append(place)

    def _add_file(self, wish: Wish, path: str, source: str, mode: int) -> None:
        with open(self._loader.get_real_file(source), "rb") as handle:
            self._add_content(wish, path, handle.read(), mode, source)

    def _add_content(self, wish: Wish, path: str, content: bytes, mode: int, source: str) -> None:
        if path in wish.files:
            raise AnsibleActionFail(f"Two files would become {path}, one of them {source}: rename one.")
        wish.files[path] = File(content, mode)


def _walk(top: str) -> Iterator[tuple[str, str]]:
    """Relative paths: each directory below ``top`` as (path, ""), each file as (path of its directory, name).

    What Python compiled on the controller is nothing that anybody ships.
    """
    for folder, folders, files in os.walk(top, followlinks=True):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        below = os.path.relpath(folder, top) if folder != top else ""
        yield below, ""
        yield from ((below, name) for name in sorted(files))
