/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Keeps persistence mode on for every GPU while it runs. */
#include <stdio.h>
#include <string.h>

#include "daemon.h"
#include "nvml.h"

#define DIRECTORY "/run/nvidia-persistenced"
#define PIDFILE DIRECTORY "/nvidia-persistenced.pid"

static int set_all(int mode)
{
    unsigned count = 0, index;
    nvml_device device;
    int code, worst;

    worst = nvmlDeviceGetCount_v2(&count);
    for (index = 0; index < count; index++) {
        if ((code = nvmlDeviceGetHandleByIndex_v2(index, &device)) == NVML_SUCCESS)
            code = nvmlDeviceSetPersistenceMode(device, mode);
        if (code != NVML_SUCCESS) {
            fprintf(stderr, "GPU %u: persistence mode %s failed: %s\n", index, mode ? "on" : "off",
                    nvmlErrorString(code));
            worst = code;
        }
    }
    return worst;
}

int main(int argc, char **argv)
{
    int index, code;

    for (index = 1; index < argc; index++) {
        if (strcmp(argv[index], "--version") == 0) {
            printf("nvidia-persistenced:  version %s\n", VERSION);
            return 0;
        }
        if (strcmp(argv[index], "--verbose") != 0) {
            fprintf(stderr, "nvidia-persistenced: unknown option %s\n", argv[index]);
            return 1;
        }
    }
    if ((code = nvml_open()) != NVML_SUCCESS) {
        fprintf(stderr, "nvidia-persistenced: libnvidia-ml.so.1 cannot be used: %s\n", dlerror());
        return 1;
    }
    if ((code = nvmlInit_v2()) != NVML_SUCCESS) {
        fprintf(stderr, "nvidia-persistenced: the driver does not answer: %s\n", nvmlErrorString(code));
        return 1;
    }
    if (set_all(1) != NVML_SUCCESS)
        return 1;
    nvmlShutdown();
    daemon_block();
    if ((code = daemon_start(DIRECTORY, PIDFILE)) >= 0)
        return code;
    daemon_wait();
    if (nvmlInit_v2() == NVML_SUCCESS) {
        set_all(0);
        nvmlShutdown();
    }
    unlink(PIDFILE);
    return 0;
}
