/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Event sets. The node raises no event yet: a wait ends with its time.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "sim.h"

#define EVENT_SINGLE_BIT_ECC 1ULL
#define EVENT_DOUBLE_BIT_ECC 2ULL
#define EVENT_XID 8ULL

struct event_set {
    struct event_set *next;
};

static pthread_mutex_t sets_lock = PTHREAD_MUTEX_INITIALIZER;
static struct event_set *sets;

/* The link that points to the set, NULL when there is no such set; under sets_lock. */
static struct event_set **find_set(nvmlEventSet_t set)
{
    struct event_set **link = &sets;

    while (*link != NULL && *link != set)
        link = &(*link)->next;
    return *link != NULL ? link : NULL;
}

static bool known_set(nvmlEventSet_t set)
{
    bool known;

    pthread_mutex_lock(&sets_lock);
    known = find_set(set) != NULL;
    pthread_mutex_unlock(&sets_lock);
    return known;
}

/* Of a board of which no more is known: Xids, and with ECC its errors. */
static unsigned long long supported_events(const struct gpu *gpu)
{
    unsigned long long types;
    unsigned int mode;

    if (read_u64(gpu, "event_types_supported", &types) == NVML_SUCCESS)
        return types;
    return EVENT_XID
        | (read_uint(gpu, "ecc_mode_current", &mode) == NVML_SUCCESS ? EVENT_SINGLE_BIT_ECC | EVENT_DOUBLE_BIT_ECC : 0);
}

API nvmlEventSetCreate(nvmlEventSet_t *set)
{
    struct event_set *fresh;

    ENTER();
    NOT_NULL(set);
    fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL)
        return NVML_ERROR_MEMORY;
    pthread_mutex_lock(&sets_lock);
    fresh->next = sets;
    sets = fresh;
    pthread_mutex_unlock(&sets_lock);
    *set = fresh;
    return NVML_SUCCESS;
}

API nvmlEventSetFree(nvmlEventSet_t set)
{
    struct event_set **link, *found = NULL;

    ENTER();
    pthread_mutex_lock(&sets_lock);
    link = find_set(set);
    if (set != NULL && link != NULL) {
        found = *link;
        *link = found->next;
    }
    pthread_mutex_unlock(&sets_lock);
    REQUIRE(R_HANDLE_VALID, found != NULL, NVML_ERROR_INVALID_ARGUMENT);
    free(found);
    return NVML_SUCCESS;
}

API nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long *types)
{
    ENTER_DEVICE(device);
    NOT_NULL(types);
    *types = supported_events(call.gpu);
    return NVML_SUCCESS;
}

API nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long types, nvmlEventSet_t set)
{
    ENTER_DEVICE(device);
    NOT_NULL(set);
    REQUIRE(R_HANDLE_VALID, known_set(set), NVML_ERROR_INVALID_ARGUMENT);
    REQUIRE(R_EVENT_SUPPORTED, (types & ~supported_events(call.gpu)) == 0, NVML_ERROR_NOT_SUPPORTED);
    return NVML_SUCCESS;
}

static nvmlReturn_t wait_for_event(const char *function, nvmlEventSet_t set, nvmlEventData_t *data,
                                   unsigned int milliseconds)
{
    struct timespec left = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};

    {
        CALL_AS(function);
        TRY(call_enter(&call, true));
        NOT_NULL(set);
        NOT_NULL(data);
        REQUIRE(R_HANDLE_VALID, known_set(set), NVML_ERROR_INVALID_ARGUMENT);
    }
    nanosleep(&left, NULL);          /* outside the call's lock: other threads may init and shut down */
    REQUIRE(R_EVENT_TIMEOUT, false, NVML_ERROR_TIMEOUT);
    *data = (nvmlEventData_t){0};
    return NVML_SUCCESS;
}

API nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int milliseconds)
{
    return wait_for_event(__func__, set, data, milliseconds);
}

API nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int milliseconds)
{
    return wait_for_event(__func__, set, data, milliseconds);
}
