# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab keeps its promises: kinds, resets, reboots, network, files, and what each node may do."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from harness import LAB, Cli

NODES = ("node1", "node2", "node3")
KINDS = ("ubuntu2404", "ubuntu2204", "debian12")


@pytest.fixture(scope="module")
def fleet(cli: Cli) -> Iterator[Cli]:
    """Three nodes, one of each kind, without the role gpu_simulator."""
    cli.run("up", "--nodes", "3", "--kinds", ",".join(KINDS), "--boards", "t4*2", "l40s,t4", "--no-prepare")
    yield cli
    cli.run("down")


def test_all_nodes_are_up_and_ansible_reaches_them(fleet: Cli) -> None:
    assert [fleet.states()[name]["STATE"] for name in NODES] == ["up"] * 3
    assert fleet.ansible("gpu", "-m", "ansible.builtin.ping").count("pong") == 3


def test_a_user_logs_in_and_becomes_root_but_root_does_not_log_in(fleet: Cli) -> None:
    who = ("-m", "ansible.builtin.command", "-a", "id -un")
    assert fleet.ansible("gpu", *who).split().count("admin") == 3
    assert fleet.ansible("gpu", "-b", *who).split().count("root") == 3
    refused = fleet.ansible("node1", "-e", "ansible_user=root", *who, status=4)
    assert "UNREACHABLE" in refused and "Permission denied" in refused, refused


def test_each_node_is_of_its_kind_and_the_inventory_tells_the_userland(fleet: Cli) -> None:
    expected = {"ubuntu2404": "ubuntu 24.04", "ubuntu2204": "ubuntu 22.04", "debian12": "debian 12"}
    states = fleet.states()
    for name, kind in zip(NODES, KINDS, strict=True):
        assert fleet.node(name, '. /etc/os-release; echo "$ID $VERSION_ID"') == expected[kind]
        assert states[name]["KIND"] == kind
        vendor = fleet.node(name, "sed -n 's/^Vendor: //p' /etc/dpkg/origins/default")
        assert vendor.lower() == states[name]["USERLAND"]
    answer = fleet.ansible("all", "-m", "ansible.builtin.debug", "-a", "var=lab_userland")
    assert states["node3"]["USERLAND"] == "debian" and '"lab_userland": "debian"' in answer


def test_boards_are_given_out_in_turn(fleet: Cli) -> None:
    boards = [fleet.node(name, "cat /etc/gpu-simulator/boards").split() for name in NODES]
    assert boards == [["t4", "t4"], ["l40s", "t4"], ["t4", "t4"]]


def test_systemd_is_content_in_every_node(fleet: Cli) -> None:
    for name in NODES:
        assert fleet.node(name, "systemctl is-system-running --wait") == "running"


def test_a_service_stopped_in_one_node_runs_on_in_the_others(fleet: Cli) -> None:
    fleet.node("node1", "systemctl stop ssh.service")
    assert fleet.node("node2", "systemctl is-active ssh.service") == "active"
    assert fleet.states()["node1"]["STATE"] == "booting", "status shows a node without SSH as booting"
    fleet.node("node1", "systemctl start ssh.service")
    assert fleet.states()["node1"]["STATE"] == "up"


def test_a_node_may_do_what_the_simulator_needs(fleet: Cli) -> None:
    fleet.node(
        "node2",
        "set -e; mkdir /root/empty; for place in /sys/bus/pci/devices /sys/module /proc/driver; do "
        'mount --bind /root/empty $place; test -z "$(ls $place)"; umount $place; done; '
        "mknod /dev/nvidia0 c 195 0; test -c /dev/nvidia0; rm /dev/nvidia0; rmdir /root/empty; "
        'touch "/lib/modules/$(uname -r)/probe"; test "$(stat -f -c %T /tmp)" = tmpfs',
    )


def test_ansible_reboots_all_nodes_and_each_boot_is_told_apart(fleet: Cli) -> None:
    read = "cat /proc/sys/kernel/random/boot_id"
    before = [fleet.node(name, read) for name in NODES]
    boots = [int(fleet.states()[name]["BOOTS"]) for name in NODES]
    assert fleet.ansible("all", "-b", "-m", "ansible.builtin.reboot").count('"rebooted": true') == 3
    after = [fleet.node(name, read) for name in NODES]
    assert len({*before, *after}) == 6
    assert [int(fleet.states()[name]["BOOTS"]) for name in NODES] == [count + 1 for count in boots]


