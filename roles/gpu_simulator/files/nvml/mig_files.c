/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a GPU is divided into: files of its volatile directory, gone with the driver.
 *     mig/gi<id>            profile start size serial
 *     mig/gi<id>-ci<id>     profile start size serial uuid
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mig.h"

#define HOME_OF_INSTANCES (BROKEN(R_MIG_VOLATILE) ? PERSISTENT : VOLATILE)

unsigned long long random_number(void)
{
    unsigned long long number = 0;

    (void)!getrandom(&number, sizeof number, 0);
    return number;
}

static void instance_name(char name[64], int gi, unsigned int id)
{
    if (gi == ANY_INSTANCE)
        snprintf(name, 64, "mig/gi%u", id);
    else
        snprintf(name, 64, "mig/gi%d-ci%u", gi, id);
}

nvmlReturn_t read_instance(const struct gpu *gpu, int gi, unsigned int id, struct placed *placed)
{
    char path[MAX_TEXT], name[64], text[256];

    instance_name(name, gi, id);
    gpu_path(path, HOME_OF_INSTANCES, gpu, name);
    TRY(read_path(path, text, sizeof text));
    *placed = (struct placed){.id = id};
    if (sscanf(text, "%u %u %u %llu %95s", &placed->profile, &placed->start, &placed->size, &placed->serial,
               placed->uuid) < 4) {
        complain(path, text, "profile, start, size and serial number");
        return NVML_ERROR_UNKNOWN;
    }
    return NVML_SUCCESS;
}

/* The id in a file's name, if it names an instance of that level. */
static bool id_of(const char *name, int gi, unsigned int *id)
{
    int parent, end = 0;

    if (gi == ANY_INSTANCE)
        return sscanf(name, "gi%u%n", id, &end) == 1 && name[end] == '\0';
    return sscanf(name, "gi%d-ci%u%n", &parent, id, &end) == 2 && name[end] == '\0' && parent == gi;
}

static int by_id(const void *left, const void *right)
{
    unsigned int a = ((const struct placed *)left)->id, b = ((const struct placed *)right)->id;

    return a < b ? -1 : a > b;
}

nvmlReturn_t list_instances(const struct gpu *gpu, int gi, struct placed *list, unsigned int *count)
{
    char path[MAX_TEXT];
    struct dirent *entry;
    nvmlReturn_t result = NVML_SUCCESS;
    unsigned int id;
    DIR *directory;

    *count = 0;
    gpu_path(path, HOME_OF_INSTANCES, gpu, "mig");
    directory = opendir(path);
    if (directory == NULL)
        return NVML_SUCCESS;
    while (result == NVML_SUCCESS && *count < MAX_INSTANCES && (entry = readdir(directory)) != NULL) {
        if (!id_of(entry->d_name, gi, &id))
            continue;
        result = read_instance(gpu, gi, id, &list[*count]);
        if (result == NVML_SUCCESS)
            (*count)++;
        else if (result == NVML_ERROR_NOT_SUPPORTED)     /* gone since the directory was read */
            result = NVML_SUCCESS;
    }
    closedir(directory);
    qsort(list, *count, sizeof list[0], by_id);
    return result;
}

nvmlReturn_t write_instance(const struct gpu *gpu, int gi, const struct placed *placed)
{
    char name[64], text[256];

    instance_name(name, gi, placed->id);
    snprintf(text, sizeof text, "%u %u %u %llu%s%s", placed->profile, placed->start, placed->size,
             placed->serial, placed->uuid[0] ? " " : "", placed->uuid);
    return write_text(gpu, HOME_OF_INSTANCES, name, text);
}

nvmlReturn_t remove_instance(const struct gpu *gpu, int gi, unsigned int id)
{
    char name[64];

    instance_name(name, gi, id);
    return remove_file(gpu, HOME_OF_INSTANCES, name);
}

nvmlReturn_t mig_lock(const struct gpu *gpu, struct mig_lock *lock)
{
    char path[MAX_TEXT];

    gpu_path(path, HOME_OF_INSTANCES, gpu, "mig");
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return errno == EACCES ? NVML_ERROR_NO_PERMISSION : NVML_ERROR_OPERATING_SYSTEM;
    lock->file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock->file < 0 || flock(lock->file, LOCK_EX) != 0)
        return NVML_ERROR_OPERATING_SYSTEM;
    return NVML_SUCCESS;
}

void mig_unlock(struct mig_lock *lock)
{
    if (lock->file >= 0)
        close(lock->file);
}
