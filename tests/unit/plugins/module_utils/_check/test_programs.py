# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of what is run: a compiler, its sample, cuDNN; and how programs are run."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._check.programs import Programs, private_directory
from ansible_collections.labfleet.gpu.plugins.module_utils._check.row import FAILED, OK, SKIPPED
from ansible_collections.labfleet.gpu.tests.unit.support.check_node import CheckNode, Machine

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100, T4 = "a100-sxm4-40gb", "t4"
HOME = "/usr/local/cuda-12.4"
#: A compiler that makes a program which says the given lines. It wants the sample, and the GPUs of the node.
NVCC = """#!/bin/sh
for word; do case "$word" in */sample) grep -q cudaGetDeviceCount "$word" || exit 3;; esac; done
echo "$@" > %(log)s
while [ "$1" != -o ]; do shift; done
cat > "$2" << 'END'
#!/bin/sh
%(program)s
END
chmod 755 "$2"
"""


def toolkit(gpus: CheckNode, program: str, nvcc: str = NVCC, home: str = HOME) -> Path:
    """A toolkit whose compiler makes this program; where it notes how it was called."""
    log = gpus.tree.path("/nvcc.log")
    path = gpus.tree.write(
        home + "/bin/nvcc", nvcc % {"program": program, "log": log} if "%(" in nvcc else nvcc
    )
    path.chmod(0o755)
    gpus.tree.write(home + "/lib64/libcudart.so.12")
    return log


def lines(*said: str) -> str:
    return "\n".join("echo 'labfleet-gpu %s'" % each for each in said)


