# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Content of the packages of one kernel: headers, image, and NVIDIA's modules, built and signed."""

from __future__ import annotations

from labvendor.compile import Compiler
from labvendor.deb import Content, Entry
from labvendor.files import Variables, script, text

MODULES = ("nvidia", "nvidia-drm", "nvidia-modeset", "nvidia-peermem", "nvidia-uvm")


def linux_headers(var: Variables, _compiler: Compiler) -> Content:
    """What dkms looks at: the build link, a configuration and the release."""
    kernel = var["release"]
    where = f"/usr/src/linux-headers-{kernel}"
    return Content(
        (
            text(f"{where}/.config", 'CONFIG_MODULES=y\nCONFIG_MODULE_SIG_HASH="sha512"\n'),
            text(f"{where}/Makefile", "# The simulated modules need no kernel build system.\n"),
            text(f"{where}/include/config/kernel.release", f"{kernel}\n"),
            text(f"{where}/include/generated/utsrelease.h", f'#define UTS_RELEASE "{kernel}"\n'),
            Entry(f"/lib/modules/{kernel}/build", link=where),
        ),
        (("postinst", script("linux-headers.postinst", KERNEL=kernel)),),
    )


def linux_image(var: Variables, _compiler: Compiler) -> Content:
    """A kernel as far as depmod, dkms and the boot directory can see one."""
    kernel = var["release"]
    scripts = ("postinst", "prerm", "postrm")
    return Content(
        (
            text(f"/boot/config-{kernel}", "CONFIG_MODULES=y\n"),
            text(f"/boot/vmlinuz-{kernel}", "The host's kernel runs here.\n"),
            text(f"/lib/modules/{kernel}/modules.order", ""),
            text(f"/lib/modules/{kernel}/modules.builtin", ""),
            text(f"/lib/modules/{kernel}/modules.builtin.modinfo", ""),
        ),
        tuple((name, script(f"linux-image.{name}", KERNEL=kernel)) for name in scripts),
    )


def _directory(var: Variables) -> str:
    return f"/lib/modules/{var['release']}/kernel/nvidia-{var['b']}{var['srv']}{var['x']}"


def linux_objects(var: Variables, compiler: Compiler) -> Content:
    """The proprietary modules without their signatures, and the script that joins them."""
    where = f"{_directory(var)}/bits"
    objects = [
        Entry(f"{where}/{name}.o", compiler.module(f"{name}.ko", var["v"], "NVIDIA", var["release"]))
        for name in MODULES
    ]
    return Content((*objects, text(f"{where}/BUILD", script("linux-objects.BUILD"))))


def linux_objects_open(var: Variables, compiler: Compiler) -> Content:
    """The open modules, signed."""
    found = []
    for name in MODULES:
        module = compiler.module(f"{name}.ko", var["v"], "Dual MIT/GPL", var["release"])
        found.append(Entry(f"{_directory(var)}/{name}.ko", module + compiler.signature(module)))
    return Content(tuple(found))


def linux_signatures(var: Variables, compiler: Compiler) -> Content:
    """The signatures of the proprietary modules of every series."""
    found = []
    for item in var["series"].split():
        series, version = item.split("=")
        where = f"/lib/modules/{var['release']}/kernel/nvidia-{series}/bits"
        for name in MODULES:
            module = compiler.module(f"{name}.ko", version, "NVIDIA", var["release"])
            found.append(Entry(f"{where}/{name}.ko.sig", compiler.signature(module)))
    return Content(tuple(found))


def linux_modules(var: Variables, _compiler: Compiler) -> Content:
    """The two scripts that make the modules of the objects, and take them away."""
    values = {"KERNEL": var["release"], "DIRECTORY": _directory(var)}
    return Content(
        (), tuple((name, script(f"linux-modules.{name}", **values)) for name in ("postinst", "prerm"))
    )
