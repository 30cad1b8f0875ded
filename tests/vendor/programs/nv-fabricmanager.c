/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Fabric manager in two acts: it refuses a driver whose version is not exactly its own, and it lets the
 * simulated GPUs join their fabric, which gpu-simulator does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

#define DIRECTORY "/run/nvidia-fabricmanager"
#define PIDFILE DIRECTORY "/nv-fabricmanager.pid"

/* Version of the loaded module from /sys or, failing that, from /proc; 0 if none is loaded. */
static int loaded(char *version, size_t size)
{
    char line[256], *word;
    FILE *file;

    if ((file = fopen("/sys/module/nvidia/version", "r")) != NULL) {
        word = fgets(version, (int)size, file);
        fclose(file);
        if (word != NULL) {
            version[strcspn(version, "\n")] = '\0';
            return 1;
        }
    }
    if ((file = fopen("/proc/driver/nvidia/version", "r")) == NULL)
        return 0;
    word = fgets(line, sizeof line, file);
    fclose(file);
    for (word = word == NULL ? NULL : strtok(line, " \n"); word != NULL; word = strtok(NULL, " \n"))
        if (word[0] >= '1' && word[0] <= '9' && strchr(word, '.') != NULL) {
            snprintf(version, size, "%s", word);
            return 1;
        }
    return 0;
}

int main(int argc, char **argv)
{
    char version[80];
    int code;

    if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)) {
        printf("Fabric Manager version is : %s\n", VERSION);
        return 0;
    }
    if (!loaded(version, sizeof version)) {
        fprintf(stderr, "fabric manager %s found no loaded NVIDIA driver\n", VERSION);
        return 1;
    }
    if (strcmp(version, VERSION) != 0) {
        fprintf(stderr, "fabric manager NVIDIA GPU driver interface version %s don't match with driver "
                "version %s. Please update with matching NVIDIA driver package.\n", VERSION, version);
        return 1;
    }
    if (system("/usr/sbin/gpu-simulator fabric start --version " VERSION) != 0)
        return 1;
    daemon_block();
    if ((code = daemon_start(DIRECTORY, PIDFILE)) >= 0)
        return code;
    daemon_wait();
    unlink(PIDFILE);
    code = system("/usr/sbin/gpu-simulator fabric stop");
    return code == 0 ? 0 : 1;
}
