# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Our note of what pip built in an environment, and the CUDA of its torch. No program of it is run."""

from __future__ import annotations

import json
import re
from typing import List, Optional, Sequence, Tuple

from .._host import Files
from .pip_wish import Built, build_of
from .state import BUILT


def built_in(files: Files, prefix: str) -> Tuple[Built, ...]:
    """What our note in an environment says, nothing where there is none that can be read."""
    try:
        told = json.loads(files.text(prefix, BUILT) or "[]")
        return tuple(
            Built(build_of(each["build"]), tuple(str(line) for line in each["against"])) for each in told
        )
    except (ValueError, KeyError, TypeError):
        return ()


def noted(known: Sequence[Built], new: Built) -> str:
    """The note with one more."""
    kept: List[Built] = [each for each in known if each.build.name != new.build.name] + [new]
    told = [{"build": list(each.build.words()), "against": list(each.against)} for each in kept]
    return json.dumps(told, indent=1) + "\n"


def torch_cuda(files: Files, prefix: str) -> Optional[str]:
    """The CUDA that the environment's torch is built for: "" for none, None where there is no torch.

    Its version.py says so, which its setup writes: no program of the environment has to run.
    """
    for python in files.names(prefix, "lib"):
        text = files.text(prefix, "lib", python, "site-packages", "torch", "version.py")
        if python.startswith("python3") and text is not None:
            match = re.search(r"^cuda\b[^=\n]*=\s*['\"](\d+\.\d+)", text, re.MULTILINE)
            return match.group(1) if match else ""
    return None
