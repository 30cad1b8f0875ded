/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * NVLink and the fabric of NVSwitches.
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"

#define MAX_LINKS 36            /* NVML_NVLINK_MAX_LINKS */

static nvmlReturn_t check_link(const struct gpu *gpu, unsigned int link)
{
    unsigned int links;

    TRY(read_uint(gpu, "nvlink_count", &links));
    REQUIRE(R_LINK_RANGE, link < links, NVML_ERROR_INVALID_ARGUMENT);
    return NVML_SUCCESS;
}

nvmlReturn_t nvlink_active(const struct gpu *gpu, unsigned int link, unsigned int *active)
{
    unsigned long long mask;

    TRY(check_link(gpu, link));
    TRY(read_u64(gpu, "nvlink_active_mask", &mask));
    *active = mask >> (link % 64) & 1;
    return NVML_SUCCESS;
}

API nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned int link, unsigned int *active)
{
    ENTER_DEVICE(device);
    NOT_NULL(active);
    return nvlink_active(call.gpu, link, active);
}

/* What is the same for all links of a board. */
static nvmlReturn_t get_common(const char *function, nvmlDevice_t device, unsigned int link, const char *name,
                               unsigned int *value)
{
    ENTER_DEVICE_AS(function, device);
    NOT_NULL(value);
    TRY(check_link(call.gpu, link));
    return read_uint(call.gpu, name, value);
}

API nvmlDeviceGetNvLinkVersion(nvmlDevice_t device, unsigned int link, unsigned int *version)
{
    return get_common(__func__, device, link, "nvlink_version", version);
}

API nvmlDeviceGetNvLinkRemoteDeviceType(nvmlDevice_t device, unsigned int link, unsigned int *type)
{
    return get_common(__func__, device, link, "nvlink_remote_type", type);
}

API nvmlDeviceGetNvLinkCapability(nvmlDevice_t device, unsigned int link, unsigned int capability,
                                  unsigned int *has)
{
    unsigned int mask;

    ENTER_DEVICE(device);
    NOT_NULL(has);
    IN_RANGE(capability, 6);
    TRY(check_link(call.gpu, link));
    TRY(read_uint(call.gpu, "nvlink_capabilities", &mask));
    *has = mask >> (capability % 32) & 1;
    return NVML_SUCCESS;
}

static nvmlReturn_t remote_pci(const char *function, nvmlDevice_t device, unsigned int link, nvmlPciInfo_t *pci)
{
    char text[MAX_TEXT], *next = text, *word = NULL;

    ENTER_DEVICE_AS(function, device);
    NOT_NULL(pci);
    TRY(check_link(call.gpu, link));
    TRY(read_text(call.gpu, "nvlink_remote_pci_bus_ids", text, sizeof text));
    for (unsigned int place = 0; place <= link; place++)
        do
            word = strsep(&next, " \n");
        while (word != NULL && *word == '\0');
    return word == NULL ? NVML_ERROR_NOT_SUPPORTED : pci_fill(word, pci);
}

API nvmlDeviceGetNvLinkRemotePciInfo(nvmlDevice_t device, unsigned int link, nvmlPciInfo_t *pci)
{
    return remote_pci(__func__, device, link, pci);
}

API nvmlDeviceGetNvLinkRemotePciInfo_v2(nvmlDevice_t device, unsigned int link, nvmlPciInfo_t *pci)
{
    return remote_pci(__func__, device, link, pci);
}

/* In the order of NVML_NVLINK_ERROR_DL_*; link -1 asks for the sum of all. */
nvmlReturn_t nvlink_errors(const struct gpu *gpu, unsigned int counter, int link, unsigned long long *count)
{
    static const char *const names[] = {
        "nvlink_replay_errors", "nvlink_recovery_errors", "nvlink_crc_flit_errors", "nvlink_crc_data_errors",
        "nvlink_ecc_data_errors"
    };
    unsigned long long counts[MAX_LINKS];
    unsigned int links = MAX_LINKS;

    if (link >= 0)
        TRY(check_link(gpu, (unsigned int)link));
    TRY(read_list(gpu, names[counter % 5], &links, counts));
    *count = 0;
    for (unsigned int place = 0; place < links && place < MAX_LINKS; place++)
        if (link < 0 || place == (unsigned int)link)
            *count += counts[place];
    return NVML_SUCCESS;
}

