// cuBLASLt by dlopen: see cublaslt.h.
#include "tools/bench/cublaslt.h"

#include "tools/library.h"

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>

#include <array>
#include <filesystem>

#include "tools/bench/shared_library.h"

namespace swiglu::tool {
namespace {

constexpr std::size_t kWorkspaceBytes = std::size_t{64} << 20;

std::vector<std::string> names_of(const std::string& path, const std::vector<std::string>& beside) {
  if (!path.empty()) {
    return {path};
  }
  const std::string versioned = "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR);
  std::vector<std::string> names{versioned, "libcublasLt.so"};
  for (const std::string& folder : beside) {
    names.push_back(std::filesystem::path(folder) / versioned);
  }
  names.push_back("/usr/local/cuda/lib64/" + versioned);
  return names;
}

void check_cublas(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS) {
    throw Failure(std::string(call) + ": cuBLAS status " + std::to_string(static_cast<int>(status)));
  }
}

}  // namespace

struct CublasLt::State {
  SharedLibrary library;
  cublasLtHandle_t handle = nullptr;
  DeviceBuffer workspace{kWorkspaceBytes};

  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtDestroy) destroy = nullptr;
  decltype(&cublasLtGetVersion) version = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;
  decltype(&cublasLtMatmulDescCreate) desc_create = nullptr;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) layout_create = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;

  explicit State(SharedLibrary loaded) : library(std::move(loaded)) {
    library.find(create, "cublasLtCreate");
    library.find(destroy, "cublasLtDestroy");
    library.find(version, "cublasLtGetVersion");
    library.find(matmul, "cublasLtMatmul");
    library.find(desc_create, "cublasLtMatmulDescCreate");
    library.find(desc_destroy, "cublasLtMatmulDescDestroy");
    library.find(desc_set, "cublasLtMatmulDescSetAttribute");
    library.find(layout_create, "cublasLtMatrixLayoutCreate");
    library.find(layout_destroy, "cublasLtMatrixLayoutDestroy");
    library.find(preference_create, "cublasLtMatmulPreferenceCreate");
    library.find(preference_destroy, "cublasLtMatmulPreferenceDestroy");
    library.find(preference_set, "cublasLtMatmulPreferenceSetAttribute");
    library.find(heuristic, "cublasLtMatmulAlgoGetHeuristic");
    check_cublas(create(&handle), "cublasLtCreate");
  }
  ~State() { destroy(handle); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

CublasLt::CublasLt(const std::string& path, const std::vector<std::string>& beside)
    : state_(std::make_unique<State>(
          SharedLibrary("cuBLASLt, the baseline of every ratio (--cublaslt names it)", names_of(path, beside)))) {}
CublasLt::~CublasLt() = default;

std::string CublasLt::version() const {
  const std::size_t number = state_->version();
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." + std::to_string(number % 100);
}

std::string CublasLt::path() const { return state_->library.path(); }

struct CublasLtGemm::State {
  const CublasLt::State& call;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t a = nullptr;
  cublasLtMatrixLayout_t b = nullptr;
  cublasLtMatrixLayout_t c = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  std::vector<cublasLtMatmulHeuristicResult_t> results;

  explicit State(const CublasLt::State& library) : call(library) {}
  ~State() {  // cuBLASLt takes NULL
    call.preference_destroy(preference);
    call.layout_destroy(c);
    call.layout_destroy(b);
    call.layout_destroy(a);
    call.desc_destroy(operation);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void add_layout(cublasLtMatrixLayout_t& layout, cudaDataType_t type, std::int64_t rows, std::int64_t columns) const {
    check_cublas(
        call.layout_create(&layout, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns), rows),
        "cublasLtMatrixLayoutCreate");
  }
  void set_transposed(cublasLtMatmulDescAttributes_t which, bool transposed) const {
    const cublasOperation_t value = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    check_cublas(call.desc_set(operation, which, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
  }
};

// cuBLAS is column-major, where a row-major [rows, columns] matrix is its [columns, rows] transpose: c^T = b^T a^T.
CublasLtGemm::CublasLtGemm(const CublasLt& library, swiglu_dtype dtype, const GemmShape& shape)
    : state_(std::make_unique<State>(library.state())) {
  State& s = *state_;
  const cudaDataType_t type = dtype == SWIGLU_BF16 ? CUDA_R_16BF : CUDA_R_16F;
  check_cublas(s.call.desc_create(&s.operation, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate");
  s.set_transposed(CUBLASLT_MATMUL_DESC_TRANSA, shape.b_transposed);
  s.set_transposed(CUBLASLT_MATMUL_DESC_TRANSB, shape.a_transposed);
  s.add_layout(s.b, type, shape.b_transposed ? shape.depth : shape.columns,
               shape.b_transposed ? shape.columns : shape.depth);
  s.add_layout(s.a, type, shape.a_transposed ? shape.rows : shape.depth, shape.a_transposed ? shape.depth : shape.rows);
  s.add_layout(s.c, type, shape.columns, shape.rows);
  check_cublas(s.call.preference_create(&s.preference), "cublasLtMatmulPreferenceCreate");
  check_cublas(s.call.preference_set(s.preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspaceBytes,
                                     sizeof kWorkspaceBytes),
               "cublasLtMatmulPreferenceSetAttribute");
  std::array<cublasLtMatmulHeuristicResult_t, kMostAlgorithms> results{};
  int found = 0;
  check_cublas(s.call.heuristic(s.call.handle, s.operation, s.b, s.a, s.c, s.c, s.preference, kMostAlgorithms,
                                results.data(), &found),
               "cublasLtMatmulAlgoGetHeuristic");
  for (int i = 0; i < found; ++i) {
    if (results[static_cast<std::size_t>(i)].state == CUBLAS_STATUS_SUCCESS) {
      s.results.push_back(results[static_cast<std::size_t>(i)]);
    }
  }
  if (s.results.empty()) {
    throw Failure("cuBLASLt's heuristic offers no algorithm for this GEMM");
  }
}

CublasLtGemm::~CublasLtGemm() = default;

int CublasLtGemm::algorithms() const { return static_cast<int>(state_->results.size()); }

void CublasLtGemm::enqueue(int algorithm, const void* a, const void* b, void* c, cudaStream_t stream) const {
  const State& s = *state_;
  const float one = 1;
  const float zero = 0;
  check_cublas(s.call.matmul(s.call.handle, s.operation, &one, b, s.b, a, s.a, &zero, c, s.c, c, s.c,
                             &s.results.at(static_cast<std::size_t>(algorithm)).algo, s.call.workspace.get(),
                             kWorkspaceBytes, stream),
               "cublasLtMatmul");
}

}  // namespace swiglu::tool

#else

namespace swiglu::tool {

struct CublasLt::State {};
struct CublasLtGemm::State {};

CublasLt::CublasLt(const std::string&, const std::vector<std::string>&) {
  throw Failure(
      "this program was built without cuBLASLt's header (cublasLt.h of a CUDA Toolkit): there is no baseline");
}
CublasLt::~CublasLt() = default;
std::string CublasLt::version() const { return ""; }
std::string CublasLt::path() const { return ""; }

CublasLtGemm::CublasLtGemm(const CublasLt&, swiglu_dtype, const GemmShape&) {}
CublasLtGemm::~CublasLtGemm() = default;
int CublasLtGemm::algorithms() const { return 0; }
void CublasLtGemm::enqueue(int, const void*, const void*, void*, cudaStream_t) const {}

}  // namespace swiglu::tool

#endif
