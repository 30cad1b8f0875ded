# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the admin asks of the GPUs of a node: the options of mig_layout."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from .._clients import service_names
from .._dataclass import dataclass
from .._host import Files
from .._scalar import BadWish
from .options import of_config, of_options
from .targets import Request


@dataclass(frozen=True)
class MigWish:
    requests: Tuple[Request, ...]
    disrupt_running_work: bool = False
    take_over: bool = False
    gpu_services: Tuple[str, ...] = ()
    #: Is the CDI specification written anew after it, by the same run or by the toolkit's service at boot?
    refreshes_cdi: bool = False


def wish_from(options: Mapping[str, Any], files: Files) -> MigWish:
    """The options as a wish; mig-parted's file is read here. Raises BadWish."""
    requests = of_options(options)
    path = options.get("config")
    if path is not None:
        text = files.text(path)
        if text is None:
            raise BadWish("config is '%s', which cannot be read on the node: put it there first." % path)
        requests = of_config(path, text, options["label"])
    services = service_names(options.get("gpu_services"))
    return MigWish(requests, options["disrupt_running_work"], options["take_over"], services)
