/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * MIG devices: a compute instance as a device of its own, found by index or UUID, and what it answers.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mig.h"

#define MAX_DEVICES (MAX_INSTANCES * MAX_INSTANCES)

struct entry { int gi; struct placed placed; };

/* The compute instances of a GPU by GPU instance and id: a MIG device's index is its place in this list. */
static nvmlReturn_t list_devices(const struct gpu *gpu, struct entry *list, unsigned int *count)
{
    struct placed parents[MAX_INSTANCES], children[MAX_INSTANCES];
    unsigned int there, found;

    *count = 0;
    TRY(list_instances(gpu, ANY_INSTANCE, parents, &there));
    for (unsigned int parent = 0; parent < there; parent++) {
        TRY(list_instances(gpu, (int)parents[parent].id, children, &found));
        for (unsigned int child = 0; child < found; child++)
            list[(*count)++] = (struct entry){(int)parents[parent].id, children[child]};
    }
    return NVML_SUCCESS;
}

static nvmlReturn_t device_of(nvmlDevice_t gpu, const struct entry *entry, nvmlDevice_t *device)
{
    struct instance *handle;

    TRY(handle_of(gpu, entry->gi, (int)entry->placed.id, entry->placed.serial, &handle));
    *device = &handle->device;
    return NVML_SUCCESS;
}

API nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *is_mig)
{
    ENTER_ANY_DEVICE(device);
    NOT_NULL(is_mig);
    *is_mig = call.gpu->instance != NULL && !BROKEN(R_MIG_DEVICE);
    return NVML_SUCCESS;
}

API nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int index, nvmlDevice_t *mig)
{
    struct entry list[MAX_DEVICES];
    unsigned int now, most = 0, count;

    ENTER_DEVICE(device);
    NOT_NULL(mig);
    TRY(require_capable(call.gpu, &now));
    TRY(read_uint(call.gpu, "mig_device_max", &most));
    IN_RANGE(index, most);
    TRY(list_devices(call.gpu, list, &count));
    if (index >= count || now == 0)
        return NVML_ERROR_NOT_FOUND;
    return device_of(device, &list[index], mig);
}

nvmlReturn_t mig_device_by_uuid(const struct gpu *gpu, const char *uuid, nvmlDevice_t *device)
{
    struct entry list[MAX_DEVICES];
    unsigned int count;

    *device = NULL;
    TRY(list_devices(gpu, list, &count));
    for (unsigned int place = 0; place < count; place++)
        if (strcasecmp(list[place].placed.uuid, uuid) == 0)
            return device_of(gpu_at(gpu->index), &list[place], device);
    return NVML_SUCCESS;
}

nvmlReturn_t mig_device_exists(nvmlDevice_t device)
{
    struct placed placed;

    return instance_placed(device->instance, &placed);
}

int mig_gpu_instance(const struct gpu *device)
{
    return device->instance != NULL ? device->instance->gi : ANY_INSTANCE;
}

int mig_compute_instance(const struct gpu *device)
{
    return device->instance != NULL ? device->instance->ci : ANY_INSTANCE;
}

/* What only a MIG device has. */
static nvmlReturn_t mig_only(const struct gpu *device, const void *out)
{
    NOT_NULL(out);
    REQUIRE(R_MIG_DEVICE, device->instance != NULL, NVML_ERROR_INVALID_ARGUMENT);
    return NVML_SUCCESS;
}

API nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, unsigned int *id)
{
    ENTER_ANY_DEVICE(device);
    TRY(mig_only(call.gpu, id));
    *id = (unsigned int)call.gpu->instance->gi;
    return NVML_SUCCESS;
}

API nvmlDeviceGetComputeInstanceId(nvmlDevice_t device, unsigned int *id)
{
    ENTER_ANY_DEVICE(device);
    TRY(mig_only(call.gpu, id));
    *id = (unsigned int)call.gpu->instance->ci;
    return NVML_SUCCESS;
}

API nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t device, nvmlDevice_t *parent)
{
    ENTER_ANY_DEVICE(device);
    TRY(mig_only(call.gpu, parent));
    *parent = call.gpu->instance->parent;
    return NVML_SUCCESS;
}

