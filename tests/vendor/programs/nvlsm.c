/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The NVLink subnet manager in one act: it runs where ib_umad is loaded, and nowhere else. */
#include <string.h>

#include "daemon.h"

#define DIRECTORY "/run/nvlsm"
#define PIDFILE DIRECTORY "/nvlsm.pid"

int main(int argc, char **argv)
{
    int code;

    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("NVLSM %s\n", VERSION);
        return 0;
    }
    if (access("/sys/module/ib_umad", F_OK) != 0) {
        fprintf(stderr, "nvlsm %s found no /sys/module/ib_umad: load the kernel module ib_umad\n", VERSION);
        return 1;
    }
    daemon_block();
    if ((code = daemon_start(DIRECTORY, PIDFILE)) >= 0)
        return code;
    daemon_wait();
    unlink(PIDFILE);
    return 0;
}
