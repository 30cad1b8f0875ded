/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Performance states, and how much each part of the GPU has to do by their measure.
 */
#include "sim.h"

#define MOST_STATES 16
#define NO_STATE 32             /* NVML_PSTATE_UNKNOWN */

API nvmlDeviceGetSupportedPerformanceStates(nvmlDevice_t device, unsigned int *states, unsigned int bytes)
{
    unsigned long long known[MOST_STATES];
    unsigned int found = MOST_STATES, room = bytes / (unsigned int)sizeof states[0];

    ENTER_DEVICE(device);
    NOT_NULL(states);
    TRY(read_list(call.gpu, "performance_states", &found, known));
    REQUIRE(R_COUNT_SIZE, found <= room, NVML_ERROR_INSUFFICIENT_SIZE);
    for (unsigned int place = 0; place < room; place++)
        states[place] = place < found ? (unsigned int)known[place] : NO_STATE;
    return NVML_SUCCESS;
}

/* In this order: GPU, frame buffer, video engines, bus; the bus of a simulated GPU is idle. */
API nvmlDeviceGetDynamicPstatesInfo(nvmlDevice_t device, nvmlGpuDynamicPstatesInfo_t *info)
{
    unsigned int load[3];

    ENTER_DEVICE(device);
    NOT_NULL(info);
    TRY(read_uint(call.gpu, "utilization_gpu", &load[0]));
    TRY(read_uint(call.gpu, "utilization_memory", &load[1]));
    TRY(read_uint(call.gpu, "utilization_decoder", &load[2]));
    *info = (nvmlGpuDynamicPstatesInfo_t){0};
    for (unsigned int place = 0; place < 4; place++) {
        info->utilization[place].bIsPresent = 1;
        info->utilization[place].percentage = place < 3 ? load[place] : 0;
    }
    return NVML_SUCCESS;
}
