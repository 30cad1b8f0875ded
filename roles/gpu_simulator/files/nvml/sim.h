/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the library's files share: the state on disk, and the one way into every exported call.
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvml_abi.h"
#include "rules.h"

#define MAX_GPUS 64
#define MAX_TEXT 4096
#define MIB (1024ULL * 1024ULL)

#define API __attribute__((visibility("default"))) nvmlReturn_t

/* One GPU of the node; handles point to these. */
struct gpu {
    int number;                     /* its directory gpus/<number>/ */
    unsigned int index;             /* NVML's index */
    const struct instance *instance;    /* of a MIG device: its compute instance (mig.h) */
};

/* files.c: the two trees. VOLATILE is /run/gpu-simulator, PERSISTENT /var/lib/gpu-simulator. */
enum tree { VOLATILE, PERSISTENT };

void tree_path(char *path, enum tree tree, const char *relative);
void gpu_path(char *path, enum tree tree, const struct gpu *gpu, const char *name);
void complain(const char *path, const char *text, const char *expected);
nvmlReturn_t read_path(const char *path, char *text, size_t size);
bool parse_number(const char *text, long long *number);

/* An attribute of a GPU: the volatile tree first, else the persistent one. No file: NOT_SUPPORTED. */
nvmlReturn_t read_text(const struct gpu *gpu, const char *name, char *text, size_t size);
nvmlReturn_t read_number(const struct gpu *gpu, const char *name, long long *number);
nvmlReturn_t read_uint(const struct gpu *gpu, const char *name, unsigned int *number);
nvmlReturn_t read_u64(const struct gpu *gpu, const char *name, unsigned long long *number);
/* Numbers separated by white space; *count is the room in, the numbers there are out. */
nvmlReturn_t read_list(const struct gpu *gpu, const char *name, unsigned int *count,
                       unsigned long long *numbers);
/* Where a word stands in a list of words that ends with NULL; a word not there: UNKNOWN. */
nvmlReturn_t read_word(const struct gpu *gpu, const char *name, const char *const *words, unsigned int *place);

nvmlReturn_t write_path(const char *path, const char *text);
nvmlReturn_t write_text(const struct gpu *gpu, enum tree home, const char *name, const char *text);
nvmlReturn_t write_number(const struct gpu *gpu, enum tree home, const char *name, unsigned long long number);
nvmlReturn_t remove_file(const struct gpu *gpu, enum tree home, const char *name);
nvmlReturn_t copy_text(const char *text, char *buffer, unsigned int length);

/* faults.c: what faults/<function> orders for this call; gpu NULL where the call names none. */
nvmlReturn_t apply_fault(const char *function, const struct gpu *gpu);
/* The same for a call that finds its GPU late: only faults that name that GPU. */
nvmlReturn_t apply_fault_on_gpu(const char *function, const struct gpu *gpu);

/* calls.c: every exported call begins with one of the ENTER macros, which returns from it when the
 * library is not initialized, a fault is ordered, the handle is bad or the GPU is lost. */
struct call {
    const char *function;
    bool locked;
    const struct gpu *gpu;
};

nvmlReturn_t call_enter(struct call *call, bool initialized);
nvmlReturn_t call_lock(struct call *call);
nvmlReturn_t call_enter_device(struct call *call, nvmlDevice_t device, bool mig_welcome);
nvmlReturn_t check_handle(nvmlDevice_t device);
nvmlReturn_t check_present(const struct gpu *gpu);
void call_leave(struct call *call);

#define CALL_AS(name) \
    struct call call __attribute__((cleanup(call_leave))) = {.function = (name)}
#define TRY(expression) \
    do { nvmlReturn_t try_ = (expression); if (try_ != NVML_SUCCESS) return try_; } while (0)
#define ENTER_ANYTIME() CALL_AS(__func__); TRY(call_enter(&call, false))
#define ENTER()         CALL_AS(__func__); TRY(call_enter(&call, true))
#define ENTER_DEVICE(device)     ENTER_DEVICE_AS(__func__, device)
#define ENTER_DEVICE_AS(name, device) CALL_AS(name); TRY(call_enter_device(&call, device, false))
/* For calls that a MIG device answers too; call.gpu->instance tells which it is. */
#define ENTER_ANY_DEVICE(device)     ENTER_ANY_DEVICE_AS(__func__, device)
#define ENTER_ANY_DEVICE_AS(name, device) CALL_AS(name); TRY(call_enter_device(&call, device, true))

/* clients.c: a session is a client of all GPUs. */
void session_begin(void);
void session_end(void);
/* What a GPU loses when it is deinitialized: all settings but persistence, ECC and MIG mode. */
nvmlReturn_t forget_settings(const struct gpu *gpu);

unsigned int gpu_count(void);
nvmlDevice_t gpu_at(unsigned int index);

