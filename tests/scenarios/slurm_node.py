# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A booted node with Debian's Slurm: slurmctld, slurmd and munge, as small a cluster as there can be."""

from __future__ import annotations

import re
import time

from scenario import Fleet

SLURM_CONF = """ClusterName=lab
SlurmctldHost={node}
SlurmUser=slurm
AuthType=auth/munge
StateSaveLocation=/var/lib/slurm/slurmctld
SlurmdSpoolDir=/var/lib/slurm/slurmd
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
SlurmdDebug=debug2
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
ReturnToService=2
SchedulerParameters=sched_interval=2
SlurmdParameters=config_overrides
MailProg=/bin/true
NodeName={node} CPUs=8 State=UNKNOWN
PartitionName=gpus Nodes={node} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


class Slurm:
    """Slurm on one node of the lab, which is its controller too."""

    def __init__(self, fleet: Fleet, node: str):
        self.fleet, self.node = fleet, node

    def install(self) -> None:
        """From Debian's archive; nothing of GPUs is configured yet."""
        self.sh("apt-get -qq update && apt-get -qq install -y slurmctld slurmd slurm-client munge >/dev/null")
        conf = SLURM_CONF.format(node=self.sh("hostname -s"))
        self.sh(f"cat > /etc/slurm/slurm.conf <<'E'\n{conf}E")
        self.sh("mkdir -p /var/lib/slurm/slurmd && systemctl restart munge slurmctld slurmd")
        # As slurmd starts it under control groups of version 2; it serves no job, and the node is idle.
        self.sh("systemd-run --quiet --unit=slurm-scope-keeper /usr/sbin/slurmstepd infinity")
        self.until("IDLE")

    def sh(self, script: str, status: "int | None" = 0) -> str:
        return self.fleet.sh(self.node, script, status)

    def shown(self) -> str:
        """What slurmctld says of the node, in one line."""
        return self.sh("scontrol --oneliner show node $(hostname -s)")

    def field(self, name: str) -> str:
        found = re.search(rf"\b{name}=(\S+)", self.shown())
        assert found, self.shown()
        return found.group(1)

    def gres(self) -> set[str]:
        """The GPUs as slurmctld counts them, as in {"1g.5gb:2"}."""
        entries = re.sub(r"\([^)]*\)", "", self.field("Gres")).split(",")
        return {entry[len("gpu:") :] for entry in entries if entry.startswith("gpu:")}

    def until(self, state: str) -> None:
        """Wait for a state of the node."""
        end = time.monotonic() + 60
        while self.field("State") != state:
            assert time.monotonic() < end, self.shown()
            time.sleep(0.5)

    def drain(self) -> None:
        self.sh("scontrol update NodeName=$(hostname -s) State=DRAIN Reason=GPUs")

    def resume(self) -> None:
        self.sh("scontrol update NodeName=$(hostname -s) State=RESUME")
        self.until("IDLE")

    def job(self, gres: str, script: str, status: "int | None" = 0, patience: int = 30) -> str:
        """What a job prints, which waits so many seconds for its GPUs."""
        return self.sh(f"timeout 60 srun --immediate={patience} --gres={gres} sh -c '{script}' 2>&1", status)

    def keeps(self, gres: str) -> str:
        """The id of a job that runs until it is cancelled."""
        number = self.sh(f"sbatch --parsable --output=/dev/null --gres={gres} --wrap 'sleep 3600'")
        end = time.monotonic() + 30
        while self.sh(f"squeue --noheader --jobs {number} --format %T") != "RUNNING":
            assert time.monotonic() < end, self.sh("squeue; tail -n 20 /var/log/slurm/slurmd.log")
            time.sleep(0.5)
        return number

    def cancel(self, *jobs: str) -> None:
        self.sh(f"scancel {' '.join(jobs)}")
        end = time.monotonic() + 60
        while self.sh("squeue --noheader"):
            assert time.monotonic() < end, self.sh("squeue")
            time.sleep(0.5)

    def index(self, job: str) -> list[int]:
        """Which of the node's devices a job has: their places in slurmd's order."""
        found = re.search(r"GRES=gpu:\S*\(IDX:([\d,-]+)\)", self.sh(f"scontrol show job -d {job}"))
        assert found, self.sh(f"scontrol show job -d {job}")
        numbers: list[int] = []
        for part in found.group(1).split(","):
            low, _dash, high = part.partition("-")
            numbers += range(int(low), int(high or low) + 1)
        return numbers

    def device_files(self) -> None:
        """The device files of MIG devices, for who does not have them made."""
        self.sh("find /proc/driver/nvidia/capabilities/gpu* -name access -exec nvidia-modprobe -f {} ';'")

    def fence(self) -> bool:
        """Have Slurm keep jobs to their devices; whether the kernel lets a container do that.

        The node shows its control groups read-only; its own device group can be mounted once more. That is
        version 1: with version 2 the fence is a BPF program, which the node may not load.
        """
        mounts = " && ".join(
            f"mkdir -p /run/fence/{kind} && mount -t cgroup -o {kind} cgroup /run/fence/{kind}"
            for kind in ("devices", "freezer")
        )
        if "mounted" not in self.sh(f"{mounts} && echo mounted", None):
            return False
        conf = "CgroupPlugin=cgroup/v1\nCgroupMountpoint=/run/fence\nConstrainDevices=yes\n"
        self.sh(f"printf '{conf}' > /etc/slurm/cgroup.conf")
        self.sh("sed -i 's,^TaskPlugin=.*,TaskPlugin=task/cgroup,' /etc/slurm/slurm.conf")
        self.sh("systemctl restart slurmctld slurmd")
        return True

    def ask_nvml(self) -> None:
        """Slurm's plugin for NVML, and what it wants to know besides MIG: which processors are near a GPU.

        Debian has it in contrib, at times for another build of the same version, so that the file alone is
        taken; this version looks for the library without a number.
        """
        sources = "/etc/apt/sources.list.d/contrib.list"
        self.sh(f"sed -n 's/ bookworm main$/ bookworm contrib/p' /etc/apt/sources.list > {sources}")
        self.sh("apt-get -qq update && cd /tmp && apt-get -qq download slurm-wlm-nvml-plugin")
        self.sh("dpkg-deb --fsys-tarfile /tmp/slurm-wlm-nvml-plugin_*.deb | tar -x --directory=/ ./usr/lib")
        library = "libnvidia-ml.so"
        self.sh(
            f"cd $(dirname $(ldconfig -p | sed -n 's/.*{library}.1 .*=> //p')) && ln -s {library}.1 {library}"
        )
        count = int(self.sh("nproc"))
        self.sh(f"for gpu in 0 1 2; do gpu-simulator set $gpu cpu_affinity 0-{count - 1}; done")
        self.sh(f"sed -i 's/ CPUs=8 / CPUs={count} /; /config_overrides/d' /etc/slurm/slurm.conf")
        self.sh("systemctl restart slurmctld slurmd")
        self.until("IDLE+DRAIN")
