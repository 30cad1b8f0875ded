/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* A kernel module in the eyes of modinfo, depmod and dkms: an ELF relocatable with a .modinfo section,
 * exported symbols and symbols it needs. It is never loaded and needs no kernel headers. */

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define INFO(key, value) \
    static const char JOIN(info_, __COUNTER__)[] \
        __attribute__((used, section(".modinfo"), aligned(1))) = key "=" value

INFO("version", TEXT(MODULE_VERSION_IS));
INFO("license", MODULE_LICENSE_IS);
INFO("name", TEXT(MODULE_NAME_IS));
INFO("vermagic", TEXT(KERNEL_IS) " SMP preempt mod_unload modversions ");
INFO("retpoline", "Y");
INFO("depends", DEPENDS_ON);

#ifdef CORE
/* Display controllers of vendor 10de: VGA (class 0300) and 3D (class 0302). */
INFO("alias", "char-major-195-*");
INFO("alias", "pci:v000010DEd*sv*sd*bc03sc02i00*");
INFO("alias", "pci:v000010DEd*sv*sd*bc03sc00i00*");
INFO("parm", "NVreg_OpenRmEnableUnsupportedGpus:int");
INFO("parm", "NVreg_RestrictProfilingToAdminUsers:int");
INFO("parm", "NVreg_PreserveVideoMemoryAllocations:int");
INFO("parm", "NVreg_EnableGpuFirmware:int");
INFO("parm", "NVreg_DeviceFileMode:int");
#endif

/* depmod takes the names in __ksymtab_strings as exported, and what is undefined as needed. */
#define SYMBOL(name) JOIN(labfleet_, name)
static const char exported[] __attribute__((used, section("__ksymtab_strings"))) =
    "labfleet_" TEXT(SYMBOL_IS);
int SYMBOL(SYMBOL_IS)(void) { return 0; }

#ifdef NEEDS
extern int SYMBOL(NEEDS)(void);
int init_module(void) { return SYMBOL(NEEDS)(); }
#else
int init_module(void) { return 0; }
#endif