/* Common argument checks. */
#define NOT_NULL(pointer) REQUIRE(R_NOT_NULL, (pointer) != NULL, NVML_ERROR_INVALID_ARGUMENT)
#define IN_RANGE(value, count) \
    REQUIRE(R_ENUM_RANGE, (unsigned int)(value) < (unsigned int)(count), NVML_ERROR_INVALID_ARGUMENT)
#define HAS_VERSION(actual, type, number) \
    REQUIRE(R_STRUCT_VERSION, (actual) == STRUCT_VERSION(type, number), NVML_ERROR_ARGUMENT_VERSION_MISMATCH)
#define AS_ROOT() REQUIRE(R_ROOT_ONLY, geteuid() == 0, NVML_ERROR_NO_PERMISSION)

/* Of this architecture or a later one; names as in the file. */
#define FROM_ARCHITECTURE(gpu, name) \
    REQUIRE(R_CLOCKS_ARCHITECTURE, architecture_reaches(gpu, name), NVML_ERROR_NOT_SUPPORTED)
#define APPLICATION_CLOCKS_LEFT() \
    REQUIRE(R_APP_CLOCKS_DEPRECATED, DRIVER_BRANCH < 590, NVML_ERROR_DEPRECATED)

/* Calls that hand out one attribute. */
nvmlReturn_t get_uint(const char *function, nvmlDevice_t device, const char *name, unsigned int *value);
nvmlReturn_t get_text(const char *function, nvmlDevice_t device, const char *name, char *buffer,
                      unsigned int length);
#define GET_UINT(function, name) \
    API function(nvmlDevice_t device, unsigned int *value) { return get_uint(__func__, device, name, value); }
#define GET_TEXT(function, name) \
    API function(nvmlDevice_t device, char *buffer, unsigned int length) \
    { return get_text(__func__, device, name, buffer, length); }

/* Shared between the areas. */
bool architecture_reaches(const struct gpu *gpu, const char *name);
/* clock_<domain>_<what>mhz; what is "" or begins with _. */
nvmlReturn_t read_clock(const struct gpu *gpu, unsigned int domain, const char *what, unsigned int *clock);
nvmlReturn_t read_supported(const struct gpu *gpu, const char *name, unsigned long long *clocks,
                            unsigned int *count);
bool holds_clock(const unsigned long long *clocks, unsigned int count, unsigned int clock);
#define MAX_CLOCKS 512
/* What a clock is while it is locked. */
void keep_within_lock(const struct gpu *gpu, unsigned int domain, unsigned int *clock);
nvmlReturn_t pci_parse(const char *text, unsigned int place[4]);
nvmlReturn_t pci_fill(const char *bus_id, nvmlPciInfo_t *pci);
/* gi or ci negative: of any instance; NO_PLACE: of the processes that use the GPU as a whole. */
#define NO_PLACE (-2)
nvmlReturn_t process_memory_mib(const struct gpu *gpu, int gi, unsigned long long *mib);
nvmlReturn_t process_count(const struct gpu *gpu, int gi, int ci, unsigned int *count);
nvmlReturn_t ecc_total(const struct gpu *gpu, unsigned int type, unsigned int counter, unsigned long long *sum);
nvmlReturn_t ecc_count(const struct gpu *gpu, unsigned int type, unsigned int counter, unsigned int where,
                       unsigned long long *count);
nvmlReturn_t retired_count(const struct gpu *gpu, unsigned int cause, unsigned int *count);
nvmlReturn_t nvlink_errors(const struct gpu *gpu, unsigned int counter, int link, unsigned long long *count);
/* The GPU instance of a MIG device. */
int mig_gpu_instance(const struct gpu *device);
int mig_compute_instance(const struct gpu *device);
bool mig_enabled(const struct gpu *gpu);
/* On a GPU in MIG mode the whole is shown to those only who may configure MIG. */
nvmlReturn_t mig_may_see(const struct gpu *device);
nvmlReturn_t mig_memory_mib(const struct gpu *device, unsigned long long *mib);
/* Makes of a quantity of the whole GPU the MIG device's share. */
nvmlReturn_t mig_share(const struct gpu *device, unsigned long long *quantity);
nvmlReturn_t mig_device_text(const struct gpu *device, const char *name, char *text, size_t size);
nvmlReturn_t mig_device_index(const struct gpu *device, unsigned int *index);
nvmlReturn_t mig_resetless(const struct gpu *gpu, unsigned int *yes);
/* Whether profiles can be asked while MIG mode is off; a board without MIG: NOT_SUPPORTED. */
nvmlReturn_t mig_read_when_off(const struct gpu *gpu, unsigned int *yes);
bool is_mig_device(nvmlDevice_t device);
nvmlReturn_t mig_device_exists(nvmlDevice_t device);
nvmlReturn_t mig_device_by_uuid(const struct gpu *gpu, const char *uuid, nvmlDevice_t *device);
void forget_handles(void);
nvmlReturn_t nvlink_active(const struct gpu *gpu, unsigned int link, unsigned int *active);

#endif
