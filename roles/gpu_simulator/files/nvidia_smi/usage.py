# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi -h: what this program can do; the real one can do more."""

from __future__ import annotations

TEXT = """NVIDIA System Management Interface -- v{0}

This is the nvidia-smi of a simulated GPU node. It has these commands:

  nvidia-smi                          the GPUs in a table
  nvidia-smi -L                       the GPUs and their MIG devices, one a line
  nvidia-smi --version
  nvidia-smi -q [-x] [-d WORD,...]    everything about the GPUs, in text or XML, or sections of it
  nvidia-smi --query-gpu=FIELD,... --format=csv[,noheader][,nounits]
  nvidia-smi --query-compute-apps=FIELD,... --format=csv[,noheader][,nounits]
  nvidia-smi --help-query-gpu, --help-query-compute-apps
  nvidia-smi -pm 0|1                  persistence mode
  nvidia-smi -e 0|1                   ECC
  nvidia-smi -c 0|1|2|3               compute mode
  nvidia-smi -pl WATTS                power limit
  nvidia-smi -lgc MIN[,MAX], -rgc     locked GPU clocks, and back
  nvidia-smi -lmc MIN[,MAX], -rmc     locked memory clocks, and back
  nvidia-smi -mig 0|1                 MIG mode
  nvidia-smi -r                       reset
  nvidia-smi mig -h                   MIG instances

With each of them: -i GPU,... (index, serial number, UUID or PCI address).
-f FILE writes a report into a file.
"""


def text(version: str) -> str:
    return TEXT.format(version)
