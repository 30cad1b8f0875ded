// SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A kernel module file that only says what it is: modinfo and depmod read it like any other. depmod finds
// dependencies by symbols, so each module exports one and needs that of the module it depends on.
// "gpu-simulator" stands in for the kernel.

#define FIELD(identifier, text) \
    static const char identifier[] __attribute__((section(".modinfo"), used, aligned(1))) = text
#define JOINED(a, b) a##b
#define SYMBOL(name) JOINED(gpu_simulator_, name)
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

FIELD(module_version, "version=" VERSION);
FIELD(module_license, "license=" LICENSE);
FIELD(module_name, "name=" TEXT(NAME));
#ifdef NEEDS
FIELD(module_depends, "depends=" TEXT(NEEDS));
#else
FIELD(module_depends, "depends=");
#endif
#ifdef ALIAS
FIELD(module_alias_3d, "alias=pci:v000010DEd*sv*sd*bc03sc02i00*");
FIELD(module_alias_vga, "alias=pci:v000010DEd*sv*sd*bc03sc00i00*");
#endif

static const char exported[] __attribute__((section("__ksymtab_strings"), used)) = TEXT(SYMBOL(NAME));
int SYMBOL(NAME)(void) { return 0; }
#ifdef NEEDS
extern int SYMBOL(NEEDS)(void);
int init_module(void) { return SYMBOL(NEEDS)(); }
#endif
