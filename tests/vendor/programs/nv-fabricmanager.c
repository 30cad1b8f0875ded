/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Fabric manager in three acts: it refuses a driver whose version is not exactly its own, it runs the subnet
 * manager beside itself where the fabric is an NVLink 5 one (Fabric Manager user guide: HGX B200 and later),
 * and it lets the simulated GPUs join their fabric, which gpu-simulator does. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

#define DIRECTORY "/run/nvidia-fabricmanager"
#define PIDFILE DIRECTORY "/nv-fabricmanager.pid"
#define SUBNET_MANAGER "/opt/nvidia/nvlsm/sbin/nvlsm"
#define SUBNET_MANAGER_PIDFILE "/run/nvlsm/nvlsm.pid"

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

/* Does the vendor data of an InfiniBand device name the switch manager? */
static int nvlink5(void)
{
    char data[4096];
    size_t index, length, number;
    glob_t found;
    FILE *file;
    int yes = 0;

    if (glob("/sys/class/infiniband/*/device/vpd", 0, NULL, &found) != 0)
        return 0;
    for (index = 0; index < found.gl_pathc && !yes; index++) {
        if ((file = fopen(found.gl_pathv[index], "r")) == NULL)
            continue;
        length = fread(data, 1, sizeof data, file);
        fclose(file);
        for (number = 0; number + 6 <= length && !yes; number++)
            yes = memcmp(data + number, "SW_MNG", 6) == 0;
    }
    globfree(&found);
    return yes;
}

static void stop_subnet_manager(void)
{
    FILE *file = fopen(SUBNET_MANAGER_PIDFILE, "r");
    int pid;

    if (file == NULL)
        return;
    if (fscanf(file, "%d", &pid) == 1 && pid > 1)
        kill(pid, SIGTERM);
    fclose(file);
}

int main(int argc, char **argv)
{
    char version[80];
    int code, managed;

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
    /* gpu-simulator says what is wrong where the subnet manager cannot run. */
    managed = nvlink5() && access(SUBNET_MANAGER, X_OK) == 0 && system(SUBNET_MANAGER) == 0;
    if (system("/usr/sbin/gpu-simulator fabric start --version " VERSION) != 0) {
        if (managed)
            stop_subnet_manager();
        return 1;
    }
    daemon_block();
    if ((code = daemon_start(DIRECTORY, PIDFILE)) >= 0) {
        if (code != 0 && managed)
            stop_subnet_manager();
        return code;
    }
    daemon_wait();
    if (managed)
        stop_subnet_manager();
    unlink(PIDFILE);
    code = system("/usr/sbin/gpu-simulator fabric stop");
    return code == 0 ? 0 : 1;
}
