/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where a GPU sits in the machine.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define BITS (8 * sizeof(unsigned long))

/* The node that the GPU's own memory is, which only machines like Grace Hopper have; not the one it is near. */
GET_UINT(nvmlDeviceGetNumaNodeId, "memory_numa_node")

/* A list as sysfs writes it, "0-31,64-95", into words of a bit mask. */
static bool parse_cpu_list(const char *text, unsigned int words, unsigned long *set)
{
    unsigned long first, last;
    char *end;

    while (*text != '\0') {
        first = last = strtoul(text, &end, 10);
        if (end == text)
            return false;
        if (*end == '-') {
            text = end + 1;
            last = strtoul(text, &end, 10);
            if (end == text)
                return false;
        }
        for (unsigned long cpu = first; cpu <= last && cpu / BITS < words; cpu++)
            set[cpu / BITS] |= 1UL << (cpu % BITS);
        text = *end == ',' ? end + 1 : end;
        if (*end != ',' && *end != '\0')
            return false;
    }
    return true;
}

static nvmlReturn_t affinity(const char *function, nvmlDevice_t device, const char *name, unsigned int words,
                             unsigned long *set, unsigned int scope)
{
    char text[MAX_TEXT];

    ENTER_DEVICE_AS(function, device);
    NOT_NULL(set);
    REQUIRE(R_ENUM_RANGE, words > 0, NVML_ERROR_INVALID_ARGUMENT);
    IN_RANGE(scope, 2);
    TRY(read_text(call.gpu, name, text, sizeof text));
    memset(set, 0, words * sizeof set[0]);
    if (!parse_cpu_list(text, words, set)) {
        complain(name, text, "a list as in 0-31,64-95");
        return NVML_ERROR_UNKNOWN;
    }
    return NVML_SUCCESS;
}

API nvmlDeviceGetCpuAffinity(nvmlDevice_t device, unsigned int words, unsigned long *set)
{
    return affinity(__func__, device, "cpu_affinity", words, set, 0);
}

API nvmlDeviceGetCpuAffinityWithinScope(nvmlDevice_t device, unsigned int words, unsigned long *set,
                                        unsigned int scope)
{
    return affinity(__func__, device, "cpu_affinity", words, set, scope);
}

API nvmlDeviceGetMemoryAffinity(nvmlDevice_t device, unsigned int words, unsigned long *set, unsigned int scope)
{
    return affinity(__func__, device, "numa_node", words, set, scope);
}

API nvmlDeviceGetTopologyCommonAncestor(nvmlDevice_t device, nvmlDevice_t other, unsigned int *level)
{
    unsigned int here, there;

    ENTER_DEVICE(device);
    TRY(check_handle(other));
    TRY(check_present(other));
    NOT_NULL(level);
    TRY(read_uint(call.gpu, "numa_node", &here));
    TRY(read_uint(other, "numa_node", &there));
    *level = device == other ? NVML_TOPOLOGY_INTERNAL
           : here == there ? NVML_TOPOLOGY_NODE : NVML_TOPOLOGY_SYSTEM;
    return NVML_SUCCESS;
}
