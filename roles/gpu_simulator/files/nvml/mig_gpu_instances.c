/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * GPU instances: their profiles and placements, making and destroying them, and which there are.
 */
#include <stdio.h>

#include "mig.h"

static nvmlReturn_t find_profile(const struct gpu *gpu, unsigned int number, struct layout *layout,
                                 const struct profile **profile)
{
    unsigned int mode;

    REQUIRE(R_ENUM_RANGE, number < gpu_profile_count(), NVML_ERROR_INVALID_ARGUMENT);
    TRY(require_capable(gpu, &mode));
    TRY(read_layout(gpu, layout));
    *profile = profile_by_number(layout, number);
    if (*profile == NULL && BROKEN(R_MIG_PROFILE_KNOWN))
        *profile = &layout->profiles[0];
    return *profile != NULL ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

/* An id that the board does not have; which of two documented codes it gives differs between the calls. */
static nvmlReturn_t find_profile_id(const struct gpu *gpu, unsigned int id, nvmlReturn_t unknown,
                                    struct layout *layout, const struct profile **profile)
{
    TRY(read_layout(gpu, layout));
    *profile = profile_by_id(layout, id);
    if (*profile == NULL && BROKEN(R_MIG_PROFILE_ID))
        *profile = &layout->profiles[0];
    return *profile != NULL ? NVML_SUCCESS : unknown;
}

/* What can be asked while MIG mode is off, of a board that has MIG. */
static nvmlReturn_t require_readable(const struct gpu *gpu)
{
    unsigned int mode;

    return BROKEN(R_MIG_READ_WHEN_OFF) ? require_enabled(gpu) : require_capable(gpu, &mode);
}

nvmlReturn_t mig_read_when_off(const struct gpu *gpu, unsigned int *yes)
{
    unsigned int mode;

    TRY(require_capable(gpu, &mode));
    *yes = !BROKEN(R_MIG_READ_WHEN_OFF);
    return NVML_SUCCESS;
}

#define COUNTS(profile) \
    .id = (profile)->id, .sliceCount = (profile)->slices, .instanceCount = (profile)->most, \
    .multiprocessorCount = (profile)->sms, .copyEngineCount = (profile)->engines[COPY], \
    .decoderCount = (profile)->engines[DECODER], .encoderCount = (profile)->engines[ENCODER], \
    .jpegCount = (profile)->engines[JPEG], .ofaCount = (profile)->engines[OFA], \
    .memorySizeMB = (profile)->memory_mib

API nvmlDeviceGetGpuInstanceProfileInfo(nvmlDevice_t device, unsigned int number,
                                        nvmlGpuInstanceProfileInfo_t *info)
{
    const struct profile *profile;
    struct layout layout;

    ENTER_DEVICE(device);
    NOT_NULL(info);
    TRY(find_profile(call.gpu, number, &layout, &profile));
    *info = (nvmlGpuInstanceProfileInfo_t){COUNTS(profile)};
    return NVML_SUCCESS;
}

#if SINCE(515)
/* The two structures begin with their version; the third took the place of isP2pSupported away. */
static nvmlReturn_t check_version(unsigned int version)
{
    bool known = version == STRUCT_VERSION(nvmlGpuInstanceProfileInfo_v2_t, 2)
        || (version == STRUCT_VERSION(nvmlGpuInstanceProfileInfo_v3_t, 3)
            && (DRIVER_BRANCH >= 545 || BROKEN(R_MIG_V3_SINCE)));

    REQUIRE(R_MIG_INFO_VERSION, known, NVML_ERROR_INVALID_ARGUMENT);
    return NVML_SUCCESS;
}

static void fill_info(const struct profile *profile, nvmlGpuInstanceProfileInfo_v2_t *info)
{
    if (info->version == STRUCT_VERSION(nvmlGpuInstanceProfileInfo_v3_t, 3)) {
        nvmlGpuInstanceProfileInfo_v3_t *wide = (nvmlGpuInstanceProfileInfo_v3_t *)info;

        *wide = (nvmlGpuInstanceProfileInfo_v3_t){.version = info->version, COUNTS(profile)};
        snprintf(wide->name, sizeof wide->name, "MIG %.90s", profile->name);
        wide->capabilities = profile->graphics ? NVML_GPU_INSTANCE_PROFILE_CAPS_GFX : 0;
        return;
    }
    /* The version is gone afterwards, as on an H100 (580.159.04): who asks again must write it again. */
    *info = (nvmlGpuInstanceProfileInfo_v2_t){.version = BROKEN(R_MIG_INFO_VERSION_GONE) ? info->version : 0,
                                              COUNTS(profile)};
    snprintf(info->name, sizeof info->name, "MIG %.90s", profile->name);
}

API nvmlDeviceGetGpuInstanceProfileInfoV(nvmlDevice_t device, unsigned int number,
                                         nvmlGpuInstanceProfileInfo_v2_t *info)
{
    const struct profile *profile;
    struct layout layout;

    ENTER_DEVICE(device);
    NOT_NULL(info);
    TRY(check_version(info->version));
    TRY(find_profile(call.gpu, number, &layout, &profile));
    TRY(require_readable(call.gpu));
    fill_info(profile, info);
    return NVML_SUCCESS;
}
#endif

#if SINCE(580)
API nvmlDeviceGetGpuInstanceProfileInfoByIdV(nvmlDevice_t device, unsigned int id,
                                             nvmlGpuInstanceProfileInfo_v2_t *info)
{
    const struct profile *profile;
    struct layout layout;

    ENTER_DEVICE(device);
    NOT_NULL(info);
    TRY(check_version(info->version));
    TRY(require_enabled(call.gpu));
    TRY(find_profile_id(call.gpu, id, NVML_ERROR_NOT_SUPPORTED, &layout, &profile));
    fill_info(profile, info);
    return NVML_SUCCESS;
}
#endif

/* What both versions answer to a profile id that the board lacks. */
#define NO_PLACEMENTS (BROKEN(R_MIG_PLACEMENTS_ID) ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_INVALID_ARGUMENT)

static void fill_placements(const struct profile *profile, nvmlGpuInstancePlacement_t *placements,
                            unsigned int *count)
{
    for (unsigned int place = 0; placements != NULL && place < profile->start_count; place++)
        placements[place] = (nvmlGpuInstancePlacement_t){profile->starts[place], profile->size};
    *count = profile->start_count;
}

/* The first version: only in MIG mode, and with an array. */
API nvmlDeviceGetGpuInstancePossiblePlacements(nvmlDevice_t device, unsigned int id,
                                               nvmlGpuInstancePlacement_t *placements, unsigned int *count)
{
    const struct profile *profile;
    struct layout layout;

    ENTER_DEVICE(device);
    NOT_NULL(placements);
    NOT_NULL(count);
    PRIVILEGED();
    TRY(require_enabled(call.gpu));
    TRY(find_profile_id(call.gpu, id, NO_PLACEMENTS, &layout, &profile));
    fill_placements(profile, placements, count);
    return NVML_SUCCESS;
}

#if SINCE(470)
API nvmlDeviceGetGpuInstancePossiblePlacements_v2(nvmlDevice_t device, unsigned int id,
                                                  nvmlGpuInstancePlacement_t *placements, unsigned int *count)
{
    const struct profile *profile;
    struct layout layout;
    unsigned int mode;

    ENTER_DEVICE(device);
    NOT_NULL(count);
    PRIVILEGED();
    TRY(require_capable(call.gpu, &mode));
    TRY(find_profile_id(call.gpu, id, NO_PLACEMENTS, &layout, &profile));
    fill_placements(profile, placements, count);
    return NVML_SUCCESS;
}
#endif

API nvmlDeviceGetGpuInstanceRemainingCapacity(nvmlDevice_t device, unsigned int id, unsigned int *count)
{
    struct placed list[MAX_INSTANCES + MAX_STARTS];
    const struct profile *profile;
    unsigned int there, found;
    struct layout layout;

    ENTER_DEVICE(device);
    NOT_NULL(count);
    PRIVILEGED();
    TRY(require_readable(call.gpu));
    TRY(find_profile_id(call.gpu, id, NVML_ERROR_NOT_SUPPORTED, &layout, &profile));
    TRY(list_instances(call.gpu, ANY_INSTANCE, list, &there));
    found = there;
    for (unsigned int place = 0; place < profile->start_count; place++)
        if (gpu_instance_fits(&layout, list, found, profile, profile->starts[place]))
            list[found++] = (struct placed){
                .profile = profile->id, .start = profile->starts[place], .size = profile->size};
    *count = found - there;
    return NVML_SUCCESS;
}

static nvmlReturn_t may_change(const struct gpu *gpu)
{
    unsigned int mode;

    TRY(require_enabled(gpu));
    REQUIRE(R_MIG_GUEST, read_uint(gpu, "virtualization_mode", &mode) != NVML_SUCCESS || mode != 2,
            NVML_ERROR_NOT_SUPPORTED);
    return NVML_SUCCESS;
}

static bool known_placement(const struct profile *profile, const nvmlGpuInstancePlacement_t *placement)
{
    for (unsigned int place = 0; place < profile->start_count; place++)
        if (placement->start == profile->starts[place] && placement->size == profile->size)
            return true;
    return false;
}

/* placement NULL: the driver chooses. */
static nvmlReturn_t create(const char *function, nvmlDevice_t device, unsigned int id, bool placed_by_caller,
                           const nvmlGpuInstancePlacement_t *placement, nvmlGpuInstance_t *instance)
{
    struct placed list[MAX_INSTANCES], fresh = {.serial = random_number()};
    const struct profile *profile;
    unsigned int there, clients;
    struct layout layout;
    bool fits;

    ENTER_DEVICE_AS(function, device);
    NOT_NULL(instance);
    if (placed_by_caller)
        NOT_NULL(placement);
    PRIVILEGED();
    TRY(may_change(device));
    TRY(find_profile_id(device, id, NVML_ERROR_INVALID_ARGUMENT, &layout, &profile));
    if (placement != NULL)
        REQUIRE(R_MIG_PLACEMENT, known_placement(profile, placement), NVML_ERROR_INVALID_ARGUMENT);
    LOCKED_MIG(device);
    TRY(process_count(device, NO_PLACE, NO_PLACE, &clients));
    REQUIRE(R_MIG_PARENT_IDLE, clients == 0, NVML_ERROR_IN_USE);
    TRY(list_instances(device, ANY_INSTANCE, list, &there));
    if (placement != NULL) {
        fresh.start = placement->start;
        fits = gpu_instance_fits(&layout, list, there, profile, fresh.start);
    } else {
        fits = choose_gpu_start(device, &layout, list, there, profile, &fresh.start);
    }
    if (!fits || there == MAX_INSTANCES)
        return NVML_ERROR_INSUFFICIENT_RESOURCES;
    fresh.profile = profile->id;
    fresh.size = profile->size;
    fresh.id = gpu_instance_id(device, &layout, fresh.start, fresh.size);
    TRY(write_instance(device, ANY_INSTANCE, &fresh));
    TRY(show_capability(device, (int)fresh.id, ANY_INSTANCE));
    return handle_of(device, (int)fresh.id, ANY_INSTANCE, fresh.serial, instance);
}

API nvmlDeviceCreateGpuInstance(nvmlDevice_t device, unsigned int id, nvmlGpuInstance_t *instance)
{
    return create(__func__, device, id, false, NULL, instance);
}

#if SINCE(460)
API nvmlDeviceCreateGpuInstanceWithPlacement(nvmlDevice_t device, unsigned int id,
                                             const nvmlGpuInstancePlacement_t *placement,
                                             nvmlGpuInstance_t *instance)
{
    return create(__func__, device, id, true, placement, instance);
}
#endif

API nvmlGpuInstanceDestroy(nvmlGpuInstance_t instance)
{
    struct placed list[MAX_INSTANCES];
    unsigned int there, clients;

    ENTER_GPU_INSTANCE(instance);
    PRIVILEGED();
    TRY(may_change(call.gpu));
    LOCKED_MIG(call.gpu);
    TRY(list_instances(call.gpu, instance->gi, list, &there));
    REQUIRE(R_MIG_CHILDREN, there == 0, NVML_ERROR_IN_USE);
    TRY(process_count(call.gpu, instance->gi, ANY_INSTANCE, &clients));
    REQUIRE(R_MIG_GI_IDLE, clients == 0, NVML_ERROR_IN_USE);
    if (held_open(call.gpu, instance->gi, ANY_INSTANCE))
        return NVML_ERROR_IN_USE;
    hide_capability(call.gpu, instance->gi, ANY_INSTANCE);
    return remove_instance(call.gpu, ANY_INSTANCE, (unsigned int)instance->gi);
}

/* The caller's room is not told: it must do for the profile's instanceCount. */
API nvmlDeviceGetGpuInstances(nvmlDevice_t device, unsigned int id, nvmlGpuInstance_t *instances,
                              unsigned int *count)
{
    struct placed list[MAX_INSTANCES];
    const struct profile *profile;
    struct layout layout;
    unsigned int there;

    ENTER_DEVICE(device);
    NOT_NULL(instances);
    NOT_NULL(count);
    PRIVILEGED();
    TRY(require_readable(call.gpu));
    TRY(find_profile_id(call.gpu, id, NVML_ERROR_INVALID_ARGUMENT, &layout, &profile));
    TRY(list_instances(call.gpu, ANY_INSTANCE, list, &there));
    *count = 0;
    for (unsigned int place = 0; place < there; place++)
        if (list[place].profile == profile->id)
            TRY(handle_of(device, (int)list[place].id, ANY_INSTANCE, list[place].serial, &instances[(*count)++]));
    return NVML_SUCCESS;
}

API nvmlDeviceGetGpuInstanceById(nvmlDevice_t device, unsigned int id, nvmlGpuInstance_t *instance)
{
    struct placed placed = {0};
    nvmlReturn_t result;

    ENTER_DEVICE(device);
    NOT_NULL(instance);
    PRIVILEGED();
    TRY(require_readable(call.gpu));
    result = read_instance(call.gpu, ANY_INSTANCE, id, &placed);
    REQUIRE(R_MIG_INSTANCE_FOUND, result != NVML_ERROR_NOT_SUPPORTED, NVML_ERROR_NOT_FOUND);
    if (result != NVML_ERROR_NOT_SUPPORTED)
        TRY(result);
    return handle_of(device, (int)id, ANY_INSTANCE, placed.serial, instance);
}

API nvmlGpuInstanceGetInfo(nvmlGpuInstance_t instance, nvmlGpuInstanceInfo_t *info)
{
    struct placed placed;

    ENTER_GPU_INSTANCE(instance);
    NOT_NULL(info);
    TRY(instance_placed(instance, &placed));
    *info = (nvmlGpuInstanceInfo_t){instance->parent, placed.id, placed.profile, {placed.start, placed.size}};
    return NVML_SUCCESS;
}
