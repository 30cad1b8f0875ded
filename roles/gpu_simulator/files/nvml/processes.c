/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who uses a GPU: processes/<pid> holds "<kind> <MiB> [<GPU instance> <compute instance>]" and counts
 * while that process is alive.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define MAX_PROCESSES 1024

struct process {
    unsigned int pid;
    bool compute, graphics, mps;
    unsigned long long mib;
    int gi, ci;                     /* NO_PLACE: it uses the GPU as a whole */
};

static bool alive(unsigned int pid)
{
    return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

static bool parse_kind(const char *kind, struct process *process)
{
    process->compute = strcmp(kind, "C") == 0 || strcmp(kind, "C+G") == 0;
    process->graphics = strcmp(kind, "G") == 0 || strcmp(kind, "C+G") == 0;
    process->mps = strcmp(kind, "M") == 0;
    return process->compute || process->graphics || process->mps;
}

static int by_pid(const void *left, const void *right)
{
    unsigned int a = ((const struct process *)left)->pid, b = ((const struct process *)right)->pid;

    return a < b ? -1 : a > b;
}

static nvmlReturn_t list_processes(const struct gpu *gpu, struct process *list, unsigned int *count)
{
    char path[MAX_TEXT], name[64], text[128], kind[16];
    int words;
    struct dirent *entry;
    struct process process;
    nvmlReturn_t result;
    long long pid;
    DIR *directory;

    *count = 0;
    gpu_path(path, VOLATILE, gpu, "processes");
    directory = opendir(path);
    if (directory == NULL)
        return NVML_SUCCESS;
    while ((entry = readdir(directory)) != NULL && *count < MAX_PROCESSES) {
        if (!parse_number(entry->d_name, &pid) || pid <= 0)
            continue;
        process = (struct process){.pid = (unsigned int)pid, .gi = NO_PLACE, .ci = NO_PLACE};
        if (!alive(process.pid) && !BROKEN(R_PROCESS_ALIVE))
            continue;
        snprintf(name, sizeof name, "processes/%lld", pid);
        gpu_path(path, VOLATILE, gpu, name);
        result = read_path(path, text, sizeof text);
        if (result == NVML_ERROR_NOT_SUPPORTED)      /* gone since the directory was read */
            continue;
        words = result == NVML_SUCCESS
            ? sscanf(text, "%15s %llu %d %d", kind, &process.mib, &process.gi, &process.ci) : 0;
        if ((words != 2 && words != 4) || !parse_kind(kind, &process)) {
            complain(path, text, "a kind (C, G, C+G or M), MiB and, in MIG mode, two instance ids");
            closedir(directory);
            return NVML_ERROR_UNKNOWN;
        }
        list[(*count)++] = process;
    }
    closedir(directory);
    qsort(list, *count, sizeof list[0], by_pid);
    return NVML_SUCCESS;
}

static bool placed_at(const struct process *process, int gi, int ci)
{
    return (gi == -1 || process->gi == gi) && (ci == -1 || process->ci == ci);
}

nvmlReturn_t process_memory_mib(const struct gpu *gpu, int gi, unsigned long long *mib)
{
    struct process list[MAX_PROCESSES];
    unsigned int count;

    *mib = 0;
    TRY(list_processes(gpu, list, &count));
    for (unsigned int place = 0; place < count; place++)
        if (placed_at(&list[place], gi, -1))
            *mib += list[place].mib;
    return NVML_SUCCESS;
}

nvmlReturn_t process_count(const struct gpu *gpu, int gi, int ci, unsigned int *count)
{
    struct process list[MAX_PROCESSES];
    unsigned int all;

    *count = 0;
    TRY(list_processes(gpu, list, &all));
    for (unsigned int place = 0; place < all; place++)
        *count += placed_at(&list[place], gi, ci);
    return NVML_SUCCESS;
}

enum mode { COMPUTE, GRAPHICS, MPS, ALL, MODES };

static bool has_mode(const struct process *process, enum mode mode)
{
    if (BROKEN(R_PROCESS_KIND) || mode == ALL)
        return true;
    return mode == COMPUTE ? process->compute : mode == GRAPHICS ? process->graphics : process->mps;
}

/* Keeps the processes of one kind, and says whether the caller's room is enough for them. */
static nvmlReturn_t select_processes(const struct gpu *gpu, enum mode mode, struct process *list,
                                     unsigned int *found, unsigned int *room, const void *array)
{
    int gi = mig_gpu_instance(gpu), ci = mig_compute_instance(gpu);
    unsigned int all, given = *room;

    TRY(mig_may_see(gpu));
    TRY(list_processes(gpu, list, &all));
    *found = 0;
    for (unsigned int place = 0; place < all; place++)
        if (has_mode(&list[place], mode) && (placed_at(&list[place], gi, ci) || BROKEN(R_MIG_PROCESS_PLACE)))
            list[(*found)++] = list[place];
    if (!BROKEN(R_COUNT_WRITTEN) || *found <= given)
        *room = *found;
    REQUIRE(R_COUNT_SIZE, *found <= given, NVML_ERROR_INSUFFICIENT_SIZE);
    if (*found > given)
        *found = *room = given;
    if (*found > 0)
        NOT_NULL(array);
    return NVML_SUCCESS;
}

static nvmlReturn_t running_v1(const char *function, nvmlDevice_t device, enum mode mode, unsigned int *count,
                               nvmlProcessInfo_v1_t *infos)
{
    struct process list[MAX_PROCESSES];
    unsigned int found;

    ENTER_ANY_DEVICE_AS(function, device);
    NOT_NULL(count);
    TRY(select_processes(call.gpu, mode, list, &found, count, infos));
    for (unsigned int place = 0; place < found; place++)
        infos[place] = (nvmlProcessInfo_v1_t){list[place].pid, list[place].mib * MIB};
    return NVML_SUCCESS;
}

static unsigned int instance_id(int id)
{
    return id == NO_PLACE ? NVML_NO_INSTANCE : (unsigned int)id;
}

static nvmlReturn_t running(const char *function, nvmlDevice_t device, enum mode mode, unsigned int *count,
                            nvmlProcessInfo_v2_t *infos)
{
    struct process list[MAX_PROCESSES];
    unsigned int found;

    ENTER_ANY_DEVICE_AS(function, device);
    NOT_NULL(count);
    TRY(select_processes(call.gpu, mode, list, &found, count, infos));
    for (unsigned int place = 0; place < found; place++)
        infos[place] = (nvmlProcessInfo_v2_t){
            list[place].pid, list[place].mib * MIB, instance_id(list[place].gi), instance_id(list[place].ci)};
    return NVML_SUCCESS;
}

#define RUNNING(kind, mode) \
    API nvmlDeviceGet##kind##RunningProcesses(nvmlDevice_t device, unsigned int *count, \
                                              nvmlProcessInfo_v1_t *infos) \
    { return running_v1(__func__, device, mode, count, infos); } \
    API nvmlDeviceGet##kind##RunningProcesses_v2(nvmlDevice_t device, unsigned int *count, \
                                                 nvmlProcessInfo_v2_t *infos) \
    { return running(__func__, device, mode, count, infos); } \
    API nvmlDeviceGet##kind##RunningProcesses_v3(nvmlDevice_t device, unsigned int *count, \
                                                 nvmlProcessInfo_v2_t *infos) \
    { return running(__func__, device, mode, count, infos); }

RUNNING(Compute, COMPUTE)
RUNNING(Graphics, GRAPHICS)
RUNNING(MPSCompute, MPS)

API nvmlDeviceGetRunningProcessDetailList(nvmlDevice_t device, nvmlProcessDetailList_v1_t *details)
{
    struct process list[MAX_PROCESSES];
    unsigned int found;

    ENTER_ANY_DEVICE(device);
    NOT_NULL(details);
    HAS_VERSION(details->version, nvmlProcessDetailList_v1_t, 1);
    IN_RANGE(details->mode, MODES);
    TRY(select_processes(call.gpu, details->mode, list, &found, &details->numProcArrayEntries,
                         details->procArray));
    for (unsigned int place = 0; place < found; place++)
        details->procArray[place] = (nvmlProcessDetail_v1_t){
            list[place].pid, list[place].mib * MIB, instance_id(list[place].gi), instance_id(list[place].ci), 0};
    return NVML_SUCCESS;
}

/* No samples of single processes are simulated: none has been seen. */
API nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t *samples,
                                    unsigned int *count, unsigned long long since)
{
    ENTER_DEVICE(device);
    (void)samples;
    (void)since;
    NOT_NULL(count);
    *count = 0;
    return NVML_ERROR_NOT_FOUND;
}
