/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a board can be divided into: the file mig_profiles, one line each:
 *     gpu slices=7 units=8 [decoder=5 encoder=0 jpeg=1 ofa=1]
 *     gi enum=0 id=19 name=1g.5gb slices=1 ... size=1 starts=0,1,... [order=6,4,...]
 *     ci enum=0 slices=1 sms=14 most=1 starts=0           (of the gi line above it)
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mig.h"

#define MAX_TABLE 32768

static const char *const engine_names[ENGINES] = {"copy", "decoder", "encoder", "jpeg", "ofa"};

/* Header of each release: github NVIDIA/go-nvml gen/nvml/nvml.h, CUDA 11.0 (R450) to 13.3 (R610). */
static unsigned int count_of_release(const unsigned int (*steps)[2], unsigned int count)
{
    unsigned int found = 0;

    for (unsigned int step = 0; step < count; step++)
        if (DRIVER_BRANCH >= steps[step][0] || BROKEN(R_MIG_PROFILE_COUNT))
            found = steps[step][1];
    return found;
}

unsigned int gpu_profile_count(void)
{
    static const unsigned int steps[][2] = {
        {450, 5}, {455, 6}, {460, 7}, {470, 8}, {525, 10}, {570, 13}, {575, 17}, {595, 18}
    };

    return count_of_release(steps, sizeof steps / sizeof steps[0]);
}

unsigned int compute_profile_count(void)
{
    static const unsigned int steps[][2] = {{450, 5}, {455, 6}, {460, 7}, {525, 8}, {610, 9}};

    return count_of_release(steps, sizeof steps / sizeof steps[0]);
}

/* Where the value of a key begins in a line; NULL if the line has no such key. */
static const char *value_of(const char *line, const char *key)
{
    size_t length = strlen(key);

    for (const char *place = line; (place = strchr(place, ' ')) != NULL;) {
        place++;
        if (strncmp(place, key, length) == 0 && place[length] == '=')
            return place + length + 1;
    }
    return NULL;
}

static bool number_of(const char *line, const char *key, unsigned int *number)
{
    const char *value = value_of(line, key);

    if (value != NULL)
        *number = (unsigned int)strtoul(value, NULL, 10);
    return value != NULL;
}

/* Numbers separated by commas; how many there are. */
static unsigned int numbers_of(const char *line, const char *key, unsigned int *numbers)
{
    const char *value = value_of(line, key);
    unsigned int count = 0;
    char *end;

    while (value != NULL && count < MAX_STARTS) {
        numbers[count] = (unsigned int)strtoul(value, &end, 10);
        if (end == value)
            break;
        count++;
        value = *end == ',' ? end + 1 : NULL;
    }
    return count;
}

static void parse_engines(const char *line, unsigned int *engines, unsigned int unknown)
{
    for (unsigned int engine = 0; engine < ENGINES; engine++)
        if (!number_of(line, engine_names[engine], &engines[engine]))
            engines[engine] = unknown;
}

static bool parse_profile(const char *line, struct profile *profile)
{
    const char *name = value_of(line, "name");

    *profile = (struct profile){0};
    if (name == NULL)
        return false;
    snprintf(profile->name, sizeof profile->name, "%.*s", (int)strcspn(name, " "), name);
    profile->graphics = strstr(profile->name, "+gfx") != NULL;
    parse_engines(line, profile->engines, 0);
    profile->start_count = numbers_of(line, "starts", profile->starts);
    if (numbers_of(line, "order", profile->order) != profile->start_count)
        memcpy(profile->order, profile->starts, sizeof profile->order);
    return number_of(line, "enum", &profile->number) && number_of(line, "id", &profile->id)
        && number_of(line, "slices", &profile->slices) && number_of(line, "memory_mib", &profile->memory_mib)
        && number_of(line, "sms", &profile->sms) && number_of(line, "most", &profile->most)
        && number_of(line, "size", &profile->size) && profile->size > 0 && profile->start_count > 0;
}

/* Named after the GPU instance, with the compute slices in front where they are fewer. */
static bool parse_compute(const char *line, const struct profile *parent, struct compute_profile *profile)
{
    *profile = (struct compute_profile){0};
    profile->start_count = numbers_of(line, "starts", profile->starts);
    if (!number_of(line, "enum", &profile->id) || !number_of(line, "slices", &profile->slices)
        || !number_of(line, "sms", &profile->sms) || !number_of(line, "most", &profile->most)
        || profile->start_count == 0)
        return false;
    if (profile->slices == parent->slices)
        snprintf(profile->name, sizeof profile->name, "%.80s", parent->name);
    else
        snprintf(profile->name, sizeof profile->name, "%uc.%.80s", profile->slices, parent->name);
    return true;
}

/* A line of a profile that this driver does not know yet is passed over, with its compute profiles. */
static bool parse_line(const char *line, struct layout *layout, struct profile **last)
{
    if (strncmp(line, "gpu ", 4) == 0) {
        parse_engines(line, layout->engines, UNLIMITED);
        return number_of(line, "slices", &layout->slices) && number_of(line, "units", &layout->units)
            && layout->units > 0;
    }
    if (strncmp(line, "gi ", 3) == 0) {
        *last = NULL;
        if (layout->count == MAX_PROFILES || !parse_profile(line, &layout->profiles[layout->count]))
            return false;
        if (layout->profiles[layout->count].number < gpu_profile_count())
            *last = &layout->profiles[layout->count++];
        return true;
    }
    if (strncmp(line, "ci ", 3) != 0)
        return false;
    if (*last == NULL)
        return layout->units > 0;
    if ((*last)->compute_count == MAX_COMPUTE_PROFILES
        || !parse_compute(line, *last, &(*last)->compute[(*last)->compute_count]))
        return false;
    if ((*last)->compute[(*last)->compute_count].id < compute_profile_count())
        (*last)->compute_count++;
    return true;
}

nvmlReturn_t read_layout(const struct gpu *gpu, struct layout *layout)
{
    char text[MAX_TABLE], *rest = text, *line;
    struct profile *last = NULL;

    *layout = (struct layout){0};
    TRY(read_text(gpu, "mig_profiles", text, sizeof text));
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (*line != '\0' && !parse_line(line, layout, &last)) {
            complain("mig_profiles", line, "a line as docs/design/nvml.md has them");
            return NVML_ERROR_UNKNOWN;
        }
    }
    return NVML_SUCCESS;
}

const struct profile *profile_by_number(const struct layout *layout, unsigned int number)
{
    for (unsigned int place = 0; place < layout->count; place++)
        if (layout->profiles[place].number == number)
            return &layout->profiles[place];
    return NULL;
}

const struct profile *profile_by_id(const struct layout *layout, unsigned int id)
{
    for (unsigned int place = 0; place < layout->count; place++)
        if (layout->profiles[place].id == id)
            return &layout->profiles[place];
    return NULL;
}

const struct compute_profile *compute_profile_by_id(const struct profile *profile, unsigned int id)
{
    for (unsigned int place = 0; place < profile->compute_count; place++)
        if (profile->compute[place].id == id)
            return &profile->compute[place];
    return NULL;
}
