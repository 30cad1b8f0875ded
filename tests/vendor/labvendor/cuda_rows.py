# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's packages of a CUDA toolkit, alike for Ubuntu and Debian.

The names and the split are those of an apt transcript of cuda-toolkit-12-8 12.8.1-1 and of package lists of
11.8, 13.0 and 13.3. Seen dependencies: cuda-12-2 on cuda-runtime-12-2 (>= 12.2.2) and cuda-demo-suite-12-2
(>= 12.2.140), cuda on cuda-12-1 (>= 12.1.1), cuda-toolkit on cuda-toolkit-13-1 (>= 13.1.1), cuda-demo-suite
on cuda-runtime. All others are inferred after these: never "=", so a version goes by name for each package,
and the newest comes where none is named.
"""

from __future__ import annotations

from labvendor.model import Row

_CONFIG = "cuda-toolkit-{d}-config-common, cuda-toolkit-{M}-config-common, cuda-toolkit-config-common"
_JAVA = "the program, which wants a Java runtime"
_NO_CONTENT = "the programs and headers"

#: Runtime libraries: package, component, summary. Each has a -dev beside it.
LIBRARIES = (
    ("libcublas", "libcublas", "CUBLAS"),
    ("libcufft", "libcufft", "CUFFT"),
    ("libcufile", "libcufile", "GPUDirect Storage (cufile)"),
    ("libcurand", "libcurand", "CURAND"),
    ("libcusolver", "libcusolver", "CUDA solver"),
    ("libcusparse", "libcusparse", "CUSPARSE"),
    ("libnpp", "libnpp", "NPP"),
    ("libnvjpeg", "libnvjpeg", "NVJPEG"),
    ("cuda-nvrtc", "nvrtc", "NVRTC"),
    ("cuda-opencl", "base", "CUDA OpenCL"),
)
#: From 12.0 and 12.4 on.
LATER_LIBRARIES = (
    ("libnvjitlink", "libnvjitlink", "NVIDIA compiler library for JIT LTO functionality"),
    ("libnvfatbin", "libnvfatbin", "NVIDIA compiler library for fatbin interaction"),
)


def _row(
    name: str, component: str, summary: str, depends: str = "", payload: str = "", left_out: str = ""
) -> Row:
    return Row(
        name + "-{d}",
        "transcript",
        summary,
        version="{" + component + "}-1",
        section="multiverse/devel",
        depends=depends,
        payload=payload,
        left_out=left_out,
    )


def _meta(name: str, summary: str, *depends: tuple[str, str]) -> Row:
    clauses = ", ".join(f"{part}-{{d}} (>= {{{component}}})" for part, component in depends)
    return _row(name, "v", summary, clauses)


def _pairs(libraries: tuple[tuple[str, str, str], ...]) -> tuple[Row, ...]:
    return tuple(
        row
        for name, component, summary in libraries
        for row in (
            _row(name, component, f"{summary} native runtime libraries", _CONFIG, payload="library"),
            _row(f"{name}-dev", component, f"{summary} native dev links, headers",
                 f"{name}-{{d}} (>= {{{component}}})", payload="library_dev"),
        )
    )  # fmt: skip


def rows(minor: tuple[int, int]) -> tuple[Row, ...]:
    """The packages of a toolkit of that minor version."""
    libraries = LIBRARIES + (LATER_LIBRARIES if minor >= (12, 4) else ())
    runtime = [(name, component) for name, component, _summary in libraries]
    return (
        *_pairs(libraries),
        *_tools(minor),
        _meta("cuda-libraries", "CUDA Libraries meta-package", ("cuda-cudart", "cudart"), *runtime),
        _meta("cuda-libraries-dev", "CUDA Libraries development meta-package",
              ("cuda-cccl", "base"), ("cuda-cudart-dev", "cudart"), ("cuda-driver-dev", "base"),
              ("cuda-profiler-api", "base"), *((f"{name}-dev", part) for name, part in runtime)),
        *_METAPACKAGES,
        *(_WITH_DEMO_SUITE if minor < (13, 0) else _WITHOUT_DEMO_SUITE),
        *_UNVERSIONED,
    )  # fmt: skip


def _tools(minor: tuple[int, int]) -> tuple[Row, ...]:
    """Compiler and tools; eclipse and the old profilers ended with 12, what nvcc is made of split up."""
    old = minor < (13, 0)
    nvcc = ("cuda-crt-{d} (>= {compiler}), cuda-nvvm-{d} (>= {compiler}), " if old else
            "cuda-crt-{d} (>= {compiler}), libnvvm-{d} (>= {compiler}), "
            "libnvptxcompiler-{d} (>= {compiler}), ")  # fmt: skip
    nvvm = ("cuda-nvvm",) if old else ("libnvvm", "libnvptxcompiler")
    parts = () if minor < (12, 3) else ("cuda-crt", *nvvm)
    names = (("cuda-nsight", "base"), ("cuda-nvprof", "base"), ("cuda-nvvp", "compiler")) if old else ()
    return (
        _row("cuda-nvcc", "compiler", "CUDA nvcc",
             (nvcc if parts else "") + "cuda-cudart-dev-{d} (>= {cudart})", payload="nvcc",
             left_out="the compiler: it tells its version and compiles nothing"),
        *(_row(name, "compiler", f"CUDA {name}", left_out=_NO_CONTENT) for name in parts),
        *(_row(name, component, name, left_out=_JAVA) for name, component in names),
        _meta("cuda-command-line-tools", "CUDA command-line tools", ("cuda-cupti-dev", "base"),
              ("cuda-gdb", "base"), ("cuda-nvdisasm", "base"), ("cuda-nvtx", "base"),
              ("cuda-sanitizer", "compiler"), *((("cuda-nvprof", "base"),) if old else ())),
        _meta("cuda-visual-tools", "CUDA visual tools", ("cuda-libraries-dev", "v"),
              ("cuda-nsight-compute", "v"), ("cuda-nsight-systems", "v"), ("cuda-nvml-dev", "base"),
              *((item for item in names if item[0] != "cuda-nvprof"))),
    )  # fmt: skip


# fmt: off
_METAPACKAGES = (
    Row("cuda-toolkit-config-common", "transcript; 000_cuda.conf of 41 bytes", architecture="all",
        summary="Common config package for CUDA Toolkit.", version="{cudart}-1", section="multiverse/devel",
        payload="config"),
    Row("cuda-toolkit-{M}-config-common", "transcript; 989_cuda-11, 988_cuda-12, 987_cuda-13 seen",
        architecture="all", summary="Common config package for CUDA Toolkit {M}.", version="{cudart}-1",
        section="multiverse/devel", payload="config_major"),
    Row("cuda-toolkit-{d}-config-common", "transcript: it sets both alternatives", architecture="all",
        summary="Common config package for CUDA Toolkit {m}.", version="{cudart}-1",
        section="multiverse/devel", payload="config_minor"),
    _row("cuda-cudart", "cudart", "CUDA Runtime native Libraries", _CONFIG, payload="cudart"),
    _row("cuda-cudart-dev", "cudart", "CUDA Runtime native dev links, headers",
         "cuda-cudart-{d} (>= {cudart}), cuda-driver-dev-{d} (>= {base}), cuda-cccl-{d} (>= {base})",
         payload="cudart_dev"),
    _row("cuda-cccl", "base", "CUDA CCCL", left_out="the headers"),
    _row("cuda-driver-dev", "base", "CUDA Driver native dev stub library", payload="driver_dev"),
    _row("cuda-profiler-api", "base", "CUDA Profiler API", left_out="the headers"),
    _row("cuda-cuobjdump", "base", "CUDA cuobjdump", left_out=_NO_CONTENT),
    _row("cuda-cuxxfilt", "base", "CUDA cuxxfilt", left_out=_NO_CONTENT),
    _row("cuda-nvprune", "base", "CUDA nvprune", left_out=_NO_CONTENT),
    _row("cuda-nvdisasm", "base", "CUDA disassembler", left_out=_NO_CONTENT),
    _row("cuda-gdb", "base", "CUDA-GDB", left_out=_NO_CONTENT),
    _row("cuda-sanitizer", "compiler", "CUDA Sanitizer", left_out=_NO_CONTENT),
    _row("cuda-nvtx", "base", "NVIDIA Tools Extension", left_out=_NO_CONTENT),
    _row("cuda-nvml-dev", "base", "NVML native dev links, headers", left_out=_NO_CONTENT),
    _row("cuda-cupti", "base", "CUDA profiling tools runtime libs.", _CONFIG, left_out=_NO_CONTENT),
    _row("cuda-cupti-dev", "base", "CUDA profiling tools interface.", "cuda-cupti-{d} (>= {base})",
         left_out=_NO_CONTENT),
    _row("cuda-documentation", "base", "CUDA documentation", payload="documentation",
         left_out="the documentation; that version.json is in here is inferred"),
    _row("gds-tools", "libcufile", "Tools for GPUDirect Storage", "libcufile-{d} (>= {libcufile})",
         left_out=_NO_CONTENT),
    Row("nsight-compute-{nsight_compute_name}", "transcript", "NVIDIA Nsight Compute",
        version="{nsight_compute}-1", section="multiverse/devel", left_out="the program"),
    Row("nsight-systems-{nsight_systems_name}", "transcript; its long revision left out",
        "NVIDIA Nsight Systems", version="{nsight_systems}-1", section="multiverse/devel",
        left_out="the program"),
    _row("cuda-nsight-compute", "v", "NVIDIA Nsight Compute",
         "nsight-compute-{nsight_compute_name} (>= {nsight_compute})"),
    _row("cuda-nsight-systems", "v", "NVIDIA Nsight Systems",
         "nsight-systems-{nsight_systems_name} (>= {nsight_systems})"),
    _meta("cuda-compiler", "CUDA compiler", ("cuda-cuobjdump", "base"), ("cuda-cuxxfilt", "base"),
          ("cuda-nvcc", "compiler"), ("cuda-nvprune", "base")),
    _meta("cuda-minimal-build", "Minimal CUDA toolkit build packages.", ("cuda-cudart-dev", "cudart"),
          ("cuda-nvcc", "compiler")),
    _meta("cuda-tools", "CUDA Tools meta-package", ("cuda-command-line-tools", "v"),
          ("cuda-visual-tools", "v"), ("gds-tools", "libcufile")),
    _meta("cuda-toolkit", "CUDA Toolkit {m} meta-package", ("cuda-compiler", "v"),
          ("cuda-documentation", "base"), ("cuda-libraries", "v"), ("cuda-libraries-dev", "v"),
          ("cuda-nvml-dev", "base"), ("cuda-tools", "v")),
    _row("cuda-runtime", "v", "CUDA Runtime {m} meta-package",
         "{metapackage} (>= {driver}), cuda-libraries-{d} (>= {v})"),
    Row("cuda-compat-{d}", "550.54.15-1, 570.86.10-0ubuntu1, 570.124.06-0ubuntu1, 580.95.05-0ubuntu1 by name",
        "CUDA Compatibility Platform", version="{compat}", section="multiverse/devel", payload="compat",
        left_out="the driver libraries: stubs that run nothing"),
)
_WITH_DEMO_SUITE = (
    _row("cuda-demo-suite", "base", "Demo suite for CUDA", "cuda-runtime-{d}", left_out="the programs"),
    _meta("cuda", "CUDA {m} meta-package", ("cuda-runtime", "v"), ("cuda-toolkit", "v"),
          ("cuda-demo-suite", "base")),
)
_WITHOUT_DEMO_SUITE = (
    _meta("cuda", "CUDA {m} meta-package", ("cuda-runtime", "v"), ("cuda-toolkit", "v")),
)
_UNVERSIONED = (
    Row("cuda-toolkit-{M}", "ami (cuda-toolkit-13 13.0.0-1)", "CUDA Toolkit {M} meta-package",
        version="{v}-1", section="multiverse/devel", depends="cuda-toolkit-{d} (>= {v})"),
    Row("cuda-toolkit", "apt info: cuda-toolkit 13.1.1-1", "CUDA Toolkit meta-package", version="{v}-1",
        section="multiverse/devel", depends="cuda-toolkit-{d} (>= {v})"),
    Row("cuda", "Packages excerpt: cuda 12.1.1-1", "CUDA meta-package", version="{v}-1",
        section="multiverse/devel", depends="cuda-{d} (>= {v})"),
)
# fmt: on
