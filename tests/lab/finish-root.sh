#!/bin/sh
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Last touches on a fresh base root, called by mmdebstrap with the root's path.
set -eu
root=$1

# Each node gets its own identity before its first boot.
rm -f "$root"/etc/ssh/ssh_host_*
: > "$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root/etc/resolv.conf"

# As on a cloud image: one user logs in, who may become root; root does not. The lab writes the user's key.
# A group `admin` would make sudo leave a mark in the user's home.
chroot "$root" useradd --create-home --no-user-group --shell /bin/bash admin
printf 'admin ALL=(ALL) NOPASSWD: ALL\n' > "$root/etc/sudoers.d/lab"
chmod 0440 "$root/etc/sudoers.d/lab"
cat > "$root/etc/ssh/sshd_config.d/lab.conf" <<'CONF'
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin no
AuthorizedKeysFile /etc/ssh/authorized_keys.%u
UseDNS no
MaxStartups 100
CONF

# Until systemd has let users in, sshd would turn everyone but root away.
mkdir -p "$root/etc/systemd/system/ssh.service.d"
printf '[Unit]\nAfter=systemd-user-sessions.service\n' > "$root/etc/systemd/system/ssh.service.d/lab.conf"

# Nothing may start on its own while a test counts changes, and nobody sits at the console.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
            motd-news.timer console-getty.service getty.target; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\n' > "$root/etc/systemd/journald.conf.d/lab.conf"

# The lists of the release stay in the root, and so does apt's index over them; its downloads do not.
printf 'Acquire::Languages "none";\n' > "$root/etc/apt/apt.conf.d/80labfleet-gpu-lab"
chroot "$root" apt-get clean
chroot "$root" apt-cache gencaches