API nvmlDeviceGetNvLinkErrorCounter(nvmlDevice_t device, unsigned int link, unsigned int counter,
                                    unsigned long long *count)
{
    ENTER_DEVICE(device);
    NOT_NULL(count);
    IN_RANGE(counter, 5);
    return nvlink_errors(call.gpu, counter, (int)(link & 0x7fffffff), count);
}

/* 32 hexadecimal digits with dashes anywhere. */
static bool parse_uuid(const char *text, unsigned char *bytes)
{
    unsigned int digits = 0, value;

    for (; *text != '\0'; text++) {
        if (*text == '-')
            continue;
        if (digits == 32 || sscanf((char[]){*text, '\0'}, "%1x", &value) != 1)
            return false;
        bytes[digits / 2] = (unsigned char)(bytes[digits / 2] << 4 | value);
        digits++;
    }
    return digits == 32;
}

static nvmlReturn_t read_optional(const struct gpu *gpu, const char *name, unsigned int *value)
{
    nvmlReturn_t result = read_uint(gpu, name, value);

    return result == NVML_ERROR_NOT_SUPPORTED ? NVML_SUCCESS : result;
}

static nvmlReturn_t read_fabric(const struct gpu *gpu, nvmlGpuFabricInfo_v3_t *fabric)
{
    unsigned int status = 0, summary = 0;
    char text[64] = "";
    nvmlReturn_t result;

    memset(fabric, 0, sizeof *fabric);
    TRY(read_uint(gpu, "fabric_state", &fabric->state));
    TRY(read_optional(gpu, "fabric_health_mask", &fabric->healthMask));
    TRY(read_optional(gpu, "fabric_health_summary", &summary));
    fabric->healthSummary = (unsigned char)summary;
    if (fabric->state != 3 && !BROKEN(R_FABRIC_COMPLETED))
        return NVML_SUCCESS;
    TRY(read_optional(gpu, "fabric_status", &status));
    fabric->status = (nvmlReturn_t)status;
    TRY(read_optional(gpu, "fabric_clique_id", &fabric->cliqueId));
    result = read_text(gpu, "fabric_cluster_uuid", text, sizeof text);
    if (result == NVML_ERROR_NOT_SUPPORTED)
        return NVML_SUCCESS;
    TRY(result);
    if (!parse_uuid(text, fabric->clusterUuid)) {
        complain("fabric_cluster_uuid", text, "a UUID");
        return NVML_ERROR_UNKNOWN;
    }
    return NVML_SUCCESS;
}

API nvmlDeviceGetGpuFabricInfo(nvmlDevice_t device, nvmlGpuFabricInfo_t *info)
{
    nvmlGpuFabricInfo_v3_t fabric;

    ENTER_DEVICE(device);
    NOT_NULL(info);
    TRY(read_fabric(call.gpu, &fabric));
    memcpy(info->clusterUuid, fabric.clusterUuid, sizeof info->clusterUuid);
    info->status = fabric.status;
    info->cliqueId = fabric.cliqueId;
    info->state = fabric.state;
    return NVML_SUCCESS;
}

API nvmlDeviceGetGpuFabricInfoV(nvmlDevice_t device, void *info)
{
    nvmlGpuFabricInfo_v3_t fabric;
    unsigned int version;
    size_t size = sizeof(nvmlGpuFabricInfo_v2_t);

    ENTER_DEVICE(device);
    NOT_NULL(info);
    version = *(unsigned int *)info;
    if (version == STRUCT_VERSION(nvmlGpuFabricInfo_v3_t, 3))
        size = sizeof fabric;
    else
        HAS_VERSION(version, nvmlGpuFabricInfo_v2_t, 2);
    TRY(read_fabric(call.gpu, &fabric));
    fabric.version = version;
    memcpy(info, &fabric, size);         /* version 3 begins with version 2 */
    return NVML_SUCCESS;
}
