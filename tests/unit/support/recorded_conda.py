# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What conda, mamba and micromamba printed for dry runs and failures: the structures, cut down to what tells.

| name | version | where it was seen |
| OLD, OLD_CHANGE, OLD_HTTP, OLD_MISSING | conda 4.3.16 | run for this, 2026-11-22 |
| OLD_DEFAULTS | conda 4.3 | conda/conda, issue 5825 |
| NEW | conda 25 | conda/conda, pull request 14789: a record, which FETCH has from 4.4 on |
| NOTHING | conda 24 | mamba-org/mamba, issue 3583 |
| ALREADY | conda, mamba | "message" in conda's cli/install.py, libmamba's transaction.cpp |
| DOUBLED | mamba 0.3 | mamba-org/mamba, issue 207: words, then two objects |
| MAMBA_1 | mamba 1.5.12 | conda/conda-lock, tests/test-mamba-fixtures: the package is in a cache |
| MICROMAMBA_1 | micromamba 1.5.12 | the same |
| MAMBA_2 | mamba 2.6.0 | the same |
| MAMBA_2_NULL | mamba 2.0 | mamba-org/mamba, issue 878: depends is null where there are none |
| MISSING | conda 4.4 and later | the keys of PackagesNotFoundError, conda/conda, conda/exceptions.py |
| TREE | conda 24 with libmamba | conda/conda-libmamba-solver, pull request 103 |
| PROBLEMS | micromamba 1.4 | mamba-org/mamba, issue 2513 |
| TERMS | conda 25.5 | beasteers/singuconda, issue 10 |
| BAR | conda 3.18 | conda/conda, issue 1883: a progress bar before the object |
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

FORGE = "https://conda.anaconda.org/conda-forge"


def link(name: str, version: str, build: str, base: Optional[str], platform: Optional[str]) -> Dict[str, Any]:
    """A package as LINK and UNLINK have it in conda and mamba 1."""
    return {
        "base_url": base,
        "build_number": 0,
        "build_string": build,
        "channel": "defaults" if base is None else base.rpartition("/")[2],
        "dist_name": "-".join((name, version, build)),
        "name": name,
        "platform": platform,
        "version": version,
    }


def row(name: str, version: str, build: str, depends: Optional[List[str]], **more: Any) -> Dict[str, Any]:
    """A package as FETCH has it, and LINK in micromamba and mamba 2."""
    fn = "-".join((name, version, build)) + ".conda"
    found = {
        "build": build,
        "build_number": 0,
        "channel": FORGE + "/linux-64",
        "constrains": None,
        "depends": depends,
        "fn": fn,
        "md5": "d" * 32,
        "name": name,
        "sha256": "5" * 64,
        "size": 63629,
        "subdir": "linux-64",
        "url": "%s/linux-64/%s" % (FORGE, fn),
        "version": version,
    }
    return {**found, **more}


def printed(actions: Any, **more: Any) -> str:
    return json.dumps(
        {"actions": actions, "dry_run": True, "prefix": "/tmp/x", "success": True, **more}, indent=2
    )


ZLIB = ("libzlib", "1.3.2", "h25fd6f3_2")
LOCAL = "file:///srv/channel"

