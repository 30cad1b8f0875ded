/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Handles of GPU instances, compute instances and MIG devices. The same instance has the same handle
 * in a session; an instance made anew at the same place has another, and the old one stays invalid.
 */
#include <pthread.h>
#include <stdlib.h>

#include "mig.h"

static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER;
static struct instance *handles;

/* Handles end with their session; called while no other call runs. */
void forget_handles(void)
{
    struct instance *next;

    for (; handles != NULL; handles = next) {
        next = handles->next;
        free(handles);
    }
}

nvmlReturn_t handle_of(nvmlDevice_t gpu, int gi, int ci, unsigned long long serial, struct instance **handle)
{
    struct instance *found;

    pthread_mutex_lock(&handles_lock);
    for (found = handles; found != NULL; found = found->next)
        if (found->parent == gpu && found->gi == gi && found->ci == ci && found->serial == serial)
            break;
    if (found == NULL && (found = calloc(1, sizeof *found)) != NULL) {
        *found = (struct instance){.next = handles, .parent = gpu, .gi = gi, .ci = ci, .serial = serial};
        found->device = (struct gpu){.number = gpu->number, .instance = found};
        handles = found;
    }
    pthread_mutex_unlock(&handles_lock);
    *handle = found;
    return found != NULL ? NVML_SUCCESS : NVML_ERROR_MEMORY;
}

static bool is_handle(const struct instance *handle)
{
    const struct instance *found;

    pthread_mutex_lock(&handles_lock);
    for (found = handles; found != NULL && found != handle; found = found->next)
        ;
    pthread_mutex_unlock(&handles_lock);
    return found != NULL && handle != NULL;
}

bool is_mig_device(nvmlDevice_t device)
{
    const struct instance *found;

    pthread_mutex_lock(&handles_lock);
    for (found = handles; found != NULL && &found->device != device; found = found->next)
        ;
    pthread_mutex_unlock(&handles_lock);
    return found != NULL;
}

static nvmlReturn_t same_instance(const struct instance *instance, int gi, int id, unsigned long long serial,
                                  struct placed *placed)
{
    nvmlReturn_t result = read_instance(instance->parent, gi, (unsigned int)id, placed);
    bool same = result == NVML_SUCCESS && (serial == 0 || placed->serial == serial);

    if (result != NVML_SUCCESS && result != NVML_ERROR_NOT_SUPPORTED)
        return result;
    return same ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t instance_placed(const struct instance *instance, struct placed *placed)
{
    unsigned long long serial = BROKEN(R_MIG_HANDLE) ? 0 : instance->serial;

    if (instance->ci == ANY_INSTANCE)
        return same_instance(instance, ANY_INSTANCE, instance->gi, serial, placed);
    return same_instance(instance, instance->gi, instance->ci, serial, placed);
}

nvmlReturn_t call_enter_instance(struct call *call, struct instance *instance, bool compute)
{
    struct placed placed;

    TRY(call_lock(call));
    REQUIRE(R_HANDLE_VALID, is_handle(instance) && (instance->ci != ANY_INSTANCE) == compute,
            NVML_ERROR_INVALID_ARGUMENT);
    call->gpu = instance->parent;
    TRY(apply_fault(call->function, instance->parent));
    TRY(check_present(instance->parent));
    return instance_placed(instance, &placed);
}
