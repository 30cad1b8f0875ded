# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each package installs and runs: one function for each payload name of the table."""

from __future__ import annotations

from collections.abc import Callable

from labvendor import container_payload, cuda_payload, cudnn_payload, kernels
from labvendor.compile import BuildError, Compiler
from labvendor.deb import Content, Entry
from labvendor.files import Variables, file, script, text
from labvendor.model import Package

PIN_FILE = "/etc/apt/preferences.d/nvidia-driver-pin"
NVLSM = "/opt/nvidia/nvlsm/sbin/nvlsm"
PERSISTENCED = "nvidia-persistenced.service"
LIBRARIES = "/usr/lib/x86_64-linux-gnu"


def content(item: Package, compiler: Compiler) -> Content:
    """The content of one package; every package has its documentation directory."""
    doc = Entry(
        f"/usr/share/doc/{item.name}/copyright",
        b"Made by labfleet.gpu for tests, GPL-3.0-or-later. No NVIDIA code is in this package.\n",
    )
    if not item.payload:
        return Content((doc,))
    try:
        make = PAYLOADS[item.payload]
    except KeyError:
        raise BuildError(f"{item.name}: payload.py has no '{item.payload}', correct the table.") from None
    made = make(dict(item.variables), compiler)
    return Content((doc, *made.files), made.scripts)


def dkms_name(var: Variables) -> str:
    """What dkms calls the module: the archive's server series has a name of its own."""
    return var.get("dkms", "nvidia")


def kernel_source(var: Variables, _compiler: Compiler) -> Content:
    """Source of the five modules; version and licence are the flavour's."""
    where = f"/usr/src/{dkms_name(var)}-{var['v']}"
    licence = "Dual MIT/GPL" if var["x"] else "NVIDIA"
    return Content(
        (
            text(f"{where}/Makefile", file("kernel_source", "Makefile")),
            text(f"{where}/module.c", file("kernel_source", "module.c")),
            text(f"{where}/version.mk", f"VERSION = {var['v']}\nLICENSE = {licence}\n"),
        )
    )


def dkms(var: Variables, _compiler: Compiler) -> Content:
    """dkms.conf beside the source, as the template has it, and the two scripts that call dkms."""
    return Content(
        (
            text(
                f"/usr/src/{dkms_name(var)}-{var['v']}/dkms.conf",
                file("kernel_source", "dkms.conf.in", VERSION=var["v"], NAME=dkms_name(var)),
            ),
        ),
        (
            ("postinst", script("nvidia-dkms.postinst", VERSION=var["v"], NAME=dkms_name(var))),
            ("prerm", script("nvidia-dkms.prerm", VERSION=var["v"], NAME=dkms_name(var))),
        ),
    )


def kernel_common(_var: Variables, _compiler: Compiler) -> Content:
    """Nouveau off, and the udev rule that would start the persistence daemon."""
    return Content(
        (
            text(
                "/lib/modprobe.d/nvidia-graphics-drivers.conf",
                "".join(
                    f"{word}\n"
                    for word in (
                        "blacklist nouveau",
                        "blacklist lbm-nouveau",
                        "alias nouveau off",
                        "alias lbm-nouveau off",
                    )
                ),
            ),
            text(
                "/lib/udev/rules.d/71-nvidia.rules",
                'ACTION=="add", DEVPATH=="/bus/pci/drivers/nvidia", TAG+="systemd", '
                f'ENV{{SYSTEMD_WANTS}}="{PERSISTENCED}"\n',
            ),
        ),
        (("postinst", script("nvidia-kernel-common.postinst")),),
    )


def libnvidia_ml(var: Variables, compiler: Compiler) -> Content:
    """The simulated NVML library."""
    library = f"libnvidia-ml.so.{var['v']}"
    return Content(
        (
            Entry(f"{LIBRARIES}/{library}", compiler.nvml(var["v"])),
            Entry(f"{LIBRARIES}/libnvidia-ml.so.1", link=library),
        ),
        (("triggers", "activate-noawait ldconfig\n"),),
    )


def utils(var: Variables, compiler: Compiler) -> Content:
    """nvidia-smi."""
    return Content((Entry("/usr/bin/nvidia-smi", compiler.smi(var["v"]), mode=0o755),))


def modprobe(_var: Variables, _compiler: Compiler) -> Content:
    """nvidia-modprobe, which gpu-simulator plays."""
    script_text = '#!/bin/sh\nexec /usr/sbin/gpu-simulator nvidia-modprobe "$@"\n'
    return Content((text("/usr/bin/nvidia-modprobe", script_text, mode=0o755),))


