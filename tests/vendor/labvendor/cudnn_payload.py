# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the packages of cuDNN install.

Paths and names: files of an image layer with libcudnn9-cuda-12 9.7.0 and its -dev, PyTorch's environment
reports with 9.10.2 and 9.17.0, symlinks to /etc/alternatives in container file lists.
"""

from __future__ import annotations

from collections.abc import Callable

from labvendor.compile import Compiler
from labvendor.deb import Content, Entry
from labvendor.files import Variables, script, text

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
HEADERS = "/usr/include/x86_64-linux-gnu"
TRIGGER = (("triggers", "activate-noawait ldconfig\n"),)
#: Parts of each major version, the first is the library itself.
PARTS = {
    "8": ("", "_adv_infer", "_adv_train", "_cnn_infer", "_cnn_train", "_ops_infer", "_ops_train"),
    "9": (
        "",
        "_adv",
        "_cnn",
        "_engines_precompiled",
        "_engines_runtime_compiled",
        "_graph",
        "_heuristic",
        "_ops",
    ),
}
HEADER_PARTS = {
    "8": (*PARTS["8"], "_backend", "_version"),
    "9": ("", "_adv", "_backend", "_cnn", "_graph", "_ops", "_version"),
}


def shared(var: Variables, compiler: Compiler) -> dict[str, bytes]:
    """File name to library: the first tells the version, all have their sonames."""
    answers = {"CUDNN": var["number"], "BUILT_WITH": var["built_with"]}
    return {
        f"libcudnn{part}.so.{var['short']}": compiler.library(
            f"libcudnn{part}.so.{var['n']}", **({} if part else answers)
        )
        for part in PARTS[var["n"]]
    }


def soname(name: str) -> str:
    """libcudnn.so.9 of libcudnn.so.9.10.2."""
    head, _so, version = name.partition(".so.")
    return f"{head}.so.{version.split('.')[0]}"


def headers(var: Variables) -> dict[str, str]:
    """Header without its version to its text."""
    major, minor, patch = var["short"].split(".")
    formula = "(CUDNN_MAJOR * {} + CUDNN_MINOR * 100 + CUDNN_PATCHLEVEL)".format(
        "1000" if major == "8" else "10000"
    )
    found = {f"cudnn{part}": f"/* Simulated: cuDNN {var['short']} */\n" for part in HEADER_PARTS[var["n"]]}
    found["cudnn"] += '#include "cudnn_version.h"\n#include <stddef.h>\nsize_t cudnnGetVersion(void);\n'
    found["cudnn_version"] = (
        f"#ifndef CUDNN_VERSION_H_\n#define CUDNN_VERSION_H_\n\n#define CUDNN_MAJOR {major}\n"
        f"#define CUDNN_MINOR {minor}\n#define CUDNN_PATCHLEVEL {patch}\n\n"
        f"#define CUDNN_VERSION {formula}\n\n#endif\n"
    )
    return found


def cudnn(var: Variables, compiler: Compiler) -> Content:
    """The runtime libraries."""
    files = [
        entry
        for name, data in shared(var, compiler).items()
        for entry in (
            Entry(f"{LIBRARIES}/{name}", data),
            Entry(f"{LIBRARIES}/{soname(name)}", link=name),
        )
    ]
    return Content(tuple(files), TRIGGER)


def cudnn_headers(var: Variables, _compiler: Compiler) -> Content:
    """The headers, named after the major version."""
    return Content(
        tuple(text(f"{HEADERS}/{name}_v{var['n']}.h", content) for name, content in headers(var).items())
    )


def cudnn_links(var: Variables, _compiler: Compiler) -> Content:
    """Only the alternatives, one group: cudnn.h and all that goes with it."""
    slaves = [
        (f"/usr/include/{name}.h", f"{name}_h", f"{HEADERS}/{name}_v{var['n']}.h")
        for name in headers(var)
        if name != "cudnn"
    ]
    slaves += [
        (f"{LIBRARIES}/libcudnn{part}.so", f"libcudnn{part}_so", f"{LIBRARIES}/libcudnn{part}.so.{var['n']}")
        for part in PARTS[var["n"]]
    ]
    lines = " \\\n".join(f"        --slave {' '.join(slave)}" for slave in slaves)
    values = {"HEADER": f"{HEADERS}/cudnn_v{var['n']}.h", "PRIORITY": f"{var['n']}0", "SLAVES": lines}
    return Content((), tuple((name, script(f"cudnn-dev.{name}", **values)) for name in ("postinst", "prerm")))


def cudnn_dev(var: Variables, compiler: Compiler) -> Content:
    """Headers and alternatives."""
    return Content(cudnn_headers(var, compiler).files, cudnn_links(var, compiler).scripts)


PAYLOADS: dict[str, Callable[[Variables, Compiler], Content]] = {
    function.__name__: function for function in (cudnn, cudnn_headers, cudnn_links, cudnn_dev)
}
