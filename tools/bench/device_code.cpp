// Compiling, loading and launching the bench's kernels: see device_code.h.
#include "tools/bench/device_code.h"

#include <nvrtc.h>

#include <array>
#include <limits>

#include "tools/bench/shared_library.h"
#include "tools/cuda_handles.h"

namespace swiglu::tool {
namespace {

struct Nvrtc {
  explicit Nvrtc(const std::string& path) {
    const SharedLibrary library("NVRTC", {path});
    library.find(create, "nvrtcCreateProgram");
    library.find(destroy, "nvrtcDestroyProgram");
    library.find(compile, "nvrtcCompileProgram");
    library.find(error_string, "nvrtcGetErrorString");
    library.find(log_size, "nvrtcGetProgramLogSize");
    library.find(log, "nvrtcGetProgramLog");
    library.find(cubin_size, "nvrtcGetCUBINSize");
    library.find(cubin, "nvrtcGetCUBIN");
  }

  void check(nvrtcResult result, const char* call, const std::string& log_text = "") const {
    if (result != NVRTC_SUCCESS) {
      throw Failure(std::string("the bench's kernels: ") + call + ": " + error_string(result) +
                    (log_text.empty() ? "" : "\n") + log_text);
    }
  }

  decltype(&nvrtcCreateProgram) create = nullptr;
  decltype(&nvrtcDestroyProgram) destroy = nullptr;
  decltype(&nvrtcCompileProgram) compile = nullptr;
  decltype(&nvrtcGetErrorString) error_string = nullptr;
  decltype(&nvrtcGetProgramLogSize) log_size = nullptr;
  decltype(&nvrtcGetProgramLog) log = nullptr;
  decltype(&nvrtcGetCUBINSize) cubin_size = nullptr;
  decltype(&nvrtcGetCUBIN) cubin = nullptr;
};

std::string log_of(const Nvrtc& nvrtc, nvrtcProgram program) {
  std::size_t size = 0;
  nvrtc.check(nvrtc.log_size(program, &size), "nvrtcGetProgramLogSize");
  std::string text(size + 1, '\0');
  nvrtc.check(nvrtc.log(program, text.data()), "nvrtcGetProgramLog");
  text.resize(text.find('\0'));  // the size counts the terminator
  return text;
}

unsigned blocks_for(std::int64_t work, std::int64_t of_one_block) {
  const std::int64_t blocks = (work + of_one_block - 1) / of_one_block;
  if (blocks < 1 || blocks > std::numeric_limits<std::int32_t>::max()) {
    throw Failure("the bench's kernels cannot serve a matrix of " + std::to_string(work) + " units of work");
  }
  return static_cast<unsigned>(blocks);
}

constexpr unsigned kThreads = 256;  // of the kernels that work on vectors
constexpr std::size_t kVectorBytes = 16;

// The vectors of 16 bytes of [m, n], and of a row.
struct Vectors {
  unsigned all;
  unsigned of_row;
};

Vectors vectors_of(std::int64_t m, std::int64_t n) {
  constexpr std::int64_t kVector = 8;  // elements
  if (n % kVector != 0 || m * n / kVector > std::numeric_limits<std::int32_t>::max()) {
    throw Failure(
        "the unfused baseline's element-wise kernels need d_intermediate to be a multiple of 8 (and at most "
        "2^34 elements), and were given m " +
        std::to_string(m) + ", d_intermediate " + std::to_string(n));
  }
  return {static_cast<unsigned>(m * n / kVector), static_cast<unsigned>(n / kVector)};
}

}  // namespace

std::vector<char> compile_bench_kernels(const std::string& library, const std::string& arch, swiglu_dtype dtype) {
  const Nvrtc nvrtc(library);
  nvrtcProgram program = nullptr;
  nvrtc.check(nvrtc.create(&program, kBenchKernelsText, "swiglu_bench.cu", 0, nullptr, nullptr), "nvrtcCreateProgram");
  const auto destroy = [&](nvrtcProgram owned) { nvrtc.destroy(&owned); };
  const std::unique_ptr<std::remove_pointer_t<nvrtcProgram>, decltype(destroy)> owner(program, destroy);

  const std::string architecture = "--gpu-architecture=" + arch;
  const std::array<const char*, 3> options{"--std=c++17", architecture.c_str(),
                                           dtype == SWIGLU_F16 ? "-DBENCH_F16=1" : "-DBENCH_F16=0"};
  const nvrtcResult result = nvrtc.compile(program, static_cast<int>(options.size()), options.data());
  nvrtc.check(result, "nvrtcCompileProgram", result == NVRTC_SUCCESS ? "" : log_of(nvrtc, program));
  std::size_t size = 0;
  nvrtc.check(nvrtc.cubin_size(program, &size), "nvrtcGetCUBINSize");
  std::vector<char> cubin(size);
  nvrtc.check(nvrtc.cubin(program, cubin.data()), "nvrtcGetCUBIN");
  return cubin;
}

struct DeviceCode::Kernels {
  cudaLibrary_t library = nullptr;
  cudaKernel_t fill_normal = nullptr;
  cudaKernel_t activate = nullptr;
  cudaKernel_t gradients = nullptr;
  cudaKernel_t copy = nullptr;
  cudaKernel_t compare = nullptr;
  cudaKernel_t stamp = nullptr;