def test_it_compiles_and_runs(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.add(T4)
    log = toolkit(gpus, lines("count 2", "0 ok", "1 ok"))
    compiles, runs = gpus.rows("toolkits")
    assert (compiles.result, compiles.subject) == (OK, "CUDA 12.4 (%s)" % HOME)
    assert compiles.reason == "nvcc compiles for compute capability 7.5, 8.0"
    assert (runs.result, runs.reason) == (OK, "the sample is right on 2 devices")
    words = log.read_text(encoding="utf-8")
    assert words.startswith("-gencode=arch=compute_75,code=sm_75 -gencode=arch=compute_80,code=sm_80 -o ")
    directory = os.path.dirname(words.split()[-1])
    assert "labfleet-gpu-check-" in directory and not os.path.exists(directory), "nothing is left behind"


@pytest.mark.parametrize(
    "nvcc, reason, what",
    [
        (
            "#!/bin/sh\necho \"nvcc fatal   : Unsupported gpu architecture 'compute_80'\" >&2; exit 1\n",
            "nvcc ended with 1: nvcc fatal   : Unsupported gpu architecture 'compute_80'",
            "have a toolkit that knows these GPUs",
        ),
        (
            "#!/bin/sh\necho 'sh: 1: g++: not found' >&2; exit 127\n",
            "nvcc ended with 127: sh: 1: g++: not found",
            "have the toolkit and a compiler (g++) whole",
        ),
        ("#!/bin/sh\nexit 2\n", "nvcc ended with 2: nothing said", "by hand with " + HOME),
        ("#!/bin/sh\nexec sleep 20\n", "nvcc did not end in time", "set time_limit higher"),
    ],
)
def test_it_does_not_compile(gpus: CheckNode, nvcc: str, reason: str, what: str) -> None:
    gpus.add(A100)
    toolkit(gpus, "", nvcc)
    compiles, runs = gpus.rows("toolkits", time_limit=1)
    assert (compiles.result, compiles.reason) == (FAILED, reason) and what in compiles.next
    assert (runs.result, runs.reason) == (SKIPPED, "nothing was compiled")


@pytest.mark.parametrize(
    "program, reason",
    [
        (lines("trouble cudaErrorInsufficientDriver"), "CUDA does not start: cudaErrorInsufficientDriver"),
        (lines("count 1", "0 wrong"), "the sample gave wrong on device 0"),
        (lines("count 1", "0 cudaErrorNoKernelImageForDevice"), "the sample gave cudaErrorNoKernelImage"),
        (lines("count 2", "0 ok", "1 ok"), "CUDA sees 2 GPUs, and NVML 1"),
        (lines("count 0"), "CUDA sees 0 GPUs, and NVML 1"),
        ("echo broken >&2; kill -SEGV $$", "the sample ended with"),
        ("exec sleep 20", "the sample did not end in time"),
    ],
)
def test_it_does_not_run(gpus: CheckNode, program: str, reason: str) -> None:
    gpus.add(A100)
    toolkit(gpus, program)
    row = gpus.rows("toolkits", time_limit=2)[1]
    assert row.result == FAILED and row.reason.startswith(reason) and row.next, row


def test_a_gpu_that_is_taken(gpus: CheckNode) -> None:
    gpus.add(A100)
    toolkit(gpus, lines("count 1", "0 cudaErrorDevicesUnavailable"))
    assert gpus.rows("toolkits")[1].result == FAILED, "nobody is on it"
    gpus.put(0, "compute_mode", 3)
    gpus.process(1)
    assert gpus.rows("toolkits")[1].result == SKIPPED


def test_mig_shows_one_device(gpus: CheckNode) -> None:
    gpus.add(A100, mig=1)
    gpus.add(A100, mig=1)
    toolkit(gpus, lines("count 1", "0 ok"))
    assert gpus.rows("toolkits")[1].result == OK
    toolkit(gpus, lines("count 0"))
    assert gpus.rows("toolkits")[1].result == FAILED


def test_which_toolkits(gpus: CheckNode) -> None:
    gpus.add(A100)
    assert [row.result for row in gpus.rows("toolkits")] == [SKIPPED, SKIPPED]
    assert {row.result for row in gpus.rows("toolkits", toolkits=["12.4"])} == {FAILED}
    toolkit(gpus, lines("count 1", "0 ok"))
    toolkit(gpus, lines("count 1", "0 wrong"), home="/usr/local/cuda-11.8")
    assert [row.result for row in gpus.rows("nvcc_runs")] == [FAILED, OK]
    for chosen in (["12.4"], ["12"], [HOME]):
        assert [row.result for row in gpus.rows("nvcc_runs", toolkits=chosen)] == [OK]


def test_without_a_gpu_it_still_compiles(gpus: CheckNode) -> None:
    toolkit(gpus, lines("trouble cudaErrorNoDevice"))
    compiles, runs = gpus.rows("toolkits")
    assert compiles.result == OK and (runs.result, runs.subject) == (SKIPPED, "CUDA 12.4 (%s)" % HOME)


# cuDNN


def cudnn(
    gpus: CheckNode, number: int, version: str, directory: str = HOME + "/lib64", more: str = ""
) -> None:
    """A library that says it is this number, and whose file says that it is this version."""
    if directory.startswith(HOME):
        toolkit(gpus, "")
    folder = gpus.tree.path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    source = gpus.tree.write(
        "/cudnn.c", "unsigned long cudnnGetVersion(void) { return %d; }\n%s\n" % (number, more)
    )
    library = folder / ("libcudnn.so." + version)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    (folder / ("libcudnn.so." + version.split(".")[0])).symlink_to(library.name)


@pytest.mark.parametrize("directory", [HOME + "/lib64", "/usr/lib/%s-linux-gnu" % os.uname().machine])
def test_cudnn(gpus: CheckNode, directory: str) -> None:
    cudnn(gpus, 91002, "9.10.2", directory)
    row = gpus.row("cudnn_loads")
    assert (row.result, row.reason) == (OK, "it loads and is 9.10.2")
    assert row.subject == "cuDNN 9.10.2 (%s/libcudnn.so.9)" % directory


def test_cudnn_that_is_another(gpus: CheckNode) -> None:
    cudnn(gpus, 8907, "9.10.2")
    row = gpus.row("cudnn_loads")
    assert (row.result, row.reason) == (FAILED, "it says that it is 8.9.7")


def test_cudnn_that_does_not_load(gpus: CheckNode) -> None:
    cudnn(gpus, 91002, "9.10.2")
    gpus.tree.write(HOME + "/lib64/libcudnn.so.9.10.2", "no library")
    row = gpus.row("cudnn_loads")
    assert row.result == FAILED and "does not load: " in row.reason and "file too short" in row.reason, row


def test_cudnn_that_hangs(gpus: CheckNode) -> None:
    hang = "#include <unistd.h>\n__attribute__((constructor)) static void hang(void) { sleep(30); }"
    cudnn(gpus, 91002, "9.10.2", more=hang)
    row = gpus.row("cudnn_loads", time_limit=1)
    assert (row.result, row.reason) == (FAILED, "loading it did not end in time")


def test_no_cudnn(gpus: CheckNode) -> None:
    assert gpus.row("cudnn_loads").result == SKIPPED


# How programs are run.


def test_a_bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands

    monkeypatch.setenv("SECRET", "of the play")
    ran = Programs(Commands(Machine()), 10).run(0, ["env"], {"MORE": "1"})
    assert ran.rc == 0 and "MORE=1" in ran.out and "SECRET" not in ran.out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_as_the_owner(tmp_path: Path) -> None:
    from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands

    nobody = pwd.getpwnam("nobody").pw_uid
    programs = Programs(Commands(Machine()), 10)
    assert programs.run(nobody, ["id", "-u"]).out.strip() == str(nobody)
    assert programs.run(54321, ["id", "-u"]).out.strip() == "54321", "also one without an account"
    assert programs.run(nobody, ["sh", "-c", "echo $HOME"]).out.strip() == pwd.getpwnam("nobody").pw_dir
    with private_directory(nobody, sample="text") as directory:
        assert programs.run(nobody, ["cat", directory + "/sample"]).out == "text"
        assert os.stat(directory).st_uid == nobody and os.stat(directory).st_mode & 0o777 == 0o700
        assert programs.run(nobody, ["touch", directory + "/x"]).rc == 0
    assert not os.path.exists(directory)
