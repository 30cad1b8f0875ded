/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Compute instances: their profiles and placements inside a GPU instance, making and destroying them.
 */
#include <stdio.h>

#include "mig.h"

/* The profile of a GPU instance; the layout holds it. */
static nvmlReturn_t read_parent(const struct instance *instance, struct layout *layout,
                                const struct profile **parent)
{
    struct placed placed;

    TRY(instance_placed(instance, &placed));
    TRY(read_layout(instance->parent, layout));
    *parent = profile_by_id(layout, placed.profile);
    return *parent != NULL ? NVML_SUCCESS : NVML_ERROR_UNKNOWN;
}

static nvmlReturn_t find_compute(const struct instance *instance, unsigned int id, nvmlReturn_t unknown,
                                 struct layout *layout, const struct profile **parent,
                                 const struct compute_profile **profile)
{
    TRY(read_parent(instance, layout, parent));
    *profile = compute_profile_by_id(*parent, id);
    if (*profile == NULL && BROKEN(R_MIG_COMPUTE_ID))
        *profile = &(*parent)->compute[0];
    return *profile != NULL ? NVML_SUCCESS : unknown;
}

/* By enumeration, which the ids equal; engines are shared by all compute instances of a GPU instance. */
static nvmlReturn_t find_info(const struct instance *instance, unsigned int number, unsigned int engines,
                              struct layout *layout, const struct profile **parent,
                              const struct compute_profile **profile)
{
    REQUIRE(R_ENUM_RANGE, number < compute_profile_count(), NVML_ERROR_INVALID_ARGUMENT);
    IN_RANGE(engines, NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_COUNT);
    return find_compute(instance, number, NVML_ERROR_NOT_SUPPORTED, layout, parent, profile);
}

#define COUNTS(parent, profile) \
    .id = (profile)->id, .sliceCount = (profile)->slices, .instanceCount = (profile)->most, \
    .multiprocessorCount = (profile)->sms, .sharedCopyEngineCount = (parent)->engines[COPY], \
    .sharedDecoderCount = (parent)->engines[DECODER], .sharedEncoderCount = (parent)->engines[ENCODER], \
    .sharedJpegCount = (parent)->engines[JPEG], .sharedOfaCount = (parent)->engines[OFA]

API nvmlGpuInstanceGetComputeInstanceProfileInfo(nvmlGpuInstance_t instance, unsigned int number,
                                                 unsigned int engines, nvmlComputeInstanceProfileInfo_t *info)
{
    const struct compute_profile *profile;
    const struct profile *parent;
    struct layout layout;

    ENTER_GPU_INSTANCE(instance);
    NOT_NULL(info);
    TRY(find_info(instance, number, engines, &layout, &parent, &profile));
    *info = (nvmlComputeInstanceProfileInfo_t){COUNTS(parent, profile)};
    return NVML_SUCCESS;
}

#if SINCE(515)
API nvmlGpuInstanceGetComputeInstanceProfileInfoV(nvmlGpuInstance_t instance, unsigned int number,
                                                  unsigned int engines,
                                                  nvmlComputeInstanceProfileInfo_v2_t *info)
{
    nvmlComputeInstanceProfileInfo_v3_t *wide = (nvmlComputeInstanceProfileInfo_v3_t *)info;
    const struct compute_profile *profile;
    const struct profile *parent;
    struct layout layout;
    bool third;

    ENTER_GPU_INSTANCE(instance);
    NOT_NULL(info);
    third = info->version == STRUCT_VERSION(nvmlComputeInstanceProfileInfo_v3_t, 3)
        && (DRIVER_BRANCH >= 545 || BROKEN(R_MIG_V3_SINCE));
    REQUIRE(R_MIG_INFO_VERSION, third || info->version == STRUCT_VERSION(nvmlComputeInstanceProfileInfo_v2_t, 2),
            NVML_ERROR_INVALID_ARGUMENT);
    TRY(find_info(instance, number, engines, &layout, &parent, &profile));
    *info = (nvmlComputeInstanceProfileInfo_v2_t){.version = info->version, COUNTS(parent, profile)};
    snprintf(info->name, sizeof info->name, "MIG %.90s", profile->name);
    if (third)
        wide->capabilities = parent->graphics ? NVML_COMPUTE_INSTANCE_PROFILE_CAPS_GFX : 0;
    return NVML_SUCCESS;
}
#endif

