/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The PCI side of a GPU.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* domain:bus:device.function, domain:bus:device or bus:device.function, hexadecimal. */
nvmlReturn_t pci_parse(const char *text, unsigned int place[4])
{
    char separators[4] = "";
    unsigned int numbers[4] = {0}, count = 0;
    size_t digits;

    memset(place, 0, 4 * sizeof place[0]);
    for (;; text++) {
        digits = strspn(text, "0123456789abcdefABCDEF");
        if (count == 4 || digits == 0 || digits > 8)
            return NVML_ERROR_INVALID_ARGUMENT;
        numbers[count++] = (unsigned int)strtoul(text, NULL, 16);
        text += digits;
        if (*text == '\0')
            break;
        if (count < 4)
            separators[count - 1] = *text;
    }
    if (strcmp(separators, "::.") == 0 || strcmp(separators, "::") == 0)
        memcpy(place, numbers, sizeof numbers);
    else if (strcmp(separators, ":.") == 0)
        memcpy(place + 1, numbers, 3 * sizeof numbers[0]);
    else
        return NVML_ERROR_INVALID_ARGUMENT;
    return NVML_SUCCESS;
}

nvmlReturn_t pci_fill(const char *bus_id, nvmlPciInfo_t *pci)
{
    unsigned int place[4];

    if (pci_parse(bus_id, place) != NVML_SUCCESS) {
        complain("pci_bus_id", bus_id, "an address as in 0000:3b:00.0");
        return NVML_ERROR_UNKNOWN;
    }
    memset(pci, 0, sizeof *pci);
    pci->domain = place[0];
    pci->bus = place[1];
    pci->device = place[2];
    snprintf(pci->busId, sizeof pci->busId, "%08X:%02X:%02X.0", place[0], place[1] & 0xff, place[2] & 0xff);
    snprintf(pci->busIdLegacy, sizeof pci->busIdLegacy, "%04X:%02X:%02X.0", place[0] & 0xffff,
             place[1] & 0xff, place[2] & 0xff);
    return NVML_SUCCESS;
}

/* "vendor:device" as one number, the vendor in the low half. */
static nvmlReturn_t read_pair(const struct gpu *gpu, const char *name, unsigned int *pair)
{
    unsigned int vendor, id;
    char text[64];

    TRY(read_text(gpu, name, text, sizeof text));
    if (sscanf(text, "%4x:%4x", &vendor, &id) != 2) {
        complain(name, text, "vendor:device as in 10de:2330");
        return NVML_ERROR_UNKNOWN;
    }
    *pair = id << 16 | vendor;
    return NVML_SUCCESS;
}

static nvmlReturn_t read_pci(const char *function, nvmlDevice_t device, void *out, nvmlPciInfo_t *pci)
{
    char text[64];
    nvmlReturn_t result;

    ENTER_DEVICE_AS(function, device);
    NOT_NULL(out);
    TRY(read_text(call.gpu, "pci_bus_id", text, sizeof text));
    TRY(pci_fill(text, pci));
    TRY(read_pair(call.gpu, "pci_device_id", &pci->pciDeviceId));
    result = read_pair(call.gpu, "pci_subsystem_id", &pci->pciSubSystemId);
    return result == NVML_ERROR_NOT_SUPPORTED ? NVML_SUCCESS : result;
}

static nvmlReturn_t old_pci_info(const char *function, nvmlDevice_t device, nvmlPciInfo_v2_t *out)
{
    nvmlPciInfo_t pci;

    TRY(read_pci(function, device, out, &pci));
    memset(out, 0, sizeof *out);
    memcpy(out->busId, pci.busIdLegacy, sizeof out->busId);
    out->domain = pci.domain;
    out->bus = pci.bus;
    out->device = pci.device;
    out->pciDeviceId = pci.pciDeviceId;
    out->pciSubSystemId = pci.pciSubSystemId;
    return NVML_SUCCESS;
}

