/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The library's only state in memory (is it initialized, which GPUs did it find) and the way into
 * every call. Calls hold the lock shared, init and shutdown hold it alone.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static unsigned int initializations;
static struct gpu gpus[MAX_GPUS];
static unsigned int gpus_found;

unsigned int gpu_count(void)
{
    return gpus_found;
}

nvmlDevice_t gpu_at(unsigned int index)
{
    return &gpus[index];
}

static int by_number(const void *left, const void *right)
{
    return ((const struct gpu *)left)->number - ((const struct gpu *)right)->number;
}

/* The bound GPUs are the directories gpus/<n>/ of the volatile tree. */
static nvmlReturn_t find_gpus(void)
{
    char path[MAX_TEXT];
    struct dirent *entry;
    long long number;
    DIR *directory;

    gpus_found = 0;
    tree_path(path, VOLATILE, "gpus");
    directory = opendir(path);
    if (directory == NULL)
        return NVML_SUCCESS;
    while ((entry = readdir(directory)) != NULL) {
        if (!parse_number(entry->d_name, &number) || number < 0)
            continue;
        if (gpus_found == MAX_GPUS) {
            complain(path, "more than 64 entries", "at most 64");
            closedir(directory);
            return NVML_ERROR_UNKNOWN;
        }
        gpus[gpus_found++] = (struct gpu){.number = (int)number};
    }
    closedir(directory);
    qsort(gpus, gpus_found, sizeof gpus[0], by_number);
    for (unsigned int index = 0; index < gpus_found; index++)
        gpus[index].index = index;
    return NVML_SUCCESS;
}

static nvmlReturn_t start(unsigned int flags, bool all_gpus)
{
    char path[MAX_TEXT], loaded[128];
    nvmlReturn_t result;

    tree_path(path, VOLATILE, "module/version");
    result = read_path(path, loaded, sizeof loaded);
    REQUIRE(R_MODULE_LOADED, result != NVML_ERROR_NOT_SUPPORTED, NVML_ERROR_DRIVER_NOT_LOADED);
    if (result != NVML_SUCCESS && result != NVML_ERROR_NOT_SUPPORTED)
        return result;
    REQUIRE(R_VERSION_MATCH, result != NVML_SUCCESS || strcmp(loaded, DRIVER_VERSION) == 0,
            NVML_ERROR_LIB_RM_VERSION_MISMATCH);
    forget_handles();
    TRY(find_gpus());
    REQUIRE(R_GPUS_FOUND, gpus_found > 0 || (flags & NVML_INIT_FLAG_NO_GPUS), NVML_ERROR_GPU_NOT_FOUND);
    for (unsigned int index = 0; all_gpus && index < gpus_found; index++)
        REQUIRE(R_INIT_V1_ALL_GOOD, check_present(&gpus[index]) == NVML_SUCCESS, NVML_ERROR_GPU_IS_LOST);
    session_begin();
    return NVML_SUCCESS;
}

static nvmlReturn_t initialize(const char *function, unsigned int flags, bool all_gpus)
{
    nvmlReturn_t result;

    TRY(apply_fault(function, NULL));
    pthread_rwlock_wrlock(&lock);
    result = initializations > 0 ? NVML_SUCCESS : start(flags, all_gpus);
    if (result == NVML_SUCCESS)
        initializations++;
    pthread_rwlock_unlock(&lock);
    return result;
}

API nvmlInit(void)
{
    return initialize(__func__, 0, true);
}

API nvmlInit_v2(void)
{
    return initialize(__func__, 0, false);
}

API nvmlInitWithFlags(unsigned int flags)
{
    return initialize(__func__, flags, false);
}

API nvmlShutdown(void)
{
    nvmlReturn_t result = NVML_SUCCESS;

    TRY(apply_fault(__func__, NULL));
    pthread_rwlock_wrlock(&lock);
    if (initializations > 0) {
        initializations = BROKEN(R_INIT_COUNTED) ? 0 : initializations - 1;
        if (initializations == 0)
            session_end();
    } else if (!BROKEN(R_SHUTDOWN_NEEDS_INIT))
        result = NVML_ERROR_UNINITIALIZED;
    pthread_rwlock_unlock(&lock);
    return result;
}

nvmlReturn_t call_lock(struct call *call)
{
    pthread_rwlock_rdlock(&lock);
    call->locked = true;
    REQUIRE(R_INIT_FIRST, initializations > 0, NVML_ERROR_UNINITIALIZED);
    return NVML_SUCCESS;
}

nvmlReturn_t call_enter(struct call *call, bool initialized)
{
    if (initialized) {
        TRY(call_lock(call));
        return apply_fault(call->function, NULL);
    }
    pthread_rwlock_rdlock(&lock);
    call->locked = true;
    return apply_fault(call->function, NULL);
}

void call_leave(struct call *call)
{
    if (call->locked)
        pthread_rwlock_unlock(&lock);
}

/* A handle points into the table; anything else must not be followed. */
nvmlReturn_t check_handle(nvmlDevice_t device)
{
    uintptr_t offset = (uintptr_t)device - (uintptr_t)gpus;

    REQUIRE(R_HANDLE_VALID, device >= gpus && offset < gpus_found * sizeof gpus[0]
            && offset % sizeof gpus[0] == 0, NVML_ERROR_INVALID_ARGUMENT);
    return NVML_SUCCESS;
}

/* A MIG device exists as long as its compute instance does. */
static nvmlReturn_t check_mig_device(nvmlDevice_t device, bool welcome)
{
    TRY(mig_device_exists(device));
    REQUIRE(R_MIG_GPU_ONLY, welcome, NVML_ERROR_NOT_SUPPORTED);
    return NVML_SUCCESS;
}

nvmlReturn_t check_present(const struct gpu *gpu)
{
    char path[MAX_TEXT];
    bool bound, lost;

    gpu_path(path, VOLATILE, gpu, "");
    bound = access(path, F_OK) == 0;
    gpu_path(path, VOLATILE, gpu, "lost");
    lost = access(path, F_OK) == 0;
    REQUIRE(R_GPU_PRESENT, bound && !lost, NVML_ERROR_GPU_IS_LOST);
    return NVML_SUCCESS;
}

nvmlReturn_t call_enter_device(struct call *call, nvmlDevice_t device, bool mig_welcome)
{
    bool mig;

    TRY(call_lock(call));
    mig = is_mig_device(device);
    if (!mig)
        TRY(check_handle(device));
    call->gpu = device;
    TRY(apply_fault(call->function, device));
    TRY(check_present(device));
    return mig ? check_mig_device(device, mig_welcome) : NVML_SUCCESS;
}

nvmlReturn_t get_uint(const char *function, nvmlDevice_t device, const char *name, unsigned int *value)
{
    ENTER_DEVICE_AS(function, device);
    NOT_NULL(value);
    return read_uint(call.gpu, name, value);
}

nvmlReturn_t get_text(const char *function, nvmlDevice_t device, const char *name, char *buffer,
                      unsigned int length)
{
    char text[MAX_TEXT];

    ENTER_DEVICE_AS(function, device);
    NOT_NULL(buffer);
    TRY(read_text(call.gpu, name, text, sizeof text));
    return copy_text(text, buffer, length);
}
