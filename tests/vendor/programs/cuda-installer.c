/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The program inside of a CUDA runfile: as the real one it is linked with libxml2.so.2, and it dies of a log that
 * another user left in /tmp, because it writes to a file that it could not open. The rest is in install.sh. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG "/tmp/cuda-installer.log"

int main(int argc, char **argv)
{
    struct stat left;
    FILE *log;
    char **arguments = calloc((size_t)argc + 2, sizeof *arguments);

    if (arguments == NULL)
        return 1;
    arguments[0] = "sh";
    arguments[1] = "./install.sh";
    memcpy(arguments + 2, argv + 1, (size_t)argc * sizeof *argv); /* with the closing NULL */
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        execv("/bin/sh", arguments);
        return 1;
    }
    /* Root may not open it either where fs.protected_regular is on, as distributions have it. */
    if (lstat(LOG, &left) == 0 && left.st_uid != geteuid())
        raise(SIGSEGV);
    if ((log = fopen(LOG, "w")) == NULL)
        raise(SIGSEGV);
    else
        fclose(log);
    execv("/bin/sh", arguments);
    perror("cuda-installer: /bin/sh");
    return 1;
}
