# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the packages of a CUDA toolkit install; whole() is the same tree in one, for the runfile.

The libraries are small ELF files with the real names and sonames; libcudart and nvcc tell their version.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from labvendor.compile import Compiler
from labvendor.cuda_rows import LATER_LIBRARIES, LIBRARIES
from labvendor.deb import Content, Entry
from labvendor.files import Variables, script, text
from labvendor.toolkits import Toolkit

TARGET = "targets/x86_64-linux"
TRIGGER = (("triggers", "activate-noawait ldconfig\n"),)
#: Libraries of a package, where they are not just the package's name.
FILES = {
    "libcublas": ("libcublas", "libcublasLt"),
    "libcufft": ("libcufft", "libcufftw"),
    "libcufile": ("libcufile", "libcufile_rdma"),
    "libcusolver": ("libcusolver", "libcusolverMg"),
    "libnpp": ("libnppc", "libnppi"),
    "libnvjitlink": ("libnvJitLink",),
    "cuda-nvrtc": ("libnvrtc",),
    "cuda-opencl": ("libOpenCL",),
}
#: Number of the soname, where it is not the first of the version.
SONAMES = {"libcufile": "0", "libcufile_rdma": "1", "libOpenCL": "1"}
SONAMES_11 = {"libcudart": "11.0", "libnvrtc": "11.2"}
#: Order of ld.so.conf.d: 989_cuda-11.conf, 988_cuda-12.conf and 987_cuda-13.conf were seen.
LAST_IN_ORDER = 1000
COMPONENTS = {
    "cudart": ("cuda_cudart", "CUDA Runtime (cudart)"),
    "compiler": ("cuda_nvcc", "CUDA NVCC"),
    "libcublas": ("libcublas", "CUDA cuBLAS"),
    "libcufft": ("libcufft", "CUDA cuFFT"),
    "libcufile": ("libcufile", "GPUDirect Storage (cufile)"),
    "libcurand": ("libcurand", "CUDA cuRAND"),
    "libcusolver": ("libcusolver", "CUDA cuSOLVER"),
    "libcusparse": ("libcusparse", "CUDA cuSPARSE"),
    "libnpp": ("libnpp", "CUDA NPP"),
    "libnvfatbin": ("libnvfatbin", "NVIDIA compiler library for fatbin interaction"),
    "libnvjitlink": ("libnvjitlink", "NVIDIA compiler library for JIT LTO functionality"),
    "libnvjpeg": ("libnvjpeg", "CUDA nvJPEG"),
    "driver": ("nvidia_driver", "NVIDIA Linux Driver"),
}


def home(var: Variables) -> str:
    """The root of the toolkit."""
    return f"/usr/local/cuda-{var['m']}"


def _lib(var: Variables) -> str:
    return f"{home(var)}/{TARGET}/lib"


def _soname(name: str, version: str) -> str:
    special = {**SONAMES, **(SONAMES_11 if version.startswith("11.") else {})}
    return f"{name}.so.{special.get(name, version.split('.')[0])}"


def _shared(var: Variables, name: str, version: str, data: bytes) -> tuple[Entry, ...]:
    soname, full = _soname(name, version), f"{name}.so.{version}"
    return (Entry(f"{_lib(var)}/{full}", data), Entry(f"{_lib(var)}/{soname}", link=full))


def _package(var: Variables) -> tuple[tuple[str, ...], str]:
    """The libraries of the package that is being made, and their version."""
    name = var["package"].removesuffix(f"-{var['d']}").removesuffix("-dev")
    component = {item: key for item, key, _summary in LIBRARIES + LATER_LIBRARIES}[name]
    return FILES.get(name, (name,)), var[component]


def library(var: Variables, compiler: Compiler) -> Content:
    """The runtime libraries of a package."""
    names, version = _package(var)
    files = [
        entry
        for name in names
        for entry in _shared(var, name, version, compiler.library(_soname(name, version)))
    ]
    if var["package"].startswith("libcufile"):
        files.append(text(f"/etc/ld.so.conf.d/gds-{var['d']}.conf", f"{_lib(var)}\n"))
    return Content(tuple(files), TRIGGER)


def library_dev(var: Variables, _compiler: Compiler) -> Content:
    """The links that a linker looks for."""
    names, version = _package(var)
    return Content(tuple(Entry(f"{_lib(var)}/{name}.so", link=_soname(name, version)) for name in names))


def cudart(var: Variables, compiler: Compiler) -> Content:
    """libcudart, which tells its version, and lib64."""
    soname = _soname("libcudart", var["cudart"])
    data = compiler.library(soname, CUDART=_number(var["m"]))
    return Content(
        (
            *_shared(var, "libcudart", var["cudart"], data),
            Entry(f"{home(var)}/lib64", link=f"{TARGET}/lib"),
        ),
        TRIGGER,
    )


