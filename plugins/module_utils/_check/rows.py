# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""All rows in their order. Pure."""

from __future__ import annotations

from typing import Callable, Dict, List

from . import cudnn, driver, environment, hardware, leftovers, links, memory, toolkit, xids
from .node import CheckState
from .row import Row, tolerated
from .wish import ROWS, CheckWish

JUDGES: Dict[str, Callable[[CheckState, CheckWish], List[Row]]] = {
    "nvml": driver.nvml,
    "driver_versions": driver.driver_versions,
    "gpu_count": hardware.gpu_count,
    "gpu_model": hardware.gpu_model,
    "gpu_answers": driver.gpu_answers,
    "recovery": hardware.recovery,
    "xids": xids.xids,
    "ecc_errors": memory.ecc_errors,
    "remapped_rows": memory.remapped_rows,
    "retired_pages": memory.retired_pages,
    "pcie_width": links.pcie_width,
    "pcie_speed": links.pcie_speed,
    "nvlink": links.nvlink,
    "fabric": links.fabric,
    "throttling": hardware.throttling,
    "mig_devices": hardware.mig_devices,
    "nvcc_compiles": toolkit.nvcc_compiles,
    "nvcc_runs": toolkit.nvcc_runs,
    "cudnn_loads": cudnn.cudnn_loads,
    "framework": environment.framework,
    "framework_cuda": environment.framework_cuda,
    "framework_cudnn": environment.framework_cudnn,
    "framework_gpus": environment.framework_gpus,
    "framework_product": environment.framework_product,
    "leftovers": leftovers.leftovers,
}


def judged(state: CheckState, wish: CheckWish) -> List[Row]:
    """The rows that are asked for."""
    return [
        tolerated(row, wish.tolerate) for name in ROWS if wish.asks(name) for row in JUDGES[name](state, wish)
    ]
