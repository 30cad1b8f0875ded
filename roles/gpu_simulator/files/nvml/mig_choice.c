/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What fits beside what is there, where the driver puts an instance that names no placement, and
 * the id an instance gets.
 */
#include <string.h>

#include "mig.h"

enum policy { BOARD, ASCENDING, DESCENDING, ADVERSARIAL };

static enum policy read_policy(const struct gpu *gpu)
{
    static const char *const words[] = {"board", "ascending", "descending", "adversarial", NULL};
    unsigned int place;

    if (BROKEN(R_MIG_POLICY) || read_word(gpu, "mig_placement_policy", words, &place) != NVML_SUCCESS)
        return BOARD;
    return (enum policy)place;
}

static bool overlap(unsigned int start, unsigned int size, unsigned int other, unsigned int other_size)
{
    return start < other + other_size && other < start + size;
}

/* Copy engines are shared out by slices and never run short; the media engines can. */
static bool media_left(const struct layout *layout, const struct placed *list, unsigned int count,
                       const struct profile *profile)
{
    for (unsigned int engine = DECODER; engine < ENGINES; engine++) {
        unsigned int used = profile->engines[engine];

        for (unsigned int place = 0; place < count; place++) {
            const struct profile *other = profile_by_id(layout, list[place].profile);

            used += other != NULL ? other->engines[engine] : 0;
        }
        if (layout->engines[engine] != UNLIMITED && used > layout->engines[engine])
            return false;
    }
    return true;
}

bool gpu_instance_fits(const struct layout *layout, const struct placed *list, unsigned int count,
                       const struct profile *profile, unsigned int start)
{
    unsigned int same = 0;

    for (unsigned int place = 0; place < count; place++) {
        const struct profile *other = profile_by_id(layout, list[place].profile);
        unsigned int slices = other != NULL ? other->slices : 0;

        same += list[place].profile == profile->id;
        if (overlap(start, profile->size, list[place].start, list[place].size) && !BROKEN(R_MIG_OVERLAP))
            return false;
        if (DRIVER_BRANCH < 510 && layout->slices == 7 && slices + profile->slices == 7
            && (slices == 3 || slices == 4) && !BROKEN(R_MIG_HALVES))
            return false;
    }
    return (same < profile->most || BROKEN(R_MIG_MOST))
        && (media_left(layout, list, count, profile) || BROKEN(R_MIG_MEDIA));
}

bool compute_instance_fits(const struct profile *parent, const struct placed *list, unsigned int count,
                           const struct compute_profile *profile, unsigned int start)
{
    unsigned int sms = profile->sms;

    for (unsigned int place = 0; place < count; place++) {
        const struct compute_profile *other = compute_profile_by_id(parent, list[place].profile);

        sms += other != NULL ? other->sms : 0;
        if (overlap(start, profile->slices, list[place].start, list[place].size) && !BROKEN(R_MIG_OVERLAP))
            return false;
    }
    return sms <= parent->sms || BROKEN(R_MIG_COMPUTE_SMS);
}

/* How many placements of all profiles are still possible beside an instance put there. */
static unsigned int left_over(const struct layout *layout, const struct placed *list, unsigned int count,
                              const struct profile *profile, unsigned int start)
{
    struct placed trial[MAX_INSTANCES + 1];
    unsigned int left = 0;

    memcpy(trial, list, count * sizeof trial[0]);
    trial[count] = (struct placed){.profile = profile->id, .start = start, .size = profile->size};
    for (unsigned int place = 0; place < layout->count; place++)
        for (unsigned int other = 0; other < layout->profiles[place].start_count; other++)
            left += gpu_instance_fits(layout, trial, count + 1, &layout->profiles[place],
                                      layout->profiles[place].starts[other]);
    return left;
}

/* The adversary puts it where it does most harm to what may be wanted next. */
bool choose_gpu_start(const struct gpu *gpu, const struct layout *layout, const struct placed *list,
                      unsigned int count, const struct profile *profile, unsigned int *start)
{
    enum policy policy = read_policy(gpu);
    unsigned int least = UNLIMITED, left;
    bool found = false;

    for (unsigned int turn = 0; turn < profile->start_count; turn++) {
        unsigned int place = policy == DESCENDING ? profile->start_count - 1 - turn : turn;
        unsigned int wanted = policy == BOARD ? profile->order[place] : profile->starts[place];

        if (!gpu_instance_fits(layout, list, count, profile, wanted))
            continue;
        left = policy == ADVERSARIAL ? left_over(layout, list, count, profile, wanted) : 0;
        if (left < least) {
            least = left;
            *start = wanted;
            found = true;
        }
    }
    return found;
}

bool choose_compute_start(const struct gpu *gpu, const struct profile *parent, const struct placed *list,
                          unsigned int count, const struct compute_profile *profile, unsigned int *start)
{
    enum policy policy = read_policy(gpu);
    bool last_first = policy == DESCENDING || policy == ADVERSARIAL;

    for (unsigned int turn = 0; turn < profile->start_count; turn++) {
        *start = profile->starts[last_first ? profile->start_count - 1 - turn : turn];
        if (compute_instance_fits(parent, list, count, profile, *start))
            return true;
    }
    return false;
}

/* Numbered by place as in a heap: the whole 0, halves 1 and 2, quarters from 3, eighths from 7. Which
 * half comes first differs from GPU to GPU. */
unsigned int gpu_instance_id(const struct gpu *gpu, const struct layout *layout, unsigned int start,
                             unsigned int size)
{
    static const char *const words[] = {"lower", "upper", NULL};
    unsigned int parts = layout->units / size, part = start / size, upper;

    if (BROKEN(R_MIG_ID_BY_PLACE))
        return start;
    if (read_word(gpu, "mig_id_order", words, &upper) == NVML_SUCCESS && upper)
        part = (part + parts / 2) % parts;
    return parts - 1 + part;
}
