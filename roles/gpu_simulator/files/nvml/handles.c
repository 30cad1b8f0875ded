/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Finding GPUs: by index, UUID, serial number and PCI address.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sim.h"

/* The count takes in lost GPUs: they are still in the driver's list. */
static nvmlReturn_t count_devices(const char *function, unsigned int *count)
{
    CALL_AS(function);
    TRY(call_enter(&call, true));
    NOT_NULL(count);
    *count = gpu_count();
    return NVML_SUCCESS;
}

API nvmlDeviceGetCount(unsigned int *count)
{
    return count_devices(__func__, count);
}

API nvmlDeviceGetCount_v2(unsigned int *count)
{
    return count_devices(__func__, count);
}

/* Hands out a GPU that has been found, unless a fault aims at it or it is lost. */
static nvmlReturn_t hand_out(const char *function, unsigned int index, nvmlDevice_t *device)
{
    TRY(apply_fault_on_gpu(function, gpu_at(index)));
    TRY(check_present(gpu_at(index)));
    *device = gpu_at(index);
    return NVML_SUCCESS;
}

static nvmlReturn_t by_index(const char *function, unsigned int index, nvmlDevice_t *device)
{
    CALL_AS(function);
    TRY(call_enter(&call, true));
    NOT_NULL(device);
    REQUIRE(R_INDEX_RANGE, index < gpu_count(), NVML_ERROR_INVALID_ARGUMENT);
    return hand_out(function, index < gpu_count() ? index : 0, device);
}

API nvmlDeviceGetHandleByIndex(unsigned int index, nvmlDevice_t *device)
{
    return by_index(__func__, index, device);
}

API nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device)
{
    return by_index(__func__, index, device);
}

/* How many GPUs have the text in that attribute; *found is the first. These searches touch every GPU. */
static nvmlReturn_t search(const char *name, const char *wanted, unsigned int *matches, unsigned int *found)
{
    char text[MAX_TEXT];
    nvmlReturn_t result;

    *matches = 0;
    *found = 0;
    for (unsigned int index = 0; index < gpu_count(); index++) {
        REQUIRE(R_ALL_GPUS_PRESENT, check_present(gpu_at(index)) == NVML_SUCCESS, NVML_ERROR_GPU_IS_LOST);
        result = read_text(gpu_at(index), name, text, sizeof text);
        if (result == NVML_ERROR_NOT_SUPPORTED)
            continue;
        TRY(result);
        if (strcasecmp(text, wanted) == 0 && (*matches)++ == 0)
            *found = index;
    }
    return NVML_SUCCESS;
}

API nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)
{
    unsigned int matches, index;
    nvmlDevice_t mig;

    ENTER();
    NOT_NULL(uuid);
    NOT_NULL(device);
    TRY(search("uuid", uuid, &matches, &index));
    for (unsigned int parent = 0; matches == 0 && parent < gpu_count(); parent++) {
        TRY(mig_device_by_uuid(gpu_at(parent), uuid, &mig));
        if (mig == NULL)
            continue;
        TRY(apply_fault_on_gpu(__func__, gpu_at(parent)));
        *device = mig;
        return NVML_SUCCESS;
    }
    REQUIRE(R_UUID_FOUND, matches > 0, NVML_ERROR_NOT_FOUND);
    return hand_out(__func__, index, device);
}

API nvmlDeviceGetHandleBySerial(const char *serial, nvmlDevice_t *device)
{
    unsigned int matches, index;

    ENTER();
    NOT_NULL(serial);
    NOT_NULL(device);
    TRY(search("serial", serial, &matches, &index));
    REQUIRE(R_SERIAL_FOUND, matches > 0, NVML_ERROR_NOT_FOUND);
    REQUIRE(R_SERIAL_UNIQUE, matches == 1, NVML_ERROR_INVALID_ARGUMENT);
    return hand_out(__func__, index, device);
}

static nvmlReturn_t by_pci(const char *function, const char *bus_id, nvmlDevice_t *device)
{
    unsigned int wanted[4], place[4];
    char text[64];

    CALL_AS(function);
    TRY(call_enter(&call, true));
    NOT_NULL(bus_id);
    NOT_NULL(device);
    REQUIRE(R_PCI_FORMAT, pci_parse(bus_id, wanted) == NVML_SUCCESS, NVML_ERROR_INVALID_ARGUMENT);
    for (unsigned int index = 0; index < gpu_count(); index++) {
        TRY(read_text(gpu_at(index), "pci_bus_id", text, sizeof text));
        TRY(pci_parse(text, place));
        if (BROKEN(R_PCI_FUNCTION_ZERO))
            wanted[3] = place[3];
        if (memcmp(wanted, place, sizeof place) == 0)
            return hand_out(function, index, device);
    }
    REQUIRE(R_PCI_FOUND, false, NVML_ERROR_NOT_FOUND);
    *device = NULL;
    return NVML_SUCCESS;
}

API nvmlDeviceGetHandleByPciBusId(const char *bus_id, nvmlDevice_t *device)
{
    return by_pci(__func__, bus_id, device);
}

API nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, nvmlDevice_t *device)
{
    return by_pci(__func__, bus_id, device);
}

API nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index)
{
    ENTER_ANY_DEVICE(device);
    NOT_NULL(index);
    if (call.gpu->instance != NULL)
        return mig_device_index(call.gpu, index);
    *index = call.gpu->index;
    return NVML_SUCCESS;
}

/* Boards that the driver was told to leave alone: this node has none. */
API nvmlGetExcludedDeviceCount(unsigned int *count)
{
    ENTER_ANYTIME();
    NOT_NULL(count);
    *count = 0;
    return NVML_SUCCESS;
}
