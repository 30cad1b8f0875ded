/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * State is files, one value each: reading, writing, and nothing about what they mean.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim.h"

void tree_path(char *path, enum tree tree, const char *relative)
{
    const char *root = secure_getenv("GPU_SIMULATOR_ROOT");
    const char *base = tree == VOLATILE ? "/run/gpu-simulator" : "/var/lib/gpu-simulator";

    snprintf(path, MAX_TEXT, "%s%s/%s", root ? root : "", base, relative);
}

void gpu_path(char *path, enum tree tree, const struct gpu *gpu, const char *name)
{
    char relative[256];

    snprintf(relative, sizeof relative, "gpus/%d/%s", gpu->number, name);
    tree_path(path, tree, relative);
}

void complain(const char *path, const char *text, const char *expected)
{
    dprintf(STDERR_FILENO, "gpu-simulator: %s holds '%s' where %s is expected\n", path, text, expected);
}

/* The text of a file without the white space at its end. */
nvmlReturn_t read_path(const char *path, char *text, size_t size)
{
    size_t length = 0;
    ssize_t got;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return errno == EACCES ? NVML_ERROR_NO_PERMISSION
             : errno == ENOENT || errno == ENOTDIR ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_UNKNOWN;
    while (length < size - 1 && (got = read(file, text + length, size - 1 - length)) != 0) {
        if (got < 0 && errno != EINTR) {
            close(file);
            return NVML_ERROR_UNKNOWN;
        }
        length += got > 0 ? (size_t)got : 0;
    }
    close(file);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    text[length] = '\0';
    return NVML_SUCCESS;
}

bool parse_number(const char *text, long long *number)
{
    bool hexadecimal = strncmp(text, "0x", 2) == 0;
    char *end;

    if (!isdigit((unsigned char)text[text[0] == '-']))
        return false;
    errno = 0;
    *number = hexadecimal ? (long long)strtoull(text, &end, 16) : strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

/* Finds the file that holds an attribute; path is that file afterwards, for messages. */
static nvmlReturn_t read_attribute(const struct gpu *gpu, const char *name, char *path, char *text, size_t size)
{
    nvmlReturn_t result;

    text[0] = '\0';
    gpu_path(path, VOLATILE, gpu, name);
    result = read_path(path, text, size);
    if (result == NVML_ERROR_NOT_SUPPORTED) {
        gpu_path(path, PERSISTENT, gpu, name);
        result = read_path(path, text, size);
    }
    REQUIRE(R_FILE_PRESENT, result != NVML_ERROR_NOT_SUPPORTED, NVML_ERROR_NOT_SUPPORTED);
    if (result == NVML_ERROR_NOT_SUPPORTED) { /* the rule is broken on purpose: a made-up figure */
        snprintf(text, size, "0");
        return NVML_SUCCESS;
    }
    return result;
}

nvmlReturn_t read_text(const struct gpu *gpu, const char *name, char *text, size_t size)
{
    char path[MAX_TEXT];

    return read_attribute(gpu, name, path, text, size);
}

nvmlReturn_t read_number(const struct gpu *gpu, const char *name, long long *number)
{
    char path[MAX_TEXT], text[64];

    TRY(read_attribute(gpu, name, path, text, sizeof text));
    if (!parse_number(text, number)) {
        complain(path, text, "a number");
        return NVML_ERROR_UNKNOWN;
    }
    return NVML_SUCCESS;
}

nvmlReturn_t read_uint(const struct gpu *gpu, const char *name, unsigned int *number)
{
    long long wide;

    TRY(read_number(gpu, name, &wide));
    *number = (unsigned int)wide;
    return NVML_SUCCESS;
}

nvmlReturn_t read_u64(const struct gpu *gpu, const char *name, unsigned long long *number)
{
    long long wide;

    TRY(read_number(gpu, name, &wide));
    *number = (unsigned long long)wide;
    return NVML_SUCCESS;
}

nvmlReturn_t read_list(const struct gpu *gpu, const char *name, unsigned int *count,
                       unsigned long long *numbers)
{
    char path[MAX_TEXT], text[MAX_TEXT], *next = text, *word;
    unsigned int found = 0;
    long long number;

    TRY(read_attribute(gpu, name, path, text, sizeof text));
    while ((word = strsep(&next, " \t\n")) != NULL) {
        if (*word == '\0')
            continue;
        if (!parse_number(word, &number)) {
            complain(path, word, "a number");
            return NVML_ERROR_UNKNOWN;
        }
        if (found < *count)
            numbers[found] = (unsigned long long)number;
        found++;
    }
    *count = found;
    return NVML_SUCCESS;
}

nvmlReturn_t read_word(const struct gpu *gpu, const char *name, const char *const *words, unsigned int *place)
{
    char path[MAX_TEXT], text[64];

    TRY(read_attribute(gpu, name, path, text, sizeof text));
    for (*place = 0; words[*place] != NULL; (*place)++)
        if (strcmp(text, words[*place]) == 0)
            return NVML_SUCCESS;
    complain(path, text, "a word of the table in docs/design/nvml.md");
    return NVML_ERROR_UNKNOWN;
}

nvmlReturn_t write_text(const struct gpu *gpu, enum tree home, const char *name, const char *text)
{
    char path[MAX_TEXT];

    gpu_path(path, home, gpu, name);
    return write_path(path, text);
}

/* Replaces a file whole: a reader sees the old value or the new one. */
nvmlReturn_t write_path(const char *path, const char *text)
{
    char fresh[MAX_TEXT + 16];
    const char *name = strrchr(path, '/') + 1;
    size_t length = strlen(text);
    int file;
    bool written;

    snprintf(fresh, sizeof fresh, "%.*s.%s.XXXXXX", (int)(name - path), path, name);
    file = mkostemp(fresh, O_CLOEXEC);
    if (file < 0)
        return errno == EACCES ? NVML_ERROR_NO_PERMISSION : NVML_ERROR_OPERATING_SYSTEM;
    written = fchmod(file, 0644) == 0 && write(file, text, length) == (ssize_t)length
        && write(file, "\n", 1) == 1 && fsync(file) == 0;
    written = close(file) == 0 && written && rename(fresh, path) == 0;
    if (!written)
        unlink(fresh);
    return written ? NVML_SUCCESS : NVML_ERROR_OPERATING_SYSTEM;
}

nvmlReturn_t write_number(const struct gpu *gpu, enum tree home, const char *name, unsigned long long number)
{
    char text[32];

    snprintf(text, sizeof text, "%llu", number);
    return write_text(gpu, home, name, text);
}

nvmlReturn_t remove_file(const struct gpu *gpu, enum tree home, const char *name)
{
    char path[MAX_TEXT];

    gpu_path(path, home, gpu, name);
    return unlink(path) == 0 || errno == ENOENT ? NVML_SUCCESS : NVML_ERROR_OPERATING_SYSTEM;
}

nvmlReturn_t copy_text(const char *text, char *buffer, unsigned int length)
{
    NOT_NULL(buffer);
    REQUIRE(R_BUFFER_SIZE, strlen(text) < length, NVML_ERROR_INSUFFICIENT_SIZE);
    snprintf(buffer, length, "%s", text);
    return NVML_SUCCESS;
}
