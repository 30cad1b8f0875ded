/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* A small daemon: forks, leaves its process id in a file, waits for SIGTERM. */
#ifndef LABFLEET_DAEMON_H
#define LABFLEET_DAEMON_H

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fork; the parent writes PIDFILE of the child in DIRECTORY and returns 0 or 1 as its exit status,
 * the child gets -1. */
static int daemon_start(const char *directory, const char *pidfile)
{
    pid_t child;
    FILE *file;

    mkdir(directory, 0755);
    child = fork();
    if (child < 0) {
        perror("fork");
        return 1;
    }
    if (child > 0) {
        if ((file = fopen(pidfile, "w")) == NULL) {
            perror(pidfile);
            kill(child, SIGTERM);
            return 1;
        }
        fprintf(file, "%d\n", (int)child);
        return fclose(file) == 0 ? 0 : 1;
    }
    setsid();
    return -1;
}

/* Return when SIGTERM or SIGINT arrives; daemon_block must have been called before the fork. */
static void daemon_wait(void)
{
    sigset_t signals;
    int number;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigwait(&signals, &number);
}

static void daemon_block(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

#endif
