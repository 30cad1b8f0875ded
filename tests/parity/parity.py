# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare this machine's GPU with the simulated board of the same name. Read-only: nothing is set.

Use: parity.py [--index N] [--save FILE]

Needs nvidia-ml-py, gcc, make and kmod. Ends with 0 where both say the same, 1 where they differ, 2 where
there is nothing to compare.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "conformance")]

import compare  # noqa: E402
import machine  # noqa: E402
import nodes  # noqa: E402
import pynvml  # noqa: E402
import record  # noqa: E402

#: The programs that a simulated board takes, each with the package that brings it.
NEEDED = {"gcc": "gcc", "make": "make", "depmod": "kmod"}


def board_named(name: str) -> str:
    """The id of the board table with that name, empty if there is none."""
    for path in sorted((machine.FILES / "boards").glob("*.json")):
        table = json.loads(path.read_text(encoding="utf-8"))
        if table["attributes"]["name"]["value"] == name:
            return str(table["id"])
    return ""


def simulated(board: str, version: str) -> compare.Answers:
    """What one such board says with that driver version."""
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        library = nodes.build(Path(folder, "library"), version)
        node = machine.Machine(Path(folder, "root"), library, board, version)
        return compare.simulated_answers(node.node.environment())


def main() -> int:
    parser = argparse.ArgumentParser(description="A GPU beside its simulation; nothing is set.")
    parser.add_argument("--index", type=int, default=0, help="which GPU, by NVML's index")
    parser.add_argument("--save", type=Path, help="write the GPU's answers in reduced form into this file")
    options = parser.parse_args()
    try:
        pynvml.nvmlInit()
        version = pynvml.nvmlSystemGetDriverVersion()
        name = pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(options.index))
        real = record.answers(options.index)
    except pynvml.NVMLError as error:
        print(f"GPU {options.index} cannot be asked: {error}.")
        return 2
    print(f"{name}, driver {version}: {len(real)} answers.")
    if options.save:
        options.save.write_text(json.dumps(real, indent=1) + "\n", encoding="utf-8")
    board = board_named(name)
    if not board:
        print("No simulated board has that name: there is nothing to compare with.")
        return 2
    lacking = [program for program in NEEDED if not shutil.which(program)]
    if lacking:
        print(f"{lacking[0]} is missing, which simulated boards are made with: install {NEEDED[lacking[0]]}.")
        return 2
    found = compare.differences(real, simulated(board, version))
    for kind, meaning in compare.KINDS.items():
        several = [one for one in found if one.kind == kind]
        if several:
            print(f"\n{kind}: {meaning} ({len(several)})")
        for one in several:
            print(f"  {one.question}")
            print(f"    GPU       {json.dumps(one.real)}")
            print(f"    simulated {json.dumps(one.simulated)}")
    print(f"\n{len(found)} differences from the simulated {board}.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
