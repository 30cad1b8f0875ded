# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time conda_gpu_env's part on a node against py-rattler alone: create, change, and nothing to do.

Use, as root: python3 tests/tools/with_env.py controller python tests/benchmark/conda_engine.py [--times N]

Both solve and install the same packages from a channel in a folder, in turn, with their caches filled.
py-rattler alone changes the environment in place; we change a copy, write it through to disk, and exchange.
Neither has Ansible or ssh in it. No test depends on the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".build" / "collections"))]

from ansible_collections.labfleet.gpu.plugins.module_utils._conda.child import run  # noqa: E402
from ansible_collections.labfleet.gpu.tests.unit.support.conda_channel import index, package  # noqa: E402
from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments  # noqa: E402

PACKAGES, FILES, SIZE = 60, 100, 4096


def channel(folder: Path) -> str:
    """Packages that need each other in a row; the last one has a version that is newer."""
    for number in range(PACKAGES):
        needs = [f"part{number - 1}"] if number else []
        for version in ("1.0", "2.0") if number == PACKAGES - 1 else ("1.0",):
            contents = {f"lib/part{number}/{file}": (os.urandom(SIZE), 0o644) for file in range(FILES)}
            package(folder, f"part{number}", version, contents, needs)
    return index(folder)


def alone(prefix: Path, address: str, spec: str, cache: Path) -> None:
    """What a program that is py-rattler and nothing else does, in a process of its own as ours is."""
    run(lambda: asyncio.run(_alone(prefix, address, spec, cache)))


async def _alone(prefix: Path, address: str, spec: str, cache: Path) -> None:
    import rattler

    there = [rattler.PrefixRecord.from_path(path) for path in sorted((prefix / "conda-meta").glob("*.json"))]
    with tempfile.TemporaryDirectory() as repodata:
        records = await rattler.solve(
            [rattler.Channel(address)],
            [rattler.MatchSpec(spec)],
            gateway=rattler.Gateway(cache_dir=Path(repodata)),
            locked_packages=there,
        )
    await rattler.install(records, prefix, cache_dir=cache, show_progress=False)


def timed(work: Callable[..., object], *words: object) -> float:
    """Milliseconds."""
    os.sync()
    begun = time.perf_counter()
    work(*words)
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Print the medians and their ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=7)
    times = parser.parse_args().times
    last = f"part{PACKAGES - 1}"
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="labfleet-gpu-benchmark-") as folder:
        root = Path(folder)
        (root / "envs").mkdir()
        ours, theirs, cache = (
            Environments(root / "envs", channel(root / "channel")),
            root / "alone",
            root / "cache",
        )
        for _round in range(times + 1):
            for what, version in (("create", "1.0"), ("change", "2.0")):
                spec = f"{last} =={version}"
                wish = ours.wish(spec)
                mine = timed(lambda each: ours.apply(ours.planned(each)), wish)
                assert ours.state().usable and f"{last}={version}=0" in ours.state().packages
                other = timed(alone, theirs, ours.channel, spec, cache)
                assert (theirs / "conda-meta" / f"{last}-{version}-0.json").exists()
                found.setdefault(f"{what}, ours", []).append(mine)
                found.setdefault(f"{what}, py-rattler alone", []).append(other)
            again = timed(ours.planned, wish)
            assert ours.planned(wish).steps == ()
            found.setdefault("nothing to do, ours", []).append(again)
            shutil.rmtree(ours.path(""))
            shutil.rmtree(theirs)
    print(f"{PACKAGES} packages with {FILES} files of {SIZE} bytes each, median of {times}, in ms:")
    # The first round fills the caches.
    medians = {name: statistics.median(each[1:]) for name, each in found.items()}
    for name, value in medians.items():
        print(f"{name:28} {value:8.1f}  ({min(found[name][1:]):.1f} to {max(found[name][1:]):.1f})")
    for what in ("create", "change"):
        print(f"{what}: {medians[what + ', ours'] / medians[what + ', py-rattler alone']:.2f} times")


if __name__ == "__main__":
    main()