def test_reset_forgets_everything_and_keeps_the_identity(fleet: Cli) -> None:
    fleet.node("node1", "echo drift > /etc/drift; rm /usr/bin/lspci")
    address = fleet.states()["node1"]["ADDRESS"]
    started = time.monotonic()
    fleet.run("reset", "node1")
    assert time.monotonic() - started < 10
    fleet.node("node1", "test ! -e /etc/drift && test -x /usr/bin/lspci")
    assert fleet.states()["node1"]["ADDRESS"] == address
    assert "pong" in fleet.ansible("node1", "-m", "ansible.builtin.ping"), "the known host key still fits"


def test_a_reboot_keeps_files_and_ends_what_was_started_from_outside(fleet: Cli) -> None:
    fleet.node("node1", "echo kept > /etc/kept; (sleep 1000 >/dev/null 2>&1 &)")
    assert fleet.node("node1", "pgrep -x sleep")
    fleet.run("reboot", "node1")
    assert fleet.node("node1", "cat /etc/kept; pgrep -x sleep || true") == "kept"


def test_a_node_that_powers_off_stays_off_until_it_is_started(fleet: Cli) -> None:
    fleet.node("node3", "systemctl poweroff")
    deadline = time.monotonic() + 30
    while fleet.states()["node3"]["STATE"] != "off":
        assert time.monotonic() < deadline, "node3 did not power off within 30 s"
        time.sleep(0.2)
    assert "is not running" in fleet.run("exec", "node3", "--", "true", status=2).stderr
    fleet.run("reboot", "node3")
    assert fleet.states()["node3"]["STATE"] == "up"


def test_diff_names_what_changed_since_a_mark(fleet: Cli) -> None:
    fleet.run("reset", "node2")
    fleet.node("node2", "echo one > /etc/before; echo same > /etc/same")
    fleet.run("mark", "node2", "first")
    assert fleet.run("diff", "node2", "--since", "first").stdout == ""
    fleet.node(
        "node2",
        "echo two > /etc/before; echo same > /etc/same; echo new > /etc/new; rm /usr/bin/lspci; "
        "chmod 600 /etc/fstab; touch /etc/passwd; echo line >> /var/log/lastlog",
    )
    changed = fleet.run("diff", "node2", "--since", "first", status=1).stdout.splitlines()
    assert [line.split(":")[0] for line in changed] == [
        "/etc/before",
        "/etc/fstab",
        "/etc/new",
        "/usr/bin/lspci",
    ]
    assert changed[3].endswith("deleted")
    everything = fleet.run("diff", "node2", "--since", "first", "--everything", status=1).stdout
    assert "/var/log/lastlog" in everything


def test_diff_sees_a_change_of_content_alone(fleet: Cli) -> None:
    """A file that is listed once is read again only if it was written since; its times may be set back."""
    fleet.node(
        "node2", "echo one > /etc/before; echo one > /etc/recent; touch -d @1000000000 /etc/before; sleep 2"
    )
    fleet.run("mark", "node2", "listed")
    fleet.node("node2", "cp -p /etc/before /etc/copy; echo two > /etc/before; touch -r /etc/copy /etc/before")
    changed = fleet.run("diff", "node2", "--since", "listed", status=1).stdout
    assert [line.split(":")[0] for line in changed.splitlines()] == ["/etc/before", "/etc/copy"]
    fleet.node("node2", "echo one > /etc/before; rm /etc/copy")
    assert fleet.run("diff", "node2", "--since", "listed").stdout == ""
    fleet.node("node2", "chmod 600 /etc/recent")
    assert "/etc/recent" in fleet.run("diff", "node2", "--since", "listed", status=1).stdout


def test_an_ansible_run_that_changes_nothing_leaves_no_difference(fleet: Cli) -> None:
    fleet.ansible("node1", "-b", "-m", "ansible.builtin.ping")
    fleet.run("mark", "node1", "idle")
    fleet.ansible("node1", "-m", "ansible.builtin.ping")
    fleet.ansible("node1", "-b", "-m", "ansible.builtin.command", "-a", "true")
    assert fleet.run("diff", "node1", "--since", "idle").stdout == ""


def test_the_archive_is_reached_through_the_proxy_only(fleet: Cli) -> None:
    fleet.node("node3", "apt-get -qq install -y sl")
    fleet.node("node3", "! ip route get 192.0.2.1")
    assert fleet.node("node3", "cat /etc/apt/apt.conf.d/80labfleet-gpu-lab | grep -c 10.222.0.1:3142") == "1"


