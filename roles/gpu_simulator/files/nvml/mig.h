/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * MIG: what a board can be divided into (its table), what it is divided into (files), and handles.
 */
#ifndef MIG_H
#define MIG_H

#include "sim.h"

#define MAX_PROFILES 24
#define MAX_COMPUTE_PROFILES 12
#define MAX_STARTS 16
#define MAX_INSTANCES 16
#define ANY_INSTANCE (-1)

/* NVML_{GPU,COMPUTE}_INSTANCE_PROFILE_COUNT of this driver; names beyond it do not exist yet. */
unsigned int gpu_profile_count(void);
unsigned int compute_profile_count(void);

enum engine { COPY, DECODER, ENCODER, JPEG, OFA, ENGINES };

struct compute_profile {
    unsigned int id;                /* also its NVML_COMPUTE_INSTANCE_PROFILE_* */
    unsigned int slices, sms, most;
    unsigned int starts[MAX_STARTS], start_count;
    char name[96];
};

struct profile {
    unsigned int number;            /* its NVML_GPU_INSTANCE_PROFILE_* */
    unsigned int id, slices, memory_mib, sms, most, engines[ENGINES];
    unsigned int size, starts[MAX_STARTS], start_count;     /* in memory units */
    unsigned int order[MAX_STARTS];                         /* the starts, as the driver prefers them */
    bool graphics;
    char name[96];
    struct compute_profile compute[MAX_COMPUTE_PROFILES];
    unsigned int compute_count;
};

struct layout {
    unsigned int slices, units;
    unsigned int engines[ENGINES];  /* of the whole GPU; UNLIMITED where not known */
    struct profile profiles[MAX_PROFILES];
    unsigned int count;
};

#define UNLIMITED 0xffffffffu

/* mig_table.c: the board's table, for this driver; NOT_SUPPORTED where the board has none. */
nvmlReturn_t read_layout(const struct gpu *gpu, struct layout *layout);
const struct profile *profile_by_number(const struct layout *layout, unsigned int number);
const struct profile *profile_by_id(const struct layout *layout, unsigned int id);
const struct compute_profile *compute_profile_by_id(const struct profile *profile, unsigned int id);

/* An instance as its file has it. */
struct placed {
    unsigned int id, profile, start, size;
    unsigned long long serial;      /* differs at each creation */
    char uuid[96];                  /* of a compute instance */
};

/* mig_files.c: gi ANY_INSTANCE stands for the GPU's own level, so for its GPU instances. */
nvmlReturn_t list_instances(const struct gpu *gpu, int gi, struct placed *list, unsigned int *count);
nvmlReturn_t read_instance(const struct gpu *gpu, int gi, unsigned int id, struct placed *placed);
nvmlReturn_t write_instance(const struct gpu *gpu, int gi, const struct placed *placed);
nvmlReturn_t remove_instance(const struct gpu *gpu, int gi, unsigned int id);
unsigned long long random_number(void);

/* Held while instances are created or destroyed; the cleanup lets go. */
struct mig_lock { int file; };
nvmlReturn_t mig_lock(const struct gpu *gpu, struct mig_lock *lock);
void mig_unlock(struct mig_lock *lock);
#define LOCKED_MIG(gpu) \
    struct mig_lock mig_lock_ __attribute__((cleanup(mig_unlock))) = {-1}; TRY(mig_lock(gpu, &mig_lock_))

/* mig_capabilities.c: /proc/driver/nvidia/capabilities, and who may configure. */
nvmlReturn_t show_capability(const struct gpu *gpu, int gi, int ci);
void hide_capability(const struct gpu *gpu, int gi, int ci);
bool may_configure(void);
/* Whether a process has the GPU's device file open (gi ANY_INSTANCE), or the instance's. */
bool held_open(const struct gpu *gpu, int gi, int ci);
#define PRIVILEGED() REQUIRE(R_MIG_PRIVILEGE, may_configure(), NVML_ERROR_NO_PERMISSION)

/* mig_choice.c: what fits, and where the driver puts what was asked for without a placement. */
bool gpu_instance_fits(const struct layout *layout, const struct placed *list, unsigned int count,
                       const struct profile *profile, unsigned int start);
bool compute_instance_fits(const struct profile *parent, const struct placed *list, unsigned int count,
                           const struct compute_profile *profile, unsigned int start);
bool choose_gpu_start(const struct gpu *gpu, const struct layout *layout, const struct placed *list,
                      unsigned int count, const struct profile *profile, unsigned int *start);
bool choose_compute_start(const struct gpu *gpu, const struct profile *parent, const struct placed *list,
                          unsigned int count, const struct compute_profile *profile, unsigned int *start);
unsigned int gpu_instance_id(const struct gpu *gpu, const struct layout *layout, unsigned int start,
                             unsigned int size);

/* mig_handles.c: handles of instances; one that was destroyed stays invalid for ever. */
struct instance {
    struct instance *next;
    nvmlDevice_t parent;
    int gi, ci;                     /* ci ANY_INSTANCE: a GPU instance */
    unsigned long long serial;
    struct gpu device;              /* a compute instance as MIG device */
};

nvmlReturn_t handle_of(nvmlDevice_t gpu, int gi, int ci, unsigned long long serial, struct instance **handle);
/* Enters a call that begins with an instance, which must be of that kind and still there. */
nvmlReturn_t call_enter_instance(struct call *call, struct instance *instance, bool compute);
#define ENTER_GPU_INSTANCE(instance) CALL_AS(__func__); TRY(call_enter_instance(&call, instance, false))
#define ENTER_COMPUTE_INSTANCE(instance) CALL_AS(__func__); TRY(call_enter_instance(&call, instance, true))
nvmlReturn_t instance_placed(const struct instance *instance, struct placed *placed);

/* mig_mode.c */
nvmlReturn_t require_capable(const struct gpu *gpu, unsigned int *mode);
nvmlReturn_t require_enabled(const struct gpu *gpu);

#endif
