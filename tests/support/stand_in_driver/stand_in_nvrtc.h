// A stand-in for libnvrtc, for tests of what happens around a compile: counts, failures, odd versions, cubins that are
// none. libstand_in_nvrtc.so is found through SWIGLU_NVRTC_LIBRARY; a test also links it (target stand_in_nvrtc).
//
// Unless told otherwise it is NVRTC 13.0 and compiles anything for sm_75 to sm_121 at once into a small ELF image that
// holds the kernel's name, the source and the architecture, and that the stand-in driver loads anywhere. Thread-safe.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define STAND_IN_NVRTC_API extern "C" __attribute__((visibility("default")))

enum StandInCubin { kStandInElf, kStandInEmpty, kStandInText };

STAND_IN_NVRTC_API void stand_in_nvrtc_reset();
STAND_IN_NVRTC_API void stand_in_nvrtc_set_version(int major, int minor);  // before a Compiler loads it
// The next `count` compiles return `result` (a number of nvrtcResult) with this log.
STAND_IN_NVRTC_API void stand_in_nvrtc_fail(int result, const char* log, int count);
STAND_IN_NVRTC_API void stand_in_nvrtc_set_cubin(StandInCubin kind);
STAND_IN_NVRTC_API void stand_in_nvrtc_set_log(const char* log);            // of a compile that succeeds
STAND_IN_NVRTC_API void stand_in_nvrtc_set_milliseconds(int milliseconds);  // that each compile sleeps
STAND_IN_NVRTC_API uint64_t stand_in_nvrtc_compiles();                      // since the reset, failed ones included
STAND_IN_NVRTC_API int stand_in_nvrtc_most_at_once();                       // compiles that ran at the same time
STAND_IN_NVRTC_API const char* stand_in_nvrtc_options();                    // of the last compile, separated by spaces