API nvmlDeviceGetPciInfo(nvmlDevice_t device, nvmlPciInfo_v2_t *pci)
{
    return old_pci_info(__func__, device, pci);
}

API nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_v2_t *pci)
{
    return old_pci_info(__func__, device, pci);
}

API nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci)
{
    nvmlPciInfo_t filled;

    TRY(read_pci(__func__, device, pci, &filled));
    *pci = filled;
    return NVML_SUCCESS;
}

API nvmlDeviceGetPciInfoExt(nvmlDevice_t device, nvmlPciInfoExt_v1_t *out)
{
    nvmlPciInfo_t pci;
    unsigned int class;
    char text[64];

    TRY(read_pci(__func__, device, out, &pci));
    HAS_VERSION(out->version, nvmlPciInfoExt_v1_t, 1);
    TRY(read_text(device, "pci_class", text, sizeof text));
    if (sscanf(text, "%6x", &class) != 1) {
        complain("pci_class", text, "six hexadecimal digits");
        return NVML_ERROR_UNKNOWN;
    }
    out->domain = pci.domain;
    out->bus = pci.bus;
    out->device = pci.device;
    out->pciDeviceId = pci.pciDeviceId;
    out->pciSubSystemId = pci.pciSubSystemId;
    out->baseClass = class >> 16;
    out->subClass = class >> 8 & 0xff;
    memcpy(out->busId, pci.busId, sizeof out->busId);
    return NVML_SUCCESS;
}

GET_UINT(nvmlDeviceGetMaxPcieLinkGeneration, "pcie_gen_max")
GET_UINT(nvmlDeviceGetGpuMaxPcieLinkGeneration, "pcie_gen_device_max")
GET_UINT(nvmlDeviceGetMaxPcieLinkWidth, "pcie_width_max")
GET_UINT(nvmlDeviceGetCurrPcieLinkGeneration, "pcie_gen")
GET_UINT(nvmlDeviceGetCurrPcieLinkWidth, "pcie_width")
GET_UINT(nvmlDeviceGetPcieReplayCounter, "pcie_replays")

API nvmlDeviceGetPcieThroughput(nvmlDevice_t device, unsigned int counter, unsigned int *value)
{
    ENTER_DEVICE(device);
    NOT_NULL(value);
    IN_RANGE(counter, 2);
    return read_uint(call.gpu, counter == 0 ? "pcie_tx_kbps" : "pcie_rx_kbps", value);
}

/* Raw MT/s of one lane by generation: PCI Express Base Specification, link speeds. */
static nvmlReturn_t link_speed(const char *function, nvmlDevice_t device, const char *name, unsigned int *speed)
{
    static const unsigned int speeds[] = {2500, 5000, 8000, 16000, 32000, 64000};
    unsigned int generation;

    ENTER_DEVICE_AS(function, device);
    NOT_NULL(speed);
    TRY(read_uint(call.gpu, name, &generation));
    if (generation < 1 || generation > sizeof speeds / sizeof speeds[0])
        return NVML_ERROR_UNKNOWN;
    *speed = speeds[generation - 1];
    return NVML_SUCCESS;
}

API nvmlDeviceGetPcieSpeed(nvmlDevice_t device, unsigned int *speed)
{
    return link_speed(__func__, device, "pcie_gen", speed);
}

API nvmlDeviceGetPcieLinkMaxSpeed(nvmlDevice_t device, unsigned int *speed)
{
    /* The call's own numbers: NVML_PCIE_LINK_MAX_SPEED_* count generations from 1. */
    return get_uint(__func__, device, "pcie_gen_max", speed);
}

API nvmlDeviceGetBusType(nvmlDevice_t device, unsigned int *type)
{
    ENTER_DEVICE(device);
    NOT_NULL(type);
    *type = NVML_BUS_TYPE_PCIE;
    return NVML_SUCCESS;
}