def test_debian_offers_non_free_once_it_is_enabled(fleet: Cli) -> None:
    assert fleet.node("node3", "apt-cache show nvidia-driver") == ""
    fleet.node("node3", "sed -i 's/ main$/ main contrib non-free/' /etc/apt/sources.list; apt-get -qq update")
    assert "Package: nvidia-driver" in fleet.node("node3", "apt-cache show nvidia-driver")


def test_the_web_server_serves_its_folder_and_logs_each_request(fleet: Cli) -> None:
    (LAB.www / "probe.txt").write_text("hello\n")
    fetch = "import urllib.request as u; print(u.urlopen('{}').read().decode())"
    answer = fleet.node("node1", f'python3 -c "{fetch.format(LAB.www_url + "/probe.txt")}"')
    assert answer == "hello"
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{LAB.www_url}/absent", timeout=10)
    lines = [line.split()[1:] for line in (LAB.log / "requests.log").read_text().splitlines()]
    assert [LAB.node_address(1), "GET", "/probe.txt", "200"] in lines
    assert [LAB.host_address, "GET", "/absent", "404"] in lines


def test_up_again_adds_only_what_is_missing(fleet: Cli) -> None:
    before = fleet.states()
    fleet.run("up", "--nodes", "1", "--kinds", "debian12", "--name-prefix", "extra", "--no-prepare")
    after = fleet.states()
    assert {name: after[name]["BOOTS"] for name in NODES} == {name: before[name]["BOOTS"] for name in NODES}
    assert after["extra1"]["STATE"] == "up"
    fleet.run("down", "extra1")
    assert set(fleet.states()) == set(NODES)
    assert "extra1" not in LAB.inventory.read_text()


def test_copies_have_the_files_and_an_identity_of_their_own(fleet: Cli) -> None:
    fleet.node("node1", "echo kept > /srv/kept; rm /etc/debconf.conf")
    fleet.run("copy", "--nodes", "5")
    try:
        states = fleet.states()
        assert [states[name]["STATE"] for name in ("node1", "node2", "node3", "node4", "node5")] == ["up"] * 5
        assert states["node4"]["KIND"] == KINDS[0] and states["node5"]["KIND"] == KINDS[1]
        for name in ("node1", "node4"):
            assert fleet.node(name, "cat /srv/kept") == "kept"
            fleet.node(name, "test -e /etc/debconf.conf", status=1)
        fleet.node("node5", "test -e /srv/kept", status=1)
        own = "hostname; cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub"
        first, copy = (fleet.node(name, own).splitlines() for name in ("node1", "node4"))
        assert copy[0] == "node4" and len(copy) == 3 and not set(first) & set(copy)
        assert fleet.ansible("gpu", "-m", "ansible.builtin.ping").count("pong") == 5
        fleet.node("node4", "echo more > /srv/more")
        fleet.run("reset", "node4")
        assert fleet.node("node4", "ls /srv") == "kept"
    finally:
        fleet.run("down", "node4", "node5")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("up", "--nodes", "0"), "--nodes takes a number"),
        (("up", "--kinds", "debian99", "--no-prepare"), "no node kind 'debian99'"),
        (("up", "--boards", "t4*0", "--no-prepare"), "'t4*0' is no board"),
        (("up", "--boards", "t5", "--no-prepare"), "no board 't5'"),
        (("up", "--name-prefix", "a/b", "--no-prepare"), "cannot begin a host name"),
        (("copy", "--nodes", "2"), "--nodes takes a number from 3 to"),
        (("reset", "ghost"), "no node 'ghost'"),
        (("reset",), "Say which"),
        (("diff", "node1", "--since", "never"), "no mark 'never'"),
        (("mark", "node1", "../up"), "cannot name a mark"),
        (("exec", "node1", "--"), "Say what to run"),
    ],
)
def test_wrong_words_get_one_clear_sentence(fleet: Cli, words: tuple[str, ...], expected: str) -> None:
    said = fleet.run(*words, status=2, timeout=60).stderr.strip()
    assert expected in said.splitlines()[-1]
    assert "Traceback" not in said
    assert [fleet.states()[name]["STATE"] for name in NODES] == ["up"] * 3


def test_node_records_are_complete(fleet: Cli) -> None:
    for name in NODES:
        record = json.loads((LAB.nodes / name / "node.json").read_text())
        assert set(record) == {"name", "index", "kind", "userland", "boards", "layers"}
