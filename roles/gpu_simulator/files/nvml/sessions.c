/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Encoder and frame buffer capture, which no simulated process uses, and accounting, which is never on.
 */
#include "sim.h"

/* A board that tells its encoder's load counts sessions too. */
static nvmlReturn_t require_encoder(const struct gpu *gpu)
{
    unsigned int load;

    return read_uint(gpu, "utilization_encoder", &load);
}

API nvmlDeviceGetEncoderStats(nvmlDevice_t device, unsigned int *sessions, unsigned int *fps,
                              unsigned int *latency)
{
    ENTER_DEVICE(device);
    NOT_NULL(sessions);
    NOT_NULL(fps);
    NOT_NULL(latency);
    TRY(require_encoder(call.gpu));
    *sessions = *fps = *latency = 0;
    return NVML_SUCCESS;
}

API nvmlDeviceGetFBCStats(nvmlDevice_t device, nvmlFBCStats_t *stats)
{
    ENTER_DEVICE(device);
    NOT_NULL(stats);
    TRY(require_encoder(call.gpu));
    *stats = (nvmlFBCStats_t){0};
    return NVML_SUCCESS;
}

/* There is no entry to fill the second argument with, so that it may be NULL. */
static nvmlReturn_t no_sessions(const char *function, nvmlDevice_t device, unsigned int *count)
{
    ENTER_DEVICE_AS(function, device);
    NOT_NULL(count);
    TRY(require_encoder(call.gpu));
    *count = 0;
    return NVML_SUCCESS;
}

API nvmlDeviceGetEncoderSessions(nvmlDevice_t device, unsigned int *count, void *sessions)
{
    (void)sessions;
    return no_sessions(__func__, device, count);
}

API nvmlDeviceGetFBCSessions(nvmlDevice_t device, unsigned int *count, void *sessions)
{
    (void)sessions;
    return no_sessions(__func__, device, count);
}

API nvmlDeviceGetEncoderCapacity(nvmlDevice_t device, unsigned int codec, unsigned int *percent)
{
    ENTER_DEVICE(device);
    NOT_NULL(percent);
    IN_RANGE(codec, NVML_ENCODER_QUERY_COUNT);
    return read_uint(call.gpu, "encoder_capacity_percent", percent);
}

GET_UINT(nvmlDeviceGetAccountingBufferSize, "accounting_buffer_size")

API nvmlDeviceGetAccountingPids(nvmlDevice_t device, unsigned int *count, unsigned int *pids)
{
    unsigned int size;

    ENTER_DEVICE(device);
    (void)pids;
    NOT_NULL(count);
    TRY(read_uint(call.gpu, "accounting_buffer_size", &size));
    *count = 0;
    return NVML_SUCCESS;
}