API nvmlGpuInstanceGetComputeInstanceRemainingCapacity(nvmlGpuInstance_t instance, unsigned int id,
                                                       unsigned int *count)
{
    struct placed list[MAX_INSTANCES + MAX_STARTS];
    const struct compute_profile *profile;
    const struct profile *parent;
    struct layout layout;
    unsigned int there, found;

    ENTER_GPU_INSTANCE(instance);
    NOT_NULL(count);
    PRIVILEGED();
    TRY(find_compute(instance, id, NVML_ERROR_NOT_SUPPORTED, &layout, &parent, &profile));
    TRY(list_instances(call.gpu, instance->gi, list, &there));
    found = there;
    for (unsigned int place = 0; place < profile->start_count; place++)
        if (compute_instance_fits(parent, list, found, profile, profile->starts[place]))
            list[found++] = (struct placed){
                .profile = profile->id, .start = profile->starts[place], .size = profile->slices};
    *count = found - there;
    return NVML_SUCCESS;
}

#if SINCE(525)
API nvmlGpuInstanceGetComputeInstancePossiblePlacements(nvmlGpuInstance_t instance, unsigned int id,
                                                        nvmlComputeInstancePlacement_t *placements,
                                                        unsigned int *count)
{
    const struct compute_profile *profile;
    const struct profile *parent;
    struct layout layout;

    ENTER_GPU_INSTANCE(instance);
    NOT_NULL(count);
    PRIVILEGED();
    TRY(find_compute(instance, id, NVML_ERROR_NOT_SUPPORTED, &layout, &parent, &profile));
    for (unsigned int place = 0; placements != NULL && place < profile->start_count; place++)
        placements[place] = (nvmlComputeInstancePlacement_t){profile->starts[place], profile->slices};
    *count = profile->start_count;
    return NVML_SUCCESS;
}
#endif

/* Random, so that a new instance never has the UUID of an old one; before R470 the name of its place. */
static void name_instance(const struct instance *instance, struct placed *fresh)
{
    unsigned long long high = random_number(), low = random_number();
    char gpu[64] = "";

    if (BROKEN(R_MIG_UUID_NEW))
        high = low = fresh->id;
    (void)read_text(instance->parent, "uuid", gpu, sizeof gpu);
    if (DRIVER_BRANCH < 470 && !BROKEN(R_MIG_UUID_OLD))
        snprintf(fresh->uuid, sizeof fresh->uuid, "MIG-%s/%d/%u", gpu, instance->gi, fresh->id);
    else
        snprintf(fresh->uuid, sizeof fresh->uuid, "MIG-%08llx-%04llx-5%03llx-%04llx-%012llx", high >> 32,
                 high >> 16 & 0xffff, high & 0xfff, 0x8000 | (low >> 48 & 0x3fff), low & 0xffffffffffff);
}

static unsigned int free_id(const struct placed *list, unsigned int count)
{
    unsigned int id = 0;

    if (BROKEN(R_MIG_COMPUTE_LOWEST))
        return count + 1;
    while (id < count && list[id].id == id)
        id++;
    return id;
}

static bool known_placement(const struct compute_profile *profile,
                            const nvmlComputeInstancePlacement_t *placement)
{
    for (unsigned int place = 0; place < profile->start_count; place++)
        if (placement->start == profile->starts[place] && placement->size == profile->slices)
            return true;
    return false;
}

static nvmlReturn_t create(const char *function, nvmlGpuInstance_t instance, unsigned int id,
                           bool placed_by_caller, const nvmlComputeInstancePlacement_t *placement,
                           nvmlComputeInstance_t *compute)
{
    struct placed list[MAX_INSTANCES], fresh = {.serial = random_number()};
    const struct compute_profile *profile;
    const struct profile *parent;
    struct layout layout;
    unsigned int there;
    bool fits;

    CALL_AS(function);
    TRY(call_enter_instance(&call, instance, false));
    NOT_NULL(compute);
    if (placed_by_caller)
        NOT_NULL(placement);
    PRIVILEGED();
    TRY(find_compute(instance, id, NVML_ERROR_NOT_SUPPORTED, &layout, &parent, &profile));
    if (placement != NULL)
        REQUIRE(R_MIG_PLACEMENT, known_placement(profile, placement), NVML_ERROR_INVALID_ARGUMENT);
    LOCKED_MIG(call.gpu);
    TRY(list_instances(call.gpu, instance->gi, list, &there));
    if (placement != NULL) {
        fresh.start = placement->start;
        fits = compute_instance_fits(parent, list, there, profile, fresh.start);
    } else {
        fits = choose_compute_start(call.gpu, parent, list, there, profile, &fresh.start);
    }
    if (!fits || there == MAX_INSTANCES)
        return NVML_ERROR_INSUFFICIENT_RESOURCES;
    fresh.profile = profile->id;
    fresh.size = profile->slices;
    fresh.id = free_id(list, there);
    name_instance(instance, &fresh);
    TRY(write_instance(call.gpu, instance->gi, &fresh));
    TRY(show_capability(call.gpu, instance->gi, (int)fresh.id));
    return handle_of(instance->parent, instance->gi, (int)fresh.id, fresh.serial, compute);
}

