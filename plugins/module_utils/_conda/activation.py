# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What activating an environment sets: LD_LIBRARY_PATH, where a framework finds CUDA by that alone. Pure.

Shells source these files: sh, bash, zsh and the like, not fish or csh. Several environments may be active at
once, and people change the variable in between: leaving takes out what entering put in, and nothing else.
"""

from __future__ import annotations

from typing import Iterable, Sequence, Tuple

from .._catalog.finding_cuda import by_path
from .._plan import Step
from .state import ACTIVATION, CondaState
from .steps import Activation

_HEAD = """\
# Written by conda_gpu_env of labfleet.gpu, which undoes changes: TensorFlow looks for CUDA where
# LD_LIBRARY_PATH says, and its CUDA is this environment's.
"""
_ENTER = """\
if [ -n "${CONDA_PREFIX:-}" ]; then
    export LD_LIBRARY_PATH="$CONDA_PREFIX/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
"""
_LEAVE = """\
case "${CONDA_PREFIX:+:${LD_LIBRARY_PATH:-}:}" in
*":${CONDA_PREFIX:-}/lib:"*)
    LD_LIBRARY_PATH=":$LD_LIBRARY_PATH:"
    LD_LIBRARY_PATH=${LD_LIBRARY_PATH%%":$CONDA_PREFIX/lib:"*}:${LD_LIBRARY_PATH#*":$CONDA_PREFIX/lib:"}
    LD_LIBRARY_PATH=${LD_LIBRARY_PATH#:}
    LD_LIBRARY_PATH=${LD_LIBRARY_PATH%:}
    if [ -z "$LD_LIBRARY_PATH" ]; then
        unset LD_LIBRARY_PATH
    fi
    ;;
esac
"""
_NEEDED, _NOT_NEEDED = (_HEAD + _ENTER, _HEAD + _LEAVE), ("", "")
_WHY = "TensorFlow looks for CUDA in LD_LIBRARY_PATH"


def texts(packages: Iterable[str], pip: Iterable[str]) -> Tuple[str, str]:
    """What is to be in the files ACTIVATION with these packages, "" for no file."""
    with_cuda = any(line.startswith("cudatoolkit=") for line in packages)
    return _NEEDED if with_cuda and any(by_path(line) for line in pip) else _NOT_NEEDED


def of_environment(state: CondaState) -> Tuple[Step, ...]:
    """What is to be written or removed in an environment as it is."""
    wanted = texts(state.packages, state.pip)
    if not state.usable or state.activation == wanted:
        return ()
    files = " and ".join(ACTIVATION)
    what = "write %s" % files if wanted == _NEEDED else "remove %s" % files
    why = _WHY if wanted == _NEEDED else "nothing there looks for CUDA in LD_LIBRARY_PATH any more"
    return (Step("mend", "activation", what, why, Activation(state.prefix, state.ids)),)


def foretold(state: CondaState, lines: Sequence[str], pip: Iterable[str]) -> str:
    """What a change to these conda packages, with these distributions of pip, does besides, in words.

    Of a requirement that does not tell its version ("") it shows only then.
    """
    there = {line.partition("==")[0]: line for line in state.pip} if state.usable else {}
    there.update((line.partition("==")[0], line) for line in pip if line)
    wanted = texts(lines, there.values())
    if wanted == (state.activation if state.usable else _NOT_NEEDED):
        return ""
    return "; write %s" % ACTIVATION[0] if wanted == _NEEDED else "; remove %s" % ACTIVATION[0]