def persistenced(var: Variables, compiler: Compiler) -> Content:
    """The persistence daemon and its unit."""
    unit = (
        "[Unit]\nDescription=NVIDIA Persistence Daemon\nAfter=syslog.target\n\n"
        "[Service]\nType=forking\nPIDFile=/run/nvidia-persistenced/nvidia-persistenced.pid\nRestart=always\n"
        "ExecStart=/usr/bin/nvidia-persistenced --verbose\nTimeoutSec=300\n\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    return Content(
        (
            Entry(
                "/usr/bin/nvidia-persistenced", compiler.program("nvidia-persistenced", var["v"]), mode=0o755
            ),
            text(f"/lib/systemd/system/{PERSISTENCED}", unit),
        ),
        (
            ("postinst", script("nvidia-persistenced.postinst")),
            ("prerm", script("service.prerm", UNIT=PERSISTENCED)),
            ("postrm", script("service.postrm", UNIT=PERSISTENCED)),
        ),
    )


def fabricmanager(var: Variables, compiler: Compiler) -> Content:
    """Fabric manager and its unit, which an admin enables."""
    name = "nvidia-fabricmanager.service"
    unit = (
        "[Unit]\nDescription=NVIDIA fabric manager service\nAfter=network-online.target\n"
        "Requires=network-online.target\n\n"
        "[Service]\nType=forking\nPIDFile=/run/nvidia-fabricmanager/nv-fabricmanager.pid\n"
        "ExecStart=/usr/bin/nv-fabricmanager\nTimeoutStartSec=60\n\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    return Content(
        (
            Entry("/usr/bin/nv-fabricmanager", compiler.program("nv-fabricmanager", var["v"]), mode=0o755),
            text(f"/lib/systemd/system/{name}", unit),
        ),
        (("prerm", script("service.prerm", UNIT=name)), ("postrm", script("service.postrm", UNIT=name))),
    )


def firmware(var: Variables, _compiler: Compiler) -> Content:
    """A stand-in for the firmware, at the path that two vendors' packages of one version dispute."""
    return Content((text(f"/lib/firmware/nvidia/{var['v']}/gsp_ga10x.bin", "There is no GSP here.\n"),))


def cfg(var: Variables, _compiler: Compiler) -> Content:
    """A stand-in for libnvidia-cfg, at its real path."""
    return Content((text(f"{LIBRARIES}/libnvidia-cfg.so.{var['v']}", "Not a library.\n"),))


def compute_with_tools(var: Variables, compiler: Compiler) -> Content:
    """NVML and nvidia-smi in one package."""
    library, tools = libnvidia_ml(var, compiler), utils(var, compiler)
    return Content((*library.files, *tools.files), library.scripts)


def whole_dkms(var: Variables, compiler: Compiler) -> Content:
    """Source and dkms.conf in one package, as Debian has it."""
    source, build = kernel_source(var, compiler), dkms(var, compiler)
    return Content((*source.files, *build.files), build.scripts)


def kernel_support(var: Variables, compiler: Compiler) -> Content:
    """Nouveau off in a file of the admin's directory, and the udev rule."""
    common = kernel_common(var, compiler)
    blacklist, rule = common.files
    return Content(
        (Entry("/etc/modprobe.d/nvidia.conf", blacklist.data), rule),
        common.scripts,
    )


def nvlsm(var: Variables, compiler: Compiler) -> Content:
    """The NVLink subnet manager, which fabric manager starts."""
    return Content((Entry(NVLSM, compiler.program("nvlsm", var["date"]), mode=0o755),))


def _pin(pattern: str) -> Content:
    stanza = (
        f"Package: *nvidia* cuda-drivers* libcuda1 libnvsdm\nPin: version {pattern}\nPin-Priority: 1000\n"
    )
    return Content((text(PIN_FILE, stanza),))


def pin_branch(var: Variables, _compiler: Compiler) -> Content:
    """Any version of the branch (priority and file: guide; the package patterns are ours)."""
    return _pin(f"{var['b']}.*")


def pin_version(var: Variables, _compiler: Compiler) -> Content:
    """Exactly this version."""
    return _pin(f"{var['v']}-*")


PAYLOADS: dict[str, Callable[[Variables, Compiler], Content]] = {
    function.__name__: function
    for function in (
        kernel_source,
        dkms,
        kernel_common,
        libnvidia_ml,
        utils,
        modprobe,
        persistenced,
        fabricmanager,
        firmware,
        cfg,
        compute_with_tools,
        whole_dkms,
        kernel_support,
        nvlsm,
        pin_branch,
        pin_version,
        kernels.linux_headers,
        kernels.linux_image,
        kernels.linux_objects,
        kernels.linux_objects_open,
        kernels.linux_signatures,
        kernels.linux_modules,
    )
}
PAYLOADS.update({**container_payload.PAYLOADS, **cuda_payload.PAYLOADS, **cudnn_payload.PAYLOADS})
