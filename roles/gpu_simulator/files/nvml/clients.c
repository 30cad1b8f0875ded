/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who keeps the GPUs initialized, and what a GPU forgets when it no longer is. Every session holds the
 * file "clients" locked, shared; who can lock it alone is the first. Without that file nobody ever leaves.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "mig.h"

static int session = -1;

/* Each value with the one that the driver begins with; NULL: with none or 0. */
static const struct { const char *name, *first; } settings[] = {
    {"power_limit_mw", "power_limit_default_mw"},
    {"clock_memory_app_mhz", "clock_memory_app_default_mhz"},
    {"clock_graphics_app_mhz", "clock_graphics_app_default_mhz"},
    {"compute_mode", NULL},
    {"clocks_locked_gpu_mhz", NULL},
    {"clocks_locked_memory_mhz", NULL},
};

/* The setting's first value as text, empty if the file then is not there; false: nothing to forget. */
static bool differs(const struct gpu *gpu, const char *name, const char *first, char *text, size_t size)
{
    char now[64];

    text[0] = '\0';
    if (read_text(gpu, name, now, sizeof now) != NVML_SUCCESS)
        return false;
    if (first != NULL)
        return read_text(gpu, first, text, size) == NVML_SUCCESS && strcmp(now, text) != 0;
    if (strcmp(name, "compute_mode") == 0)
        snprintf(text, size, "0");
    return strcmp(now, text) != 0;
}

static bool anything_set(const struct gpu *gpu)
{
    char text[64];

    for (size_t place = 0; place < sizeof settings / sizeof settings[0]; place++)
        if (differs(gpu, settings[place].name, settings[place].first, text, sizeof text))
            return true;
    return false;
}

nvmlReturn_t forget_settings(const struct gpu *gpu)
{
    char text[64];

    for (size_t place = 0; place < sizeof settings / sizeof settings[0]; place++) {
        if (!differs(gpu, settings[place].name, settings[place].first, text, sizeof text))
            continue;
        TRY(text[0] != '\0' ? write_text(gpu, VOLATILE, settings[place].name, text)
                            : remove_file(gpu, VOLATILE, settings[place].name));
    }
    return NVML_SUCCESS;
}

/* By anybody but NVML sessions. */
static bool kept_initialized(const struct gpu *gpu)
{
    unsigned int mode, clients;

    if (BROKEN(R_PERSISTENCE_KEEPS))
        return false;
    return (read_uint(gpu, "persistence_mode", &mode) == NVML_SUCCESS && mode == 1)
        || process_count(gpu, ANY_INSTANCE, ANY_INSTANCE, &clients) != NVML_SUCCESS || clients > 0
        || held_open(gpu, ANY_INSTANCE, ANY_INSTANCE);
}

void session_begin(void)
{
    char path[MAX_TEXT];

    tree_path(path, VOLATILE, "clients");
    session = open(path, O_RDONLY | O_CLOEXEC);
    if (session < 0)
        return;
    if (flock(session, LOCK_EX | LOCK_NB) == 0 || BROKEN(R_SESSION_KEEPS))
        for (unsigned int index = 0; index < gpu_count(); index++)
            if (anything_set(gpu_at(index)) && !kept_initialized(gpu_at(index)) && !BROKEN(R_LAST_CLIENT_GONE))
                (void)forget_settings(gpu_at(index));      /* who may not write leaves it to the next */
    while (flock(session, LOCK_SH) != 0 && errno == EINTR)
        ;
}

void session_end(void)
{
    if (session >= 0)
        close(session);
    session = -1;
}
