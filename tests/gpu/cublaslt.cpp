#include "gpu/cublaslt.h"

#include <stdexcept>

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>
#include <dlfcn.h>

#include <array>
#include <vector>

#include "gpu/cuda_memory.h"

namespace swiglu_test {
namespace {

constexpr int kMostAlgorithms = 8;
constexpr std::size_t kWorkspaceBytes = std::size_t{64} << 20;

void* load_library() {
  std::string tried;
  for (const std::string& name : {std::string("libcublasLt.so.") + std::to_string(CUBLAS_VER_MAJOR),
                                  std::string("libcublasLt.so"), std::string("/usr/local/cuda/lib64/libcublasLt.so")}) {
    if (void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL); library != nullptr) {
      return library;
    }
    tried += (tried.empty() ? "" : ", ") + name;
  }
  throw std::runtime_error("cuBLASLt was not found: " + tried);
}

struct Functions {
  void* library = load_library();
  decltype(&cublasLtCreate) create = find(&cublasLtCreate, "cublasLtCreate");
  decltype(&cublasLtDestroy) destroy = find(&cublasLtDestroy, "cublasLtDestroy");
  decltype(&cublasLtGetVersion) version = find(&cublasLtGetVersion, "cublasLtGetVersion");
  decltype(&cublasLtMatmul) matmul = find(&cublasLtMatmul, "cublasLtMatmul");
  decltype(&cublasLtMatmulDescCreate) desc_create = find(&cublasLtMatmulDescCreate, "cublasLtMatmulDescCreate");
  decltype(&cublasLtMatmulDescSetAttribute) desc_set =
      find(&cublasLtMatmulDescSetAttribute, "cublasLtMatmulDescSetAttribute");
  decltype(&cublasLtMatrixLayoutCreate) layout_create = find(&cublasLtMatrixLayoutCreate, "cublasLtMatrixLayoutCreate");
  decltype(&cublasLtMatmulPreferenceCreate) preference_create =
      find(&cublasLtMatmulPreferenceCreate, "cublasLtMatmulPreferenceCreate");
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set =
      find(&cublasLtMatmulPreferenceSetAttribute, "cublasLtMatmulPreferenceSetAttribute");
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic =
      find(&cublasLtMatmulAlgoGetHeuristic, "cublasLtMatmulAlgoGetHeuristic");

 private:
  template <typename Function>
  Function find(Function, const char* name) const {
    void* address = dlsym(library, name);
    if (address == nullptr) {
      throw std::runtime_error(std::string("cuBLASLt has no ") + name);
    }
    return reinterpret_cast<Function>(address);
  }
};

void require_cublas(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) {
    throw std::runtime_error(std::string(what) + ": cuBLAS status " + std::to_string(static_cast<int>(status)));
  }
}

}  // namespace

// Handles live until the process ends: it measures and exits.
struct CublasLtGemm::State {
  Functions call;
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t w = nullptr;
  cublasLtMatrixLayout_t x = nullptr;
  cublasLtMatrixLayout_t y = nullptr;
  DeviceBuffer workspace = make_buffer(kWorkspaceBytes);
  std::vector<cublasLtMatmulHeuristicResult_t> results;
  int chosen = 0;
};

// cuBLAS is column-major: y^T [2I, m] = w^T x^T. Row-major [K, 2I] is column-major [2I, K].
CublasLtGemm::CublasLtGemm(const GemmShape& shape) : state_(std::make_unique<State>()) {
  State& s = *state_;
  const cudaDataType_t type = shape.is_bf16 ? CUDA_R_16BF : CUDA_R_16F;
  const std::int64_t columns = 2 * shape.d_intermediate;
  const auto depth = static_cast<std::uint64_t>(shape.d_model);
  const auto wide = static_cast<std::uint64_t>(columns);
  const auto rows = static_cast<std::uint64_t>(shape.m);
  const cublasOperation_t w_operation = shape.is_kn ? CUBLAS_OP_N : CUBLAS_OP_T;
  require_cublas(s.call.create(&s.handle), "cublasLtCreate");
  require_cublas(s.call.desc_create(&s.operation, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate");
  require_cublas(s.call.desc_set(s.operation, CUBLASLT_MATMUL_DESC_TRANSA, &w_operation, sizeof w_operation),
                 "cublasLtMatmulDescSetAttribute");
  require_cublas(shape.is_kn ? s.call.layout_create(&s.w, type, wide, depth, columns)
                             : s.call.layout_create(&s.w, type, depth, wide, shape.d_model),
                 "cublasLtMatrixLayoutCreate");
  require_cublas(s.call.layout_create(&s.x, type, depth, rows, shape.d_model), "cublasLtMatrixLayoutCreate");
  require_cublas(s.call.layout_create(&s.y, type, wide, rows, columns), "cublasLtMatrixLayoutCreate");
  cublasLtMatmulPreference_t preference = nullptr;
  require_cublas(s.call.preference_create(&preference), "cublasLtMatmulPreferenceCreate");
  require_cublas(s.call.preference_set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspaceBytes,
                                       sizeof kWorkspaceBytes),
                 "cublasLtMatmulPreferenceSetAttribute");
  std::array<cublasLtMatmulHeuristicResult_t, kMostAlgorithms> results{};
  int found = 0;
  require_cublas(
      s.call.heuristic(s.handle, s.operation, s.w, s.x, s.y, s.y, preference, kMostAlgorithms, results.data(), &found),
      "cublasLtMatmulAlgoGetHeuristic");
  s.results.assign(results.begin(), results.begin() + found);
  if (s.results.empty()) {
    throw std::runtime_error("cuBLASLt offers no algorithm for this GEMM");
  }
}

CublasLtGemm::~CublasLtGemm() = default;

int CublasLtGemm::algorithms() const { return static_cast<int>(state_->results.size()); }

void CublasLtGemm::choose(int algorithm) { state_->chosen = algorithm; }

std::string CublasLtGemm::version() const { return std::to_string(state_->call.version()); }

void CublasLtGemm::enqueue(const void* x, const void* w, void* y, cudaStream_t stream) {
  State& s = *state_;
  const float one = 1;
  const float zero = 0;
  require_cublas(
      s.call.matmul(s.handle, s.operation, &one, w, s.w, x, s.x, &zero, y, s.y, y, s.y,
                    &s.results[static_cast<std::size_t>(s.chosen)].algo, s.workspace.get(), kWorkspaceBytes, stream),
      "cublasLtMatmul");
}

}  // namespace swiglu_test

#else

namespace swiglu_test {

struct CublasLtGemm::State {};

CublasLtGemm::CublasLtGemm(const GemmShape&) { throw std::runtime_error("this program was built without cublasLt.h"); }
CublasLtGemm::~CublasLtGemm() = default;
int CublasLtGemm::algorithms() const { return 0; }
void CublasLtGemm::choose(int) {}
std::string CublasLtGemm::version() const { return ""; }
void CublasLtGemm::enqueue(const void*, const void*, void*, cudaStream_t) {}

}  // namespace swiglu_test

#endif
