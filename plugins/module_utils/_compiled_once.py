# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Modules that come out of Ansible's zip file are compiled once.

zipimport compiles each twice: importlib asks it for the file's name to describe the module, and
zipimporter.get_filename compiles the source to know it; then the source is compiled to be run. Of modules
that are sent anew with each task that is half of the time they take. Here the name is told without that.
"""

from __future__ import annotations

import sys
import zipimport


class _Importer(zipimport.zipimporter):
    """zipimporter, for archives of sources alone, as Ansible's are."""

    def get_filename(self, fullname: str) -> str:
        """Where a module is; ZipImportError if it is not in the archive."""
        last = fullname.rpartition(".")[2]
        end = "/__init__.py" if self.is_package(fullname) else ".py"
        return "%s/%s%s%s" % (self.archive, self.prefix, last, end)


def compile_once() -> None:
    """For all that is imported from now on; without effect where this file itself did not come from a zip."""
    own = globals().get("__loader__")
    if not isinstance(own, zipimport.zipimporter) or _Importer in sys.path_hooks:
        return
    sys.path_hooks.insert(0, _Importer)
    for path in [path for path in sys.path_importer_cache if path.startswith(own.archive)]:
        del sys.path_importer_cache[path]
