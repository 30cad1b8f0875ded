/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Faults to order: faults/<function> holds
 *     [after <count>] [times <count>] return <code> | hang [<seconds>] | crash   [gpu <n>]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

enum action { RETURN, HANG, CRASH };

struct fault {
    enum action action;
    long long code;                 /* RETURN */
    long long seconds;              /* HANG; LLONG_MAX for ever */
    long long after, times, gpu;    /* gpu -1: any */
    bool counted;
};

static char *next_word(char **rest)
{
    char *word;

    while ((word = strsep(rest, " \t")) != NULL && *word == '\0')
        ;
    return word;
}

static bool next_number(char **rest, long long *number)
{
    char *word = next_word(rest);

    return word != NULL && parse_number(word, number) && *number >= 0;
}

static bool parse_fault(char *line, struct fault *fault)
{
    bool acts = false;
    char *word;

    *fault = (struct fault){.seconds = LLONG_MAX, .times = LLONG_MAX, .gpu = -1};
    while ((word = next_word(&line)) != NULL) {
        if (strcmp(word, "after") == 0 || strcmp(word, "times") == 0) {
            if (!next_number(&line, word[0] == 'a' ? &fault->after : &fault->times))
                return false;
            fault->counted = true;
        } else if (strcmp(word, "gpu") == 0) {
            if (!next_number(&line, &fault->gpu))
                return false;
        } else if (strcmp(word, "return") == 0 && !acts) {
            fault->action = RETURN;
            if (!next_number(&line, &fault->code) || fault->code == NVML_SUCCESS)
                return false;
            acts = true;
        } else if (strcmp(word, "crash") == 0 && !acts) {
            fault->action = CRASH;
            acts = true;
        } else if (strcmp(word, "hang") == 0 && !acts) {
            fault->action = HANG;
            acts = true;
        } else if (fault->action == HANG && acts && fault->seconds == LLONG_MAX) {
            if (!parse_number(word, &fault->seconds) || fault->seconds < 0)
                return false;
        } else {
            return false;
        }
    }
    return acts;
}

/* A fault for nvmlInit also meets nvmlInit_v2 and nvmlInitWithFlags: clients pick one unseen. */
static bool shorten(char *name)
{
    char *end = strstr(name, "_v");

    if (end == NULL)
        end = strstr(name, "WithFlags");
    if (end != NULL)
        *end = '\0';
    return end != NULL;
}

static bool find_fault(const char *function, char *path, char *name, char *line, size_t size)
{
    enum tree first = BROKEN(R_FAULT_RUN_FIRST) ? PERSISTENT : VOLATILE;
    char relative[160];

    for (int turn = 0; turn < 2; turn++) {
        snprintf(name, 128, "%s", function);
        do {
            snprintf(relative, sizeof relative, "faults/%s", name);
            tree_path(path, turn == 0 ? first : !first, relative);
            if (read_path(path, line, size) == NVML_SUCCESS)
                return true;
        } while (shorten(name));
    }
    return false;
}

/* How many calls came before this one since the fault file was written; -1 if it cannot be kept. */
static long long count_call(const char *fault_path, const char *name)
{
    char path[MAX_TEXT], relative[160], text[128] = "";
    struct stat fault;
    long long stamp, inode, calls = 0, now = 0;
    int file;

    tree_path(path, VOLATILE, "faults/calls");
    if (mkdir(path, 0777) == 0 && chmod(path, 01777) != 0)
        return -1;
    snprintf(relative, sizeof relative, "faults/calls/%s", name);
    tree_path(path, VOLATILE, relative);
    /* O_CREAT on a file that is there and somebody else's is refused in a sticky directory (protected_regular) */
    file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        return -1;
    (void)!fchmod(file, 0666);       /* the umask of the first caller must not shut out the next */
    if (flock(file, LOCK_EX) != 0 || stat(fault_path, &fault) != 0 || pread(file, text, sizeof text - 1, 0) < 0) {
        close(file);
        return -1;
    }
    now = (long long)fault.st_mtim.tv_sec * 1000000000LL + fault.st_mtim.tv_nsec;
    if (sscanf(text, "%lld %lld %lld", &stamp, &inode, &calls) != 3 || stamp != now
        || inode != (long long)fault.st_ino)
        calls = 0;
    snprintf(text, sizeof text, "%lld %lld %lld\n", now, (long long)fault.st_ino, calls + 1);
    if (ftruncate(file, 0) != 0 || pwrite(file, text, strlen(text), 0) != (ssize_t)strlen(text))
        calls = -1;
    close(file);
    return calls;
}

static void hang(long long seconds)
{
    struct timespec left = {.tv_sec = 1};

    while (seconds-- > 0) {
        left = (struct timespec){.tv_sec = 1};
        while (nanosleep(&left, &left) != 0)
            ;
    }
}

/* found: the GPU is one that the call looked up; only a fault that names a GPU is left to apply. */
static nvmlReturn_t apply(const char *function, const struct gpu *gpu, bool found)
{
    char path[MAX_TEXT], name[128], line[256], copy[256];
    struct fault fault;
    long long calls;

    if (!find_fault(function, path, name, line, sizeof line))
        return NVML_SUCCESS;
    memcpy(copy, line, sizeof copy);
    if (!parse_fault(copy, &fault)) {
        complain(path, line, "[after N] [times N] (return CODE | hang [SECONDS] | crash) [gpu N]");
        return NVML_ERROR_UNKNOWN;
    }
    if (found && fault.gpu < 0)
        return NVML_SUCCESS;
    if (fault.gpu >= 0 && (gpu == NULL || gpu->number != fault.gpu) && !BROKEN(R_FAULT_GPU))
        return NVML_SUCCESS;
    if (fault.counted) {
        calls = count_call(path, name);
        if (calls < 0) {
            dprintf(STDERR_FILENO, "gpu-simulator: cannot count the calls of %s: "
                    "make faults/calls beside the volatile faults writable for this user\n", name);
            return NVML_ERROR_OPERATING_SYSTEM;
        }
        if (calls < fault.after && !BROKEN(R_FAULT_AFTER))
            return NVML_SUCCESS;
        if (fault.times != LLONG_MAX && calls >= fault.after + fault.times && !BROKEN(R_FAULT_TIMES))
            return NVML_SUCCESS;
    }
    if (fault.action == CRASH) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    if (fault.action == HANG)
        hang(fault.seconds);
    return fault.action == RETURN ? (nvmlReturn_t)fault.code : NVML_SUCCESS;
}

nvmlReturn_t apply_fault(const char *function, const struct gpu *gpu)
{
    return apply(function, gpu, false);
}

nvmlReturn_t apply_fault_on_gpu(const char *function, const struct gpu *gpu)
{
    return apply(function, gpu, true);
}
