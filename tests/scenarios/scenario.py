# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How scenarios drive booted nodes: the lab's command line, ansible-playbook over ssh, results as data."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: A lab of their own; LABFLEET_GPU_SCENARIO_LAB gives a second run beside the first another one (0 to 9).
LAB_NUMBER = os.environ.get("LABFLEET_GPU_SCENARIO_LAB", "7")
#: The nodes of that lab: which distribution each has, and what is in its chassis unless a scenario says else.
KINDS = {"node1": "ubuntu2404", "node2": "ubuntu2204", "node3": "debian12"}
BOARDS = {"node1": ("a100-sxm4-40gb",) * 8, "node2": ("t4",) * 2, "node3": ("l40s",) * 4}
#: Options that point a driver task to the lab's mirror of NVIDIA's repository.
MIRROR = {
    "repository_url": "{{ nvidia_driver_repository_url | default(omit) }}",
    "repository_key_fingerprint": "{{ nvidia_driver_repository_key_fingerprint | default(omit) }}",
}
#: The task whose result is kept.
ASKED = "The task"
_RECAP = re.compile(
    r"^(?P<host>\S+)\s+: ok=(?P<ok>\d+)\s+changed=(?P<changed>\d+)\s+unreachable=(?P<unreachable>\d+)"
    r"\s+failed=(?P<failed>\d+)\s+skipped=(?P<skipped>\d+)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Run:
    """One ansible-playbook run: what it printed and its recap by host."""

    rc: int
    output: str

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        rows = (match.groupdict() for match in _RECAP.finditer(self.output))
        return {row.pop("host"): {key: int(value) for key, value in row.items()} for row in rows}


class Fleet:
    """A lab of its own for the scenarios."""

    def __init__(self, work: Path):
        self.work = work
        self.inventory = Path()
        #: What Ansible printed in the newest run.
        self.said = ""
        collections = work / "collections" / "ansible_collections" / "labfleet"
        collections.mkdir(parents=True)
        (collections / "gpu").symlink_to(ROOT)
        (work / "ansible.cfg").write_text("[defaults]\nretry_files_enabled = false\n")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_COLLECTIONS_PATH": str(work / "collections"),
            "ANSIBLE_CONFIG": str(work / "ansible.cfg"),
            "ANSIBLE_HOME": str(work / "ansible-home"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).with_name("callbacks")),
            "ANSIBLE_CALLBACKS_ENABLED": "kept_result",
            "LABFLEET_GPU_KEPT_RESULT": str(work / "result.json"),
            "LABFLEET_GPU_KEPT_TASK": ASKED,
        }

    # the lab

    def lab(self, *words: str, status: int | None = 0, timeout: float = 900) -> str:
        """A command of the lab; what it printed. ``status`` None accepts any."""
        argv = [sys.executable, str(ROOT / "tests/lab/lab.py"), "--lab", LAB_NUMBER, *words]
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
        if status is not None:
            assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def up(self, *words: str) -> None:
        self.lab("up", *words, timeout=1800)
        self.inventory = Path(self.lab("inventory").strip())

    def sh(self, node: str, script: str, status: int | None = 0) -> str:
        """A shell script in a node, without ssh."""
        return self.lab("exec", node, "--", "sh", "-c", script, status=status).strip()

    def reset(self, node: str, *boards: str) -> None:
        """A node as new, with its usual boards unless others are named; "none" is a chassis without any."""
        named = ",".join(boards or BOARDS[node]).replace("none", ",")
        self.lab("reset", node, "--boards", named)

    def kernel_package(self, node: str) -> None:
        """Install the package of the running kernel: every host has it, but a node runs its machine's kernel.

        Debian's archive does not have that kernel, so the lab has a source of its own for it.
        """
        line = f"deb [trusted=yes] {self.url}/debian-kernel/ /"
        source = "/etc/apt/sources.list.d/lab-kernel.list"
        self.sh(node, f"grep -q ubuntu /etc/os-release || echo '{line}' > {source}")
        self.sh(node, "apt-get -qq update; apt-get -qq install -y linux-image-$(uname -r) >/dev/null")

    @property
    def url(self) -> str:
        """The address of the lab's web server."""
        found = re.search(r'lab_repository_url: "(.*)"', self.inventory.read_text())
        assert found, self.inventory
        return found.group(1)

    def requests(self) -> tuple[int, int]:
        """How many requests the repositories' web server and the archive's proxy have answered."""
        web, proxy = (_lines(path) for path in self.request_logs())
        return web, proxy

    def request_logs(self) -> tuple[Path, Path]:
        """Where these requests are logged, one in a line."""
        log = self.inventory.parent / "log"
        return log / "requests.log", log / "proxy/apt-cacher.log"

    def put_pynvml(self, node: str) -> None:
        """nvidia-ml-py as PyPI has it, where the collection looks for it."""
        module = importlib.util.find_spec("pynvml")
        assert module and module.origin, "nvidia-ml-py is not installed beside the tests"
        argv = [sys.executable, str(ROOT / "tests/lab/lab.py"), "--lab", LAB_NUMBER, "exec", node, "--"]
        version = "import sys; print('%d.%d' % sys.version_info[:2])"
        script = f'd=/opt/labfleet-gpu/python$(python3 -c "{version}") && mkdir -p $d && cat > $d/pynvml.py'
        subprocess.run(
            [*argv, "sh", "-c", script], input=Path(module.origin).read_bytes(), check=True, timeout=60
        )

    # Ansible

    def playbook(self, playbook: str | Path, *words: str, timeout: float = 1200) -> Run:
        """Run a playbook over the inventory."""
        program = shutil.which("ansible-playbook", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        assert program, "ansible-playbook is not on PATH: run the scenarios with 'make test ONLY=scenarios'"
        done = subprocess.run(
            [program, "-i", str(self.inventory), str(playbook), *words],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        self.said = done.stdout
        return Run(done.returncode, done.stdout)

    def site(self, node: str, *words: str, **variables: Any) -> Run:
        """playbooks/site.yml on one node."""
        return self.playbook("playbooks/site.yml", "-l", node, "-e", json.dumps(variables), *words)

    def driver(
        self,
        node: str,
        check: bool = False,
        environment: dict[str, str] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """The result of one nvidia_driver task, failed or not, against the lab's mirror."""
        return self.task(node, {"labfleet.gpu.nvidia_driver": {**MIRROR, **options}}, check, environment)

    def task(
        self,
        node: str,
        task: dict[str, Any],
        check: bool = False,
        environment: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """The result of one task of any kind."""
        answer = self.work / "result.json"
        answer.unlink(missing_ok=True)
        play = {
            "hosts": node,
            "gather_facts": False,
            "become": True,
            "tasks": [
                {
                    **task,
                    "name": ASKED,
                    "check_mode": check,
                    "diff": True,
                    "environment": environment or {},
                    "ignore_errors": True,
                },
            ],
        }
        path = self.work / "play.yml"
        path.write_text(json.dumps([play]))
        run = self.playbook(path)
        assert answer.exists(), run.output
        return dict(json.loads(answer.read_text()))


def _lines(path: Path) -> int:
    """How long a log is; one that nothing was written to yet is not there."""
    return len(path.read_text(errors="replace").splitlines()) if path.exists() else 0


def shown(result: dict[str, Any]) -> list[tuple[str, str]]:
    """The steps of a result, comparable."""
    return [(step["phase"], step["what"]) for step in result["steps"]]