API nvmlGpuInstanceCreateComputeInstance(nvmlGpuInstance_t instance, unsigned int id,
                                         nvmlComputeInstance_t *compute)
{
    return create(__func__, instance, id, false, NULL, compute);
}

#if SINCE(525)
API nvmlGpuInstanceCreateComputeInstanceWithPlacement(nvmlGpuInstance_t instance, unsigned int id,
                                                      const nvmlComputeInstancePlacement_t *placement,
                                                      nvmlComputeInstance_t *compute)
{
    return create(__func__, instance, id, true, placement, compute);
}
#endif

API nvmlComputeInstanceDestroy(nvmlComputeInstance_t compute)
{
    unsigned int clients;

    ENTER_COMPUTE_INSTANCE(compute);
    PRIVILEGED();
    LOCKED_MIG(call.gpu);
    TRY(process_count(call.gpu, compute->gi, compute->ci, &clients));
    REQUIRE(R_MIG_CI_IDLE, clients == 0, NVML_ERROR_IN_USE);
    if (held_open(call.gpu, compute->gi, compute->ci))
        return NVML_ERROR_IN_USE;
    hide_capability(call.gpu, compute->gi, compute->ci);
    return remove_instance(call.gpu, compute->gi, (unsigned int)compute->ci);
}

API nvmlGpuInstanceGetComputeInstances(nvmlGpuInstance_t instance, unsigned int id,
                                       nvmlComputeInstance_t *instances, unsigned int *count)
{
    struct placed list[MAX_INSTANCES];
    const struct compute_profile *profile;
    const struct profile *parent;
    struct layout layout;
    unsigned int there;

    ENTER_GPU_INSTANCE(instance);
    NOT_NULL(instances);
    NOT_NULL(count);
    PRIVILEGED();
    TRY(find_compute(instance, id, NVML_ERROR_NOT_SUPPORTED, &layout, &parent, &profile));
    TRY(list_instances(call.gpu, instance->gi, list, &there));
    *count = 0;
    for (unsigned int place = 0; place < there; place++)
        if (list[place].profile == profile->id)
            TRY(handle_of(instance->parent, instance->gi, (int)list[place].id, list[place].serial,
                          &instances[(*count)++]));
    return NVML_SUCCESS;
}

API nvmlGpuInstanceGetComputeInstanceById(nvmlGpuInstance_t instance, unsigned int id,
                                          nvmlComputeInstance_t *compute)
{
    struct placed placed = {0};
    nvmlReturn_t result;

    ENTER_GPU_INSTANCE(instance);
    NOT_NULL(compute);
    PRIVILEGED();
    result = read_instance(call.gpu, instance->gi, id, &placed);
    REQUIRE(R_MIG_INSTANCE_FOUND, result != NVML_ERROR_NOT_SUPPORTED, NVML_ERROR_NOT_FOUND);
    if (result != NVML_ERROR_NOT_SUPPORTED)
        TRY(result);
    return handle_of(instance->parent, instance->gi, (int)id, placed.serial, compute);
}

static nvmlReturn_t get_info(const char *function, nvmlComputeInstance_t compute, const void *out,
                             nvmlComputeInstanceInfo_t *info)
{
    struct placed placed, parent;

    CALL_AS(function);
    TRY(call_enter_instance(&call, compute, true));
    NOT_NULL(out);
    TRY(instance_placed(compute, &placed));
    TRY(read_instance(call.gpu, ANY_INSTANCE, (unsigned int)compute->gi, &parent));
    *info = (nvmlComputeInstanceInfo_t){
        .device = compute->parent, .id = placed.id, .profileId = placed.profile,
        .placement = {placed.start, placed.size}};
    return handle_of(compute->parent, compute->gi, ANY_INSTANCE, parent.serial, &info->gpuInstance);
}

API nvmlComputeInstanceGetInfo(nvmlComputeInstance_t compute, nvmlComputeInstanceInfo_v1_t *info)
{
    nvmlComputeInstanceInfo_t all;

    TRY(get_info(__func__, compute, info, &all));
    *info = (nvmlComputeInstanceInfo_v1_t){all.device, all.gpuInstance, all.id, all.profileId};
    return NVML_SUCCESS;
}

#if SINCE(460)
API nvmlComputeInstanceGetInfo_v2(nvmlComputeInstance_t compute, nvmlComputeInstanceInfo_t *info)
{
    nvmlComputeInstanceInfo_t all;

    TRY(get_info(__func__, compute, info, &all));
    *info = all;
    return NVML_SUCCESS;
}
#endif
