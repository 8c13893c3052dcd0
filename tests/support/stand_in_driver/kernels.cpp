// The stand-in driver's functions of libraries, functions and their attributes, launches, tensor maps.
#include <cuda.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "call.h"
#include "entries.h"
#include "state.h"
#include "swiglu/params.h"

static_assert(sizeof(swiglu::ForwardParams) == STAND_IN_PARAMS_BYTES);

namespace stand_in {
namespace {

constexpr int kPlainSharedBytes = 48 * 1024;  // more must be asked for by cuFuncSetAttribute
constexpr unsigned kMaxThreads = 1024;
constexpr double kDuration = 10;  // microseconds of a kernel

// Lower bound of an ELF image's size: its section table is what compilers write last but for the program headers.
std::size_t elf_bytes(const unsigned char* image) {
  std::uint64_t section_offset = 0;
  std::uint64_t program_offset = 0;
  std::uint16_t counts[4];  // e_phentsize, e_phnum, e_shentsize, e_shnum
  std::memcpy(&program_offset, image + 32, sizeof program_offset);
  std::memcpy(&section_offset, image + 40, sizeof section_offset);
  std::memcpy(counts, image + 54, sizeof counts);
  return std::max({std::size_t{64}, static_cast<std::size_t>(section_offset) + std::size_t{counts[2]} * counts[3],
                   static_cast<std::size_t>(program_offset) + std::size_t{counts[0]} * counts[1]});
}

// The architecture a cubin's ELF header names, 90 = 9.0; 0 where it names none (images made by tests).
int elf_arch(const std::string& image) {
  const auto byte = [&](std::size_t at) { return static_cast<int>(static_cast<unsigned char>(image[at])); };
  constexpr int kAbiWithWideFlags = 8;  // CUDA 13: the SM number moved to the flags' second byte
  return byte(8) >= kAbiWithWideFlags ? byte(49) : byte(48);
}

CUresult library_load(CUlibrary* library, const void* code, CUjit_option*, void**, unsigned, CUlibraryOption*, void**,
                      unsigned) {
  STAND_IN_CALL("cuLibraryLoadData");
  if (const CUresult spoiled = spoil_captures(); spoiled != CUDA_SUCCESS) {
    return spoiled;
  }
  const auto* bytes = static_cast<const unsigned char*>(code);
  if (bytes == nullptr || std::memcmp(bytes,
                                      "\x7f"
                                      "ELF",
                                      4) != 0) {
    return CUDA_ERROR_INVALID_IMAGE;
  }
  Library& loaded = state().libraries.emplace_back();
  loaded.image.assign(reinterpret_cast<const char*>(bytes), elf_bytes(bytes));
  loaded.loaded = true;
  *library = reinterpret_cast<CUlibrary>(&loaded);
  return CUDA_SUCCESS;
}

CUresult library_unload(CUlibrary library) {
  STAND_IN_CALL("cuLibraryUnload");
  auto* loaded = reinterpret_cast<Library*>(library);
  if (loaded == nullptr || !loaded->loaded) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  loaded->loaded = false;
  return CUDA_SUCCESS;
}

CUresult library_get_kernel(CUkernel* kernel, CUlibrary library, const char* name) {
  STAND_IN_CALL("cuLibraryGetKernel");
  auto* loaded = reinterpret_cast<Library*>(library);
  if (loaded == nullptr || !loaded->loaded) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  if (loaded->image.find(name) == std::string::npos) {
    return CUDA_ERROR_NOT_FOUND;
  }
  *kernel = reinterpret_cast<CUkernel>(&state().functions.emplace_back(Function{loaded, name, nullptr, {}}));
  return CUDA_SUCCESS;
}

CUresult kernel_get_function(CUfunction* function, CUkernel kernel) {
  STAND_IN_CALL("cuKernelGetFunction");
  if (const CUresult spoiled = spoil_captures(); spoiled != CUDA_SUCCESS) {
    return spoiled;
  }
  auto* context = static_cast<Context*>(stand_in_current_context());
  if (context == nullptr) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  const Function* unbound = find_function(kernel);
  if (unbound == nullptr || !unbound->library->loaded) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  const int built_for = elf_arch(unbound->library->image);
  const int device = device_at(context->device).compute_capability;
  if (built_for != 0 && (built_for / 10 != device / 10 || built_for % 10 > device % 10)) {
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  *function = reinterpret_cast<CUfunction>(
      &state().functions.emplace_back(Function{unbound->library, unbound->name, context, {}}));
  return CUDA_SUCCESS;
}

CUresult func_set_attribute(CUfunction handle, CUfunction_attribute attribute, int value) {
  STAND_IN_CALL("cuFuncSetAttribute");
  Function* function = find_function(handle);
  if (function == nullptr || function->context == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  const int device = function->context->device;
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 ||
      value > device_at(device).shared_bytes_per_block) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  function->max_dynamic_shared_bytes.at(static_cast<std::size_t>(device)) = value;
  return CUDA_SUCCESS;
}

CUresult func_get_attribute(int* value, CUfunction_attribute attribute, CUfunction handle) {
  STAND_IN_CALL("cuFuncGetAttribute");
  const Function* function = find_function(handle);
  if (function == nullptr || function->context == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  *value = function->max_dynamic_shared_bytes.at(static_cast<std::size_t>(function->context->device));
  return CUDA_SUCCESS;
}

CUresult func_load(CUfunction function) {
  STAND_IN_CALL("cuFuncLoad");
  if (const CUresult spoiled = spoil_captures(); spoiled != CUDA_SUCCESS) {
    return spoiled;
  }
  return find_function(function) == nullptr ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
}

// What swiglu_block_errors finds: see stand_in.h.
CUresult judge_last() {
  state().block_error = behaviour(state().errors, state().last_computed, 0);
  return CUDA_SUCCESS;
}

unsigned cluster_of(const CUlaunchConfig& config) {
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    if (config.attrs[i].id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION) {
      return config.attrs[i].value.clusterDim.x;
    }
  }
  return 1;
}

CUresult launch_kernel(const CUlaunchConfig* config, CUfunction handle, void** params, void**) {
  STAND_IN_CALL("cuLaunchKernelEx");
  auto* context = static_cast<Context*>(stand_in_current_context());
  if (context == nullptr) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  const Function* function = find_function(handle);
  Stream* stream = find_stream(config->hStream);
  if (function == nullptr || stream == nullptr || function->context != context ||
      (stream->context != nullptr && stream->context != context)) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  const auto device = static_cast<std::size_t>(context->device);
  const unsigned allowed =
      static_cast<unsigned>(std::max(kPlainSharedBytes, function->max_dynamic_shared_bytes.at(device)));
  const std::uint64_t threads = std::uint64_t{config->blockDimX} * config->blockDimY * config->blockDimZ;
  if (config->gridDimX == 0 || config->gridDimX > 0x7fffffffU || config->gridDimY == 0 || config->gridDimY > 65535U ||
      config->gridDimZ == 0 || config->gridDimZ > 65535U || threads == 0 || threads > kMaxThreads ||
      config->sharedMemBytes > allowed) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const unsigned cluster = cluster_of(*config);
  if (cluster == 0 || config->gridDimX % cluster != 0) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  StandInLaunch launch{};
  launch.device = context->device;
  launch.context = context;
  launch.stream = config->hStream;
  launch.function = handle;
  launch.grid[0] = config->gridDimX, launch.grid[1] = config->gridDimY, launch.grid[2] = config->gridDimZ;
  launch.block[0] = config->blockDimX, launch.block[1] = config->blockDimY, launch.block[2] = config->blockDimZ;
  launch.shared_bytes = config->sharedMemBytes;
  launch.cluster = cluster;
  launch.captured = stream->capturing;
  const double microseconds = behaviour(state().durations, function, kDuration);
  (stream->capturing ? stream->graph.microseconds : stream->microseconds) += microseconds;
  if (function->name == "swiglu_block_errors" && !stream->capturing) {
    return judge_last();
  }
  if (function->name == "swiglu_fill") {
    return CUDA_SUCCESS;
  }
  state().last_computed = function;
  std::memcpy(launch.params, params[0], sizeof launch.params);
  state().launches.push_back(launch);
  return CUDA_SUCCESS;
}

// Refuses what a driver refuses of the maps this library makes. The map holds, as 64-bit numbers: base, columns, rows,
// pitch in bytes, and the box's columns and rows.
CUresult tensor_map_encode_tiled(CUtensorMap* map, CUtensorMapDataType, cuuint32_t rank, void* base,
                                 const cuuint64_t* extents, const cuuint64_t* pitches, const cuuint32_t* box,
                                 const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion,
                                 CUtensorMapFloatOOBfill) {
  STAND_IN_CALL("cuTensorMapEncodeTiled");
  if (rank != 2 || reinterpret_cast<std::uintptr_t>(base) % 16 != 0 || pitches[0] % 16 != 0 ||
      pitches[0] >= cuuint64_t{1} << 40) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  for (int i = 0; i < 2; ++i) {
    if (extents[i] < 1 || extents[i] > cuuint64_t{1} << 32 || box[i] < 1 || box[i] > 256) {
      return CUDA_ERROR_INVALID_VALUE;
    }
  }
  *map = {};
  const cuuint64_t contents[] = {
      reinterpret_cast<std::uintptr_t>(base), extents[0], extents[1], pitches[0], box[0], box[1]};
  std::memcpy(map, contents, sizeof contents);
  return CUDA_SUCCESS;
}

}  // namespace

std::span<const Entry> kernels_entries() {
  static const Entry entries[] = {
      {"cuLibraryLoadData", 12000, pointer(library_load)},
      {"cuLibraryUnload", 12000, pointer(library_unload)},
      {"cuLibraryGetKernel", 12000, pointer(library_get_kernel)},
      {"cuKernelGetFunction", 12000, pointer(kernel_get_function)},
      {"cuFuncSetAttribute", 9000, pointer(func_set_attribute)},
      {"cuFuncGetAttribute", 2020, pointer(func_get_attribute)},
      {"cuFuncLoad", 12040, pointer(func_load)},
      {"cuLaunchKernelEx", 11060, pointer(launch_kernel)},
      {"cuTensorMapEncodeTiled", 12000, pointer(tensor_map_encode_tiled)},
  };
  return entries;
}

}  // namespace stand_in