/* The profiles that a MIG device was made with; the layout holds them. */
static nvmlReturn_t profiles_of(const struct gpu *device, struct layout *layout, const struct profile **profile,
                                const struct compute_profile **compute)
{
    const struct instance *instance = device->instance;
    struct placed gi, ci;

    TRY(instance_placed(instance, &ci));
    TRY(read_instance(instance->parent, ANY_INSTANCE, (unsigned int)instance->gi, &gi));
    TRY(read_layout(instance->parent, layout));
    *profile = profile_by_id(layout, gi.profile);
    *compute = *profile != NULL ? compute_profile_by_id(*profile, ci.profile) : NULL;
    return *compute != NULL ? NVML_SUCCESS : NVML_ERROR_UNKNOWN;
}

static nvmlReturn_t attributes(const char *function, nvmlDevice_t device, nvmlDeviceAttributes_t *attributes)
{
    const struct compute_profile *compute;
    const struct profile *profile;
    struct layout layout;

    ENTER_ANY_DEVICE_AS(function, device);
    NOT_NULL(attributes);
    if (call.gpu->instance == NULL)
        return NVML_ERROR_NOT_SUPPORTED;
    TRY(profiles_of(call.gpu, &layout, &profile, &compute));
    *attributes = (nvmlDeviceAttributes_t){
        compute->sms, profile->engines[COPY], profile->engines[DECODER], profile->engines[ENCODER],
        profile->engines[JPEG], profile->engines[OFA], profile->slices, compute->slices, profile->memory_mib};
    return NVML_SUCCESS;
}

API nvmlDeviceGetAttributes(nvmlDevice_t device, nvmlDeviceAttributes_t *out)
{
    return attributes(__func__, device, out);
}

#if SINCE(455)
API nvmlDeviceGetAttributes_v2(nvmlDevice_t device, nvmlDeviceAttributes_t *out)
{
    return attributes(__func__, device, out);
}
#endif

/* All compute instances of a GPU instance share its memory. */
nvmlReturn_t mig_memory_mib(const struct gpu *device, unsigned long long *mib)
{
    const struct compute_profile *compute;
    const struct profile *profile;
    struct layout layout;

    TRY(profiles_of(device, &layout, &profile, &compute));
    *mib = profile->memory_mib;
    return NVML_SUCCESS;
}

nvmlReturn_t mig_share(const struct gpu *device, unsigned long long *quantity)
{
    const struct compute_profile *compute;
    const struct profile *profile;
    struct layout layout;

    TRY(profiles_of(device, &layout, &profile, &compute));
    if (!BROKEN(R_MIG_SHARE))
        *quantity = *quantity * profile->size / layout.units;
    return NVML_SUCCESS;
}

/* Name and UUID are the MIG device's own: "<name of the GPU> MIG <name of the compute profile>". */
nvmlReturn_t mig_device_text(const struct gpu *device, const char *name, char *text, size_t size)
{
    const struct compute_profile *compute;
    const struct profile *profile;
    struct layout layout;
    struct placed placed;
    char parent[128];

    if (strcmp(name, "uuid") == 0) {
        TRY(instance_placed(device->instance, &placed));
        snprintf(text, size, "%s", placed.uuid);
        return NVML_SUCCESS;
    }
    TRY(read_text(device->instance->parent, "name", parent, sizeof parent));
    TRY(profiles_of(device, &layout, &profile, &compute));
    snprintf(text, size, "%s MIG %s", parent, compute->name);
    return NVML_SUCCESS;
}

nvmlReturn_t mig_device_index(const struct gpu *device, unsigned int *index)
{
    struct entry list[MAX_DEVICES];
    unsigned int count;

    TRY(list_devices(device->instance->parent, list, &count));
    for (*index = 0; *index < count; (*index)++)
        if (list[*index].gi == device->instance->gi && (int)list[*index].placed.id == device->instance->ci)
            return NVML_SUCCESS;
    return NVML_ERROR_INVALID_ARGUMENT;
}
