/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rules that the library enforces, each with its source. `make MUTATE=<rule>` builds a library
 * that breaks one of them; tests/conformance/mutate.py shows that the suite notices each.
 *
 * Sources: "ref <call>" is the return values or description of that call in the NVML API reference,
 * https://docs.nvidia.com/deploy/nvml-api/ ; "smi" is nvidia-smi(1); "design" is docs/design/.
 */
#ifndef RULES_H
#define RULES_H

#define RULES(X) \
    X(R_INIT_FIRST,         "ref, all calls: UNINITIALIZED if the library has not been initialized") \
    X(R_INIT_COUNTED,       "ref nvmlInit_v2: initializations are counted, the last shutdown shuts down") \
    X(R_SHUTDOWN_NEEDS_INIT, "ref nvmlShutdown: UNINITIALIZED; stricter than its backward-compatibility note") \
    X(R_MODULE_LOADED,      "ref nvmlInit_v2: DRIVER_NOT_LOADED if the driver is not running; smi exit code 9") \
    X(R_VERSION_MATCH,      "ref nvmlReturn_t: LIB_RM_VERSION_MISMATCH; smi exit code 18") \
    X(R_GPUS_FOUND,         "ref NVML_INIT_FLAG_NO_GPUS, NVML_ERROR_GPU_NOT_FOUND; github vmatare/thinkfan#237") \
    X(R_INIT_V1_ALL_GOOD,   "ref nvmlInit_v2: nvmlInit_v1 fails when any GPU is in a bad state") \
    X(R_NOT_NULL,           "ref, all calls: INVALID_ARGUMENT if a reference is NULL") \
    X(R_ENUM_RANGE,         "ref, all calls: INVALID_ARGUMENT if an enumeration argument is not one of its values") \
    X(R_BUFFER_SIZE,        "ref nvmlDeviceGetName and others: INSUFFICIENT_SIZE if length is too small") \
    X(R_COUNT_SIZE,         "ref nvmlDeviceGetComputeRunningProcesses_v3: INSUFFICIENT_SIZE if it has no room") \
    X(R_COUNT_WRITTEN,      "ref nvmlDeviceGetComputeRunningProcesses_v3: the count needed is handed back") \
    X(R_STRUCT_VERSION,     "ref: ARGUMENT_VERSION_MISMATCH if the provided version is not supported") \
    X(R_HANDLE_VALID,       "ref, all device calls: INVALID_ARGUMENT if device is invalid") \
    X(R_GPU_PRESENT,        "ref, device calls: GPU_IS_LOST if the GPU has fallen off the bus") \
    X(R_ALL_GPUS_PRESENT,   "ref nvmlDeviceGetHandleByUUID, BySerial: GPU_IS_LOST if any GPU is lost") \
    X(R_FILE_PRESENT,       "design simulator.md: what is not known of a board is NOT_SUPPORTED") \
    X(R_ROOT_ONLY,          "ref, setters: requires root; NO_PERMISSION") \
    X(R_INDEX_RANGE,        "ref nvmlDeviceGetHandleByIndex_v2: INVALID_ARGUMENT if index is invalid") \
    X(R_UUID_FOUND,         "ref nvmlDeviceGetHandleByUUID: NOT_FOUND") \
    X(R_SERIAL_FOUND,       "ref nvmlDeviceGetHandleBySerial: NOT_FOUND") \
    X(R_SERIAL_UNIQUE,      "ref nvmlDeviceGetHandleBySerial: INVALID_ARGUMENT if several devices have it") \
    X(R_PCI_FORMAT,         "ref nvmlDeviceGetHandleByPciBusId_v2: INVALID_ARGUMENT unless in a listed format") \
    X(R_PCI_FOUND,          "ref nvmlDeviceGetHandleByPciBusId_v2: NOT_FOUND") \
    X(R_PCI_FUNCTION_ZERO,  "ref nvmlDeviceGetHandleByPciBusId_v2: the id of a GPU; other functions are not GPUs") \
    X(R_PROCESS_EXISTS,     "ref nvmlSystemGetProcessName: NOT_FOUND if the process does not exist") \
    X(R_LIBCUDA_FOUND,      "ref nvmlSystemGetCudaDriverVersion_v2: LIBRARY_NOT_FOUND if libcuda.so.1 is not found") \
    X(R_RESERVED_IS_USED,   "ref nvmlMemory_t, nvmlMemory_v2_t: version 1 counts reserved memory as used, 2 does not") \
    X(R_POWER_RANGE,        "ref nvmlDeviceSetPowerManagementLimit: INVALID_ARGUMENT if out of range") \
    X(R_POWER_VOLATILE,     "ref nvmlDeviceSetPowerManagementLimit: not persistent across reboots") \
    X(R_POWER_VALUE,        "ref nvmlDeviceSetPowerManagementLimit_v2: INVALID_ARGUMENT for invalid values in it") \
    X(R_POWER_SCOPE,        "ref the same: NOT_SUPPORTED if the device does not support this; no board is a module") \
    X(R_CLOCK_RANGE,        "ref nvmlDeviceSetGpuLockedClocks: INVALID_ARGUMENT if not a valid combination") \
    X(R_CLOCK_MIXED,        "ref nvmlDeviceSetGpuLockedClocks: no mixture of numbers and symbols") \
    X(R_CLOCKS_ARCHITECTURE, "ref nvmlDeviceSetGpuLockedClocks: Volta or newer; SetMemoryLockedClocks: Ampere or newer") \
    X(R_CLOCK_LOCKED,       "ref the same: the clocks that the device will be running at are in the range") \
    X(R_MEMORY_CLOCK_NUMBERS, "ref nvmlDeviceSetMemoryLockedClocks: MHz; nvmlClockLimitId_t is of GPU clocks only") \
    X(R_MEMORY_CLOCK_KNOWN, "ref nvmlDeviceGetSupportedGraphicsClocks: NOT_FOUND if not a supported frequency") \
    X(R_APP_CLOCK_KNOWN,    "ref nvmlDeviceSetApplicationsClocks: INVALID_ARGUMENT if not a valid combination") \
    X(R_APP_CLOCKS_DEPRECATED, "smi -q of 595.58.03, 595.84, 595.91.07: deprecated; 580.173.02 still tells them") \
    X(R_FAN_RANGE,          "ref nvmlDeviceGetFanSpeed_v2: INVALID_ARGUMENT if fan is not an acceptable index") \
    X(R_NO_EXCLUSIVE_THREAD, "ref nvmlComputeMode_t: support of EXCLUSIVE_THREAD was removed") \
    X(R_MODES_VOLATILE,     "ref nvmlDeviceSetPersistenceMode, SetComputeMode: reset after each reboot") \
    X(R_LAST_CLIENT_GONE,   "NVIDIA Driver Persistence, Data Persistence: limit, clocks, compute mode end with it") \
    X(R_PERSISTENCE_KEEPS,  "NVIDIA Driver Persistence, Overview: a GPU that is kept initialized keeps them") \
    X(R_SESSION_KEEPS,      "NVIDIA Driver Persistence, Overview: deinitialized when all clients terminate") \
    X(R_MIG_RESET_FORGETS,  "ref nvmlDeviceSetMigMode: resets the device; Data Persistence: state until deinitialized") \
    X(R_ECC_PENDING,        "ref nvmlDeviceSetEccMode: takes effect after the next reboot") \
    X(R_ECC_PERSISTENT,     "smi -e: ECC mode is in the InfoROM") \
    X(R_ECC_ENABLED,        "ref nvmlDeviceGetTotalEccErrors, GetMemoryErrorCounter: require ECC mode enabled") \
    X(R_ECC_CLEAR_ONE,      "ref nvmlDeviceClearEccErrorCounts: clears the counters of the given type") \
    X(R_RETIRED_ADDRESSES,  "ref nvmlDeviceGetRetiredPages: INVALID_ARGUMENT if addresses is NULL and count is not 0") \
    X(R_PROCESS_ALIVE,      "ref nvmlDeviceGetComputeRunningProcesses_v3: processes with a context, so running ones") \
    X(R_PROCESS_KIND,       "ref nvmlDeviceGetComputeRunningProcesses_v3: graphics applications are not listed") \
    X(R_LINUX_NO_MODEL,     "ref nvmlDeviceGetDriverModel_v2: NOT_SUPPORTED unless on Windows") \
    X(R_NOT_ON_THESE_BOARDS, "ref, each: NOT_SUPPORTED; an H100 (580.159.04) has none of it either") \
    X(R_LINK_RANGE,         "ref nvmlDeviceGetNvLinkState: INVALID_ARGUMENT if link is invalid") \
    X(R_FABRIC_COMPLETED,   "ref nvmlGpuFabricInfo_t: clique and status are valid once the state is completed") \
    X(R_FIELD_STATUS,       "ref nvmlDeviceGetFieldValues: each value's own nvmlReturn says whether it is there") \
    X(R_FIELD_SCOPE,        "nvml.h: power fields have a scope, nvmlPowerScopeType_t; of a module no board tells any") \
    X(R_FIELD_ECC_DEVICE,   "H100, 580.159.04: ECC fields of single places, DRAM too, are NOT_SUPPORTED") \
    X(R_MIG_CAPABLE,        "ref nvmlDeviceGetMigMode, SetMigMode: NOT_SUPPORTED if the device has no MIG") \
    X(R_MIG_IDLE,           "ref nvmlDeviceSetMigMode: activation status IN_USE if the device is not idle") \
    X(R_MIG_HOME,           "MIG user guide: kept over a reboot before Hopper, lost from Hopper on") \
    X(R_MIG_OFF_NO_DEVICES, "ref nvmlDeviceGetMaxMigDeviceCount: zero if MIG is not supported or enabled") \
    X(R_MIG_OPEN_FILES,     "github NVIDIA/mig-parted#181, NVIDIA/DCGM#95: who has a device file open is a client") \
    X(R_MIG_EMPTY,          "github NVIDIA/gpu-operator#668: instances are cleared before the mode; here they must be") \
    X(R_MIG_RESET_REFUSED,  "ref nvmlDeviceSetMigMode: activation status RESET_REQUIRED where it cannot reset") \
    X(R_MIG_NOTHING_PENDING, "design nvml.md: what is not kept over a reset (Hopper and later) cannot be pending") \
    X(R_MIG_ENABLED,        "ref nvmlDeviceCreateGpuInstance and others: NOT_SUPPORTED unless MIG mode is enabled") \
    X(R_MIG_READ_WHEN_OFF,  "H100, 580.159.04, MIG off: profiles, capacity, no instances; kernel_mig_manager.c of 595") \
    X(R_MIG_GUEST,          "ref nvmlDeviceCreateGpuInstance: NOT_SUPPORTED in a vGPU guest") \
    X(R_MIG_PRIVILEGE,      "ref nvmlDeviceCreateGpuInstance and others: requires privileged user; NO_PERMISSION") \
    X(R_MIG_CONFIG_CAPABILITY, "MIG user guide, /dev based capabilities: who may open mig/config may configure") \
    X(R_MIG_CAPABILITIES,   "MIG user guide; public capture: capabilities/gpu0/mig/gi2/ci0/access has minor 22") \
    X(R_MIG_SINCE,          "nvml.h of CUDA 11.0 to 13.3 (github NVIDIA/go-nvml): which release has which call") \
    X(R_MIG_PROFILE_COUNT,  "nvml.h of the same: NVML_GPU_INSTANCE_PROFILE_COUNT grew, 5 to 18") \
    X(R_MIG_V3_SINCE,       "nvml.h of the same: version 3 of profile information since CUDA 12.3") \
    X(R_MIG_INFO_VERSION,   "ref nvmlDeviceGetGpuInstanceProfileInfoV: INVALID_ARGUMENT if info->version is invalid") \
    X(R_MIG_INFO_VERSION_GONE, "H100, 580.159.04: version 2 of the information comes back with a version of 0") \
    X(R_MIG_PROFILE_KNOWN,  "ref nvmlDeviceGetGpuInstanceProfileInfo: NOT_SUPPORTED if profile is not supported") \
    X(R_MIG_PROFILE_ID,     "ref nvmlDeviceCreateGpuInstance: INVALID_ARGUMENT if profileId is invalid") \
    X(R_MIG_PLACEMENTS_ID,  "H100, 580.159.04: placements of an id that it lacks are INVALID_ARGUMENT, against ref") \
    X(R_MIG_COMPUTE_ID,     "ref nvmlGpuInstanceCreateComputeInstance: NOT_SUPPORTED if profileId is not supported") \
    X(R_MIG_PLACEMENT,      "ref nvmlDeviceCreateGpuInstanceWithPlacement: INVALID_ARGUMENT if placement is invalid") \
    X(R_MIG_OVERLAP,        "ref nvmlDeviceGetGpuInstancePossiblePlacements_v2: no overlap; INSUFFICIENT_RESOURCES") \
    X(R_MIG_MOST,           "ref nvmlGpuInstanceProfileInfo_t: instanceCount; smi mig -lgip: Instances Free/Total") \
    X(R_MIG_MEDIA,          "nvml.h: ALL_ME prevents all but NO_ME; MIG user guide: a single profile with +me") \
    X(R_MIG_HALVES,         "MIG user guide: 4g beside 3g on A100 since R510") \
    X(R_MIG_COMPUTE_SMS,    "github NVIDIA/go-nvml#146: 26 SMs for one compute instance in a GPU instance of 32") \
    X(R_MIG_PARENT_IDLE,    "open-gpu-kernel-modules 595 kmigmgr_ga100.c: STATE_IN_USE while channels use the whole GPU") \
    X(R_MIG_CHILDREN,       "ref nvmlGpuInstanceDestroy: IN_USE if compute instances are active on it") \
    X(R_MIG_GI_IDLE,        "ref nvmlGpuInstanceDestroy: IN_USE if processes are active on it") \
    X(R_MIG_CI_IDLE,        "ref nvmlComputeInstanceDestroy: IN_USE if processes are active on it") \
    X(R_MIG_INSTANCE_FOUND, "ref nvmlDeviceGetGpuInstanceById: NOT_FOUND") \
    X(R_MIG_HANDLE,         "ref nvmlDeviceCreateGpuInstance: the handle is invalid once the instance is destroyed") \
    X(R_MIG_ID_BY_PLACE,    "smi mig -lgi: 9 at 6:1, 3 at 4:2, 2 at 0:4 (580.126.09), 11 at 0:1 (510.47.03)") \
    X(R_MIG_COMPUTE_LOWEST, "smi mig -lci: 0, 1 in a GPU instance; ids are used again (MIG user guide)") \
    X(R_MIG_POLICY,         "design nvml.md: where an instance without a placement goes differs between drivers") \
    X(R_MIG_VOLATILE,       "MIG user guide: instances do not persist across a reset or reboot") \
    X(R_MIG_UUID_NEW,       "design nvml.md: a UUID is immutable for the lifetime of a MIG device and ends with it") \
    X(R_MIG_UUID_OLD,       "MIG user guide: MIG-<GPU-UUID>/<GPU instance>/<compute instance> before R470") \
    X(R_MIG_DEVICE,         "ref nvmlDeviceIsMigDeviceHandle, GetGpuInstanceId: tell a MIG device from a GPU") \
    X(R_MIG_GPU_ONLY,       "ref nvmlDeviceIsMigDeviceHandle: MIG devices answer with restrictions; here NOT_SUPPORTED") \
    X(R_MIG_PROCESS_PLACE,  "ref nvmlDeviceGetComputeRunningProcesses_v3: per instance with a MIG device handle") \
    X(R_MIG_AGGREGATE,      "ref the same, nvmlDeviceGetMemoryInfo: the whole only with appropriate privileges") \
    X(R_MIG_NO_UTILIZATION, "ref nvmlDeviceGetUtilizationRates: not supported on MIG-enabled GPUs") \
    X(R_MIG_SHARE,          "smi of an A100, 580.126.09: BAR1 of 4g, 2g, 1g is as 4 to 2 to 1, by memory slices") \
    X(R_MIG_COMPUTE_MODE,   "ref nvmlDeviceSetComputeMode: with MIG enabled not of the GPU; github NVIDIA/go-nvml#61") \
    X(R_EVENT_TIMEOUT,      "ref nvmlEventSetWait_v2: TIMEOUT if no event arrived") \
    X(R_EVENT_SUPPORTED,    "ref nvmlDeviceRegisterEvents: NOT_SUPPORTED for event types that are not offered") \
    X(R_FAULT_AFTER,        "design simulator.md: after <count> lets so many calls through") \
    X(R_FAULT_TIMES,        "design simulator.md: times <count> ends after so many") \
    X(R_FAULT_GPU,          "design simulator.md: gpu <n> limits a fault to one GPU") \
    X(R_FAULT_RUN_FIRST,    "design nvml.md: a fault in the volatile tree wins over one in the persistent tree")

enum rule {
    R_NONE,
#define RULE_NAME(name, source) name,
    RULES(RULE_NAME)
#undef RULE_NAME
};

#ifndef MUTATE
#define MUTATE R_NONE
#endif

/* SINCE(branch) around a call: this driver has it. The mutant of R_MIG_SINCE has every call. */
#define JOIN_(left, right) left##right
#define JOIN(left, right) JOIN_(left, right)
#define EVERY_CALL_R_MIG_SINCE 1
#define SINCE(branch) (DRIVER_BRANCH >= (branch) || JOIN(EVERY_CALL_, MUTATE))

/* BROKEN(rule) is true only in the library mutated in that rule. */
#define BROKEN(rule) ((rule) == MUTATE)
#define REQUIRE(rule, condition, code) \
    do { if (!(condition) && !BROKEN(rule)) return (code); } while (0)

#endif
