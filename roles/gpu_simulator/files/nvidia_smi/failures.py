# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words and exit statuses of failures.

Exit statuses: nvidia-smi(1), RETURN VALUE, which lists the codes below; 18, and 255 for "in use", are from
public reports, as are the words of each message.
"""

from __future__ import annotations

from . import nvml
from .nvml import Library

STATUSES = (2, 3, 4, 6, 8, 9, 10, 12, 13, 14, 15, 18)
OTHER = 255
NO_DEVICES = "No devices were found"
EARLY = "Terminating early due to previous errors."


class Refused(Exception):
    """The program ends with these words.

    :param status: its exit status
    """

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.words, self.status = words, status


def status(code: int) -> int:
    """The exit status that stands for an nvmlReturn_t."""
    return code if code == 0 or code in STATUSES else OTHER


def no_library() -> Refused:
    """There is no libnvidia-ml.so.1."""
    return Refused(
        "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make sure that the NVIDIA "
        "Display Driver is properly installed and present in your system.\n"
        "Please also try adding directory that contains libnvidia-ml.so to your system PATH.",
        nvml.LIBRARY_NOT_FOUND,
    )


def not_initialized(library: Library, code: int) -> Refused:
    """nvmlInit has failed."""
    if code == nvml.GPU_NOT_FOUND:
        return Refused(NO_DEVICES, nvml.NOT_FOUND)
    if code == nvml.DRIVER_NOT_LOADED:
        words = (
            "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
            "Make sure that the latest NVIDIA driver is installed and running.\n"
        )
    else:
        words = "Failed to initialize NVML: " + library.message(code)
        if code == nvml.LIB_RM_VERSION_MISMATCH:
            words += "\nNVML library version: " + library_version(library)
    return Refused(words, status(code))


def library_version(library: Library) -> str:
    """The library's version as the real program cuts it: 580.95 of "13.580.95.05"."""
    try:
        return ".".join(library.text("nvmlSystemGetNVMLVersion").split(".")[1:3])
    except nvml.NvmlError:
        return "N/A"


def usage() -> Refused:
    """Options that do not go together."""
    return Refused("Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n", 2)
