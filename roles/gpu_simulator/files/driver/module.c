// SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A kernel module file that only says what it is. modinfo and depmod read it like any other;
// "gpu-simulator load" stands in for the kernel.

#define FIELD(identifier, text) \
    static const char identifier[] __attribute__((section(".modinfo"), used, aligned(1))) = text

FIELD(module_version, "version=" VERSION);
FIELD(module_license, "license=" LICENSE);
FIELD(module_name, "name=" NAME);
FIELD(module_depends, "depends=" DEPENDS);
#ifdef ALIAS
FIELD(module_alias_3d, "alias=pci:v000010DEd*sv*sd*bc03sc02i00*");
FIELD(module_alias_vga, "alias=pci:v000010DEd*sv*sd*bc03sc00i00*");
#endif