def _number(minor: str) -> str:
    """12080 of 12.8."""
    major, _dot, rest = minor.partition(".")
    return str(int(major) * 1000 + int(rest) * 10)


def cudart_dev(var: Variables, _compiler: Compiler) -> Content:
    """The header that names the version, and the links."""
    header = f"#ifndef CUDART_VERSION\n#define CUDART_VERSION {_number(var['m'])}\n#endif\n"
    return Content(
        (
            text(f"{home(var)}/{TARGET}/include/cuda_runtime_api.h", header),
            Entry(f"{home(var)}/include", link=f"{TARGET}/include"),
            Entry(f"{_lib(var)}/libcudart.so", link=_soname("libcudart", var["cudart"])),
        )
    )


def driver_dev(var: Variables, compiler: Compiler) -> Content:
    """The stub that programs are linked with, and cuda.h."""
    header = f"#ifndef CUDA_VERSION\n#define CUDA_VERSION {_number(var['m'])}\n#endif\n"
    return Content(
        (
            text(f"{home(var)}/{TARGET}/include/cuda.h", header),
            Entry(f"{_lib(var)}/stubs/libcuda.so", compiler.library("libcuda.so.1")),
        )
    )


def nvcc(var: Variables, compiler: Compiler) -> Content:
    """nvcc, which tells its version in the real words."""
    program = compiler.program(
        "nvcc", var["compiler"], RELEASE=var["m"], BUILT=var["built"], BUILD=var["build"]
    )
    return Content(
        (
            Entry(f"{home(var)}/bin/nvcc", program, mode=0o755),
            text(f"{home(var)}/bin/nvcc.profile", "TOP = $(_HERE_)/..\n"),
        )
    )


def documentation(var: Variables, _compiler: Compiler) -> Content:
    """EULA.txt and version.json."""
    versions = {"cuda": {"name": "CUDA SDK", "version": var["v"]}}
    versions.update(
        {key: {"name": name, "version": var[part]} for part, (key, name) in COMPONENTS.items() if part in var}
    )
    return Content(
        (
            text(f"{home(var)}/version.json", json.dumps(versions, indent=3) + "\n"),
            text(f"{home(var)}/EULA.txt", "There is no NVIDIA code here; see the copyright file.\n"),
        )
    )


def compat(var: Variables, compiler: Compiler) -> Content:
    """The driver library of the toolkit's own branch, outside of the loader's way."""
    where, full = f"{home(var)}/compat", f"libcuda.so.{var['compat'].partition('-')[0]}"
    return Content(
        (
            Entry(f"{where}/{full}", compiler.library("libcuda.so.1")),
            Entry(f"{where}/libcuda.so.1", link=full),
            Entry(f"{where}/libcuda.so", link="libcuda.so.1"),
        )
    )


def config(_var: Variables, _compiler: Compiler) -> Content:
    """Where the loader finds the default toolkit."""
    return Content((text("/etc/ld.so.conf.d/000_cuda.conf", f"/usr/local/cuda/{TARGET}/lib\n"),), TRIGGER)


def config_major(var: Variables, _compiler: Compiler) -> Content:
    """Where the loader finds the newest toolkit of a major version."""
    name = f"/etc/ld.so.conf.d/{LAST_IN_ORDER - int(var['M'])}_cuda-{var['M']}.conf"
    return Content((text(name, f"/usr/local/cuda-{var['M']}/{TARGET}/lib\n"),), TRIGGER)


def config_minor(var: Variables, _compiler: Compiler) -> Content:
    """The two alternatives."""
    values = {"HOME": home(var), "MAJOR": var["M"], "PRIORITY": var["m"].replace(".", "")}
    return Content(
        (),
        tuple((name, script(f"cuda-config.{name}", **values)) for name in ("postinst", "prerm")),
    )


def whole(toolkit: Toolkit, compiler: Compiler) -> tuple[Entry, ...]:
    """Everything below the toolkit's root, as its installer lays it down; paths are relative to the root."""
    var = {**toolkit.variables(), "built": toolkit.built, "build": toolkit.build}
    made = [part(var, compiler) for part in (cudart, cudart_dev, driver_dev, nvcc, documentation)]
    for name, component, _summary in LIBRARIES + LATER_LIBRARIES:
        if component in var and component != "base":
            named = {**var, "package": f"{name}-{var['d']}"}
            made += [library(named, compiler), library_dev(named, compiler)]
    root = home(var) + "/"
    return tuple(
        Entry(entry.path.removeprefix(root), entry.data, entry.link, entry.mode)
        for content in made
        for entry in content.files
        if entry.path.startswith(root)
    )


PAYLOADS: dict[str, Callable[[Variables, Compiler], Content]] = {
    function.__name__: function
    for function in (
        library,
        library_dev,
        cudart,
        cudart_dev,
        driver_dev,
        nvcc,
        documentation,
        compat,
        config,
        config_major,
        config_minor,
    )
}
