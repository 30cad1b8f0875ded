/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The driver's capabilities: files in /proc that come and go with instances, the device files that
 * stand for them, and who has such a file open.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mig.h"

/* Minor numbers of /dev/nvidia-caps/nvidia-cap<n>: mig/config has 1; then 15 instances with 8 compute
 * instances each, GPU by GPU (public capture: gi2 21, gi2/ci0 22, gi3 30, gi9 84). */
#define FIRST_MINOR 3
#define PER_INSTANCE 9
#define PER_GPU (15 * PER_INSTANCE)

static unsigned int gpu_minor(const struct gpu *gpu)
{
    unsigned int minor;

    return read_uint(gpu, "minor_number", &minor) == NVML_SUCCESS ? minor : (unsigned int)gpu->number;
}

static unsigned int capability_minor(const struct gpu *gpu, int gi, int ci)
{
    return FIRST_MINOR + gpu_minor(gpu) * PER_GPU + (unsigned int)gi * PER_INSTANCE + (unsigned int)(ci + 1);
}

static void device_path(char path[MAX_TEXT], const char *name)
{
    const char *root = secure_getenv("GPU_SIMULATOR_ROOT");

    snprintf(path, MAX_TEXT, "%s/dev/%s", root ? root : "", name);
}

static void capability_path(char path[MAX_TEXT], const struct gpu *gpu, int gi, int ci, const char *file)
{
    char relative[256], compute[32] = "";

    if (ci != ANY_INSTANCE)
        snprintf(compute, sizeof compute, "/ci%d", ci);
    snprintf(relative, sizeof relative, "proc/driver/nvidia/capabilities/gpu%u/mig/gi%d%s%s", gpu_minor(gpu), gi,
             compute, file);
    tree_path(path, VOLATILE, relative);
}

/* Every directory of the path below one that is there already. */
static bool make_directories(char *path, size_t there)
{
    for (char *slash = strchr(path + there + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0555) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

/* The device file of an instance, beside those that the driver has from the start; on hardware nvidia-modprobe
 * makes it, and no document speaks of anybody who removes it. A plain file where those are plain ones; none
 * where there are none (ModifyDeviceFiles=0), where we may not, or with mig_device_files 0: until somebody runs
 * nvidia-modprobe -f. */
static void make_device(const struct gpu *gpu, int gi, int ci)
{
    char first[MAX_TEXT], path[MAX_TEXT], name[64];
    unsigned int number = capability_minor(gpu, gi, ci);
    struct stat of_first;
    unsigned int made;
    mode_t kind;

    if (read_uint(gpu, "mig_device_files", &made) == NVML_SUCCESS && made == 0)
        return;
    device_path(first, "nvidia-caps/nvidia-cap1");
    if (stat(first, &of_first) != 0)
        return;
    snprintf(name, sizeof name, "nvidia-caps/nvidia-cap%u", number);
    device_path(path, name);
    kind = S_ISCHR(of_first.st_mode) ? S_IFCHR : S_IFREG;
    if (mknod(path, kind | 0444, makedev(major(of_first.st_rdev), number)) == 0 && chmod(path, 0444) != 0)
        unlink(path);
}

/* A driver that shows no capabilities, as in a test without /proc, has none to add to. */
nvmlReturn_t show_capability(const struct gpu *gpu, int gi, int ci)
{
    char path[MAX_TEXT], top[MAX_TEXT], text[96];

    tree_path(top, VOLATILE, "proc/driver/nvidia/capabilities");
    if (access(top, F_OK) != 0 || BROKEN(R_MIG_CAPABILITIES))
        return NVML_SUCCESS;
    capability_path(path, gpu, gi, ci, "/access");
    snprintf(text, sizeof text, "DeviceFileMinor: %u\nDeviceFileMode: %d\nDeviceFileModify: 1",
             capability_minor(gpu, gi, ci), 0444);
    if (!make_directories(path, strlen(top)))
        return NVML_ERROR_OPERATING_SYSTEM;
    TRY(write_path(path, text));
    make_device(gpu, gi, ci);
    return chmod(path, 0444) == 0 ? NVML_SUCCESS : NVML_ERROR_OPERATING_SYSTEM;
}

void hide_capability(const struct gpu *gpu, int gi, int ci)
{
    char path[MAX_TEXT];

    capability_path(path, gpu, gi, ci, "/access");
    unlink(path);
    capability_path(path, gpu, gi, ci, "");
    rmdir(path);
}

bool may_configure(void)
{
    char path[MAX_TEXT];

    if (geteuid() == 0)
        return true;
    device_path(path, "nvidia-caps/nvidia-cap1");
    return euidaccess(path, R_OK) == 0 && !BROKEN(R_MIG_CONFIG_CAPABILITY);
}

static bool process_holds(const char *pid, const char *wanted)
{
    char folder[64], link[MAX_TEXT], target[MAX_TEXT];
    struct dirent *entry;
    bool holds = false;
    ssize_t length;
    DIR *directory;

    snprintf(folder, sizeof folder, "/proc/%.16s/fd", pid);
    directory = opendir(folder);
    while (directory != NULL && !holds && (entry = readdir(directory)) != NULL) {
        snprintf(link, sizeof link, "%s/%s", folder, entry->d_name);
        length = readlink(link, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        holds = strcmp(target, wanted) == 0;
    }
    if (directory != NULL)
        closedir(directory);
    return holds;
}

/* nvidia_drm with modeset has all GPUs open itself (github NVIDIA/mig-parted#181). */
static bool screens_hold(void)
{
    char path[MAX_TEXT], text[8];

    tree_path(path, VOLATILE, "sys/module/nvidia_drm/parameters/modeset");
    return read_path(path, text, sizeof text) == NVML_SUCCESS && text[0] == 'Y';
}

bool held_open(const struct gpu *gpu, int gi, int ci)
{
    char name[64], wanted[MAX_TEXT];
    struct dirent *entry;
    bool held = false;
    long long pid;
    DIR *directory = opendir("/proc");

    if (gi == ANY_INSTANCE)
        snprintf(name, sizeof name, "nvidia%u", gpu_minor(gpu));
    else
        snprintf(name, sizeof name, "nvidia-caps/nvidia-cap%u", capability_minor(gpu, gi, ci));
    device_path(wanted, name);
    while (directory != NULL && !held && (entry = readdir(directory)) != NULL)
        if (parse_number(entry->d_name, &pid) && pid != getpid())
            held = process_holds(entry->d_name, wanted);
    if (directory != NULL)
        closedir(directory);
    held = held || (gi == ANY_INSTANCE && screens_hold());
    return held && !BROKEN(R_MIG_OPEN_FILES);
}
