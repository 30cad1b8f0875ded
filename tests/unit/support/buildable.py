# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package that pip builds from source with a backend of its own, which keeps what it was built with."""

from __future__ import annotations

from pathlib import Path

#: What the package has as ``told``: settings and variables of its build.
VARIABLES = ("CUDA_HOME", "TORCH_CUDA_ARCH_LIST", "CXX", "MAX_JOBS", "PATH")
_BACKEND = """
import json, os, zipfile

NAME, VERSION, VARIABLES = {name!r}, {version!r}, {variables!r}

def build_wheel(folder, config_settings=None, metadata_directory=None):
    told = dict((each, os.environ.get(each)) for each in VARIABLES)
    told["settings"] = config_settings or {{}}
    info = "%s-%s.dist-info/" % (NAME, VERSION)
    files = {{
        NAME + ".py": "told = %r\\n" % told,
        info + "METADATA": "Metadata-Version: 2.1\\nName: %s\\nVersion: %s\\n" % (NAME, VERSION),
        info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    files[info + "RECORD"] = "".join("%s,,\\n" % each for each in list(files) + [info + "RECORD"])
    wheel = "%s-%s-py3-none-any.whl" % (NAME, VERSION)
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as archive:
        for each in files:
            archive.writestr(each, files[each])
    return wheel
"""
_PROJECT = """[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def source(folder: Path, name: str, version: str) -> str:
    """Write its source; the requirement that has it built."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(_PROJECT)
    text = _BACKEND.format(name=name, version=version, variables=VARIABLES)
    (folder / "backend.py").write_text(text)
    return "%s @ file://%s" % (name, folder)