  ~Kernels() { cudaLibraryUnload(library); }

  void load(cudaKernel_t& kernel, const char* name) const {
    check_cuda(cudaLibraryGetKernel(&kernel, library, name), name);
  }

  // The arguments must have the types of the kernel's parameters.
  template <typename... Arguments>
  static void launch(cudaKernel_t kernel, dim3 grid, unsigned threads, cudaStream_t stream, Arguments... arguments) {
    std::array<void*, sizeof...(Arguments)> pointers{&arguments...};
    check_cuda(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, dim3(threads), pointers.data(), 0, stream),
               "launching one of the bench's kernels");
  }
};

DeviceCode::DeviceCode(const std::vector<char>& cubin) : kernels_(std::make_unique<Kernels>()) {
  check_cuda(cudaLibraryLoadData(&kernels_->library, cubin.data(), nullptr, nullptr, 0, nullptr, nullptr, 0),
             "loading the bench's kernels");
  kernels_->load(kernels_->fill_normal, "fill_normal");
  kernels_->load(kernels_->activate, "activate");
  kernels_->load(kernels_->gradients, "gradients_of");
  kernels_->load(kernels_->copy, "copy");
  kernels_->load(kernels_->compare, "compare");
  kernels_->load(kernels_->stamp, "stamp");
}

DeviceCode::~DeviceCode() = default;

void DeviceCode::fill_normal(void* values, std::int64_t elements, std::uint64_t key, float scale,
                             cudaStream_t stream) const {
  constexpr unsigned kMostBlocks = 4096;  // the kernel strides over the rest
  const unsigned long long pairs = static_cast<unsigned long long>(elements + 1) / 2;
  const unsigned blocks = std::min(kMostBlocks, blocks_for((elements + 1) / 2, kThreads));
  Kernels::launch(kernels_->fill_normal, dim3(blocks), kThreads, stream, values, pairs,
                  static_cast<unsigned long long>(key), scale);
}

void DeviceCode::activate(const void* gu, void* out, std::int64_t m, std::int64_t n, cudaStream_t stream) const {
  const Vectors vectors = vectors_of(m, n);
  Kernels::launch(kernels_->activate, dim3(blocks_for(vectors.all, kThreads)), kThreads, stream, gu, out,
                  vectors.of_row, vectors.all);
}

void DeviceCode::gradients(const void* dout, const void* gu, void* dgu, std::int64_t m, std::int64_t n,
                           cudaStream_t stream) const {
  const Vectors vectors = vectors_of(m, n);
  Kernels::launch(kernels_->gradients, dim3(blocks_for(vectors.all, kThreads)), kThreads, stream, dout, gu, dgu,
                  vectors.of_row, vectors.all);
}

void DeviceCode::copy(const void* from, void* to, std::size_t bytes, cudaStream_t stream) const {
  constexpr std::int64_t kVectorsOfThread = 4;
  const std::size_t vectors = bytes / kVectorBytes;
  if (bytes % kVectorBytes != 0 || vectors > std::numeric_limits<std::int32_t>::max()) {
    throw Failure("the bench's copy moves whole vectors of 16 bytes, at most 2^31 of them, and was given " +
                  std::to_string(bytes) + " bytes");
  }
  Kernels::launch(kernels_->copy, dim3(blocks_for(static_cast<std::int64_t>(vectors), kVectorsOfThread * kThreads)),
                  kThreads, stream, from, to, static_cast<unsigned>(vectors));
}

void DeviceCode::compare(const DeviceMatrixView& actual, const DeviceMatrixView& expected, std::int64_t rows,
                         std::int64_t columns, BlockSums* sums, cudaStream_t stream) const {
  constexpr std::int64_t kBlockEdge = 64;
  const auto unsigned_of = [](std::int64_t value) { return static_cast<unsigned long long>(value); };
  Kernels::launch(kernels_->compare, dim3(blocks_for(columns, kBlockEdge), blocks_for(rows, kBlockEdge)), kThreads,
                  stream, actual.data, unsigned_of(actual.pitch), expected.data, unsigned_of(expected.pitch),
                  unsigned_of(rows), unsigned_of(columns), sums);
}

void DeviceCode::stamp(ClockStamp* stamps, int multiprocessors, cudaStream_t stream) const {
  constexpr unsigned kOneWarp = 32;
  // An idle device gives each of so many blocks a multiprocessor of its own.
  Kernels::launch(kernels_->stamp, dim3(static_cast<unsigned>(multiprocessors)), kOneWarp, stream, stamps,
                  static_cast<unsigned>(kStampSlots));
}

}  // namespace swiglu::tool
