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

cat > "$root/etc/ssh/sshd_config.d/lab.conf" <<'CONF'
HostKey /etc/ssh/ssh_host_ed25519_key
UseDNS no
MaxStartups 100
CONF

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