OLD = printed(
    [{"LINK": [link("alpha", "2.0", "0", LOCAL, "linux-64")], "PREFIX": "/tmp/x", "op_order": ["LINK"]}]
)
OLD_CHANGE = printed(
    [
        {
            "LINK": [link("alpha", "2.0", "0", LOCAL, "linux-64")],
            "UNLINK": [link("alpha", "1.0", "0", None, None)],
            "SYMLINK_CONDA": ["/opt/conda"],
        }
    ]
)
OLD_DEFAULTS = printed([{"LINK": [link("font-ttf-ubuntu", "0.83", "0", None, None)]}])
OLD_HTTP = json.dumps(
    {
        "caused_by": "None",
        "exception_name": "CondaHTTPError",
        "message": "HTTP None None for url "
        "<https://ada:geheim@conda.example/linux-64/repodata.json.bz2>\nElapsed: None\n",
        "error": "CondaHTTPError: HTTP None None for url",
        "status_code": None,
    }
)
OLD_MISSING = json.dumps(
    {
        "exception_name": "PackageNotFoundError",
        "message": "Package missing in current linux-64 channels: \n  - gamma",
        "error": "PackageNotFoundError: Package missing in current linux-64 channels: \n  - gamma\n",
    }
)
NEW = printed(
    {
        "FETCH": [row(*ZLIB, ["__glibc >=2.17"], arch=None, platform=None)],
        "LINK": [link(*ZLIB, FORGE, "linux-64")],
    }
)
NOTHING = printed({"FETCH": [], "PREFIX": "/tmp/x"})
ALREADY = json.dumps({"message": "All requested packages already installed.", "success": True})
DOUBLED = "DryRunExit: Dry run. Exiting.\n\n%s\n%s\n" % (
    printed({"FETCH": [], "LINK": [link("zlib", "1.2.11", "h01d97ff_1006", FORGE, "osx-64")]}),
    printed(
        {
            "FETCH": [
                {
                    "build": "h01d97ff_1006",
                    "depends": None,
                    "fn": "zlib-1.2.11-h01d97ff_1006.tar.bz2",
                    "md5": "b" * 32,
                    "name": "zlib",
                    "size": 103268,
                    "subdir": "osx-64",
                    "version": "1.2.11",
                }
            ]
        }
    ),
)
MAMBA_1 = printed({"FETCH": [], "LINK": [link(*ZLIB, FORGE, "linux-64")]})
MICROMAMBA_1 = printed({"LINK": [row(*ZLIB, ["__glibc >=2.17"], build_string=ZLIB[2], track_features="")]})
MAMBA_2 = printed(
    {
        "LINK": [
            row(*ZLIB, ["__glibc >=2.17"], channel="conda-forge", build_string=ZLIB[2]),
            row("zlib", "1.3.2", "h25fd6f3_2", ["libzlib 1.3.2 h25fd6f3_2"], channel="conda-forge"),
        ]
    }
)
MAMBA_2_NULL = printed({"LINK": [row("python_abi", "3.13", "5_cp313", None, channel="conda-forge")]})

MISSING = json.dumps(
    {
        "caused_by": "None",
        "channel_urls": [FORGE + "/linux-64", FORGE + "/noarch"],
        "error": "PackagesNotFoundError: The following packages are not available from current channels",
        "exception_name": "PackagesNotFoundError",
        "exception_type": "<class 'conda.exceptions.PackagesNotFoundError'>",
        "message": "The following packages are not available from current channels:\n\n  - nowhere\n",
        "packages": ["nowhere", "neither=1"],
    }
)
TREE = json.dumps(
    {
        "exception_name": "LibMambaUnsatisfiableError",
        "message": "Encountered problems while solving:\n"
        "  - nothing provides python 3.6.9 needed by pypy-7.3.1\n\n"
        "The following packages are incompatible\n"
        "\u251c\u2500 pypy is installable\n\u2502  \u2514\u2500 python 3.6.9",
    }
)
PROBLEMS = json.dumps(
    {"success": False, "solver_problems": ["package libarrow-12.0.0 requires libevent >=2.1.12, but none"]}
)
TERMS = json.dumps(
    {
        "exception_name": "CondaToSNonInteractiveError",
        "message": "Terms of Service have not been accepted for the following channels.\n"
        "    \u2022 https://repo.anaconda.com/pkgs/main\n    \u2022 https://repo.anaconda.com/pkgs/r\n\n"
        "To accept a channel's Terms of Service, run the following and replace `CHANNEL`",
    }
)
BAR = (
    '[      COMPLETE      ]|####| 100%\n{\n  "error": "packages conflict", "error_type": "Unsatisfiable"\n}\n'
)
