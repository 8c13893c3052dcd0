// Capturing, and cutting what was captured: see replay.h.
#include "tools/bench/replay.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tools/cuda_handles.h"

namespace swiglu::tool {
namespace {

constexpr double kShortMilliseconds = 0.1;
constexpr double kReplayMilliseconds = 1.0;
constexpr double kFewestLaunches = 20;
constexpr double kMostLaunches = 100;

class Graph {
 public:
  Graph() { check_cuda(cudaGraphCreate(&graph_, 0), "cudaGraphCreate"); }
  explicit Graph(cudaGraph_t owned) : graph_(owned) {}
  ~Graph() { cudaGraphDestroy(graph_); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  cudaGraph_t get() const { return graph_; }

 private:
  cudaGraph_t graph_ = nullptr;
};

void end_capture(cudaStream_t stream) {
  cudaGraph_t abandoned = nullptr;
  if (cudaStreamEndCapture(stream, &abandoned) == cudaSuccess && abandoned != nullptr) {
    cudaGraphDestroy(abandoned);
  }
  static_cast<void>(cudaGetLastError());  // an invalidated capture is the failure that is being reported already
}

std::unique_ptr<Graph> capture(cudaStream_t stream, const std::function<void()>& enqueue) {
  check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  try {
    enqueue();
  } catch (...) {
    end_capture(stream);
    throw;
  }
  cudaGraph_t graph = nullptr;
  check_cuda(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
  return std::make_unique<Graph>(graph);
}

// Leaves of a chain its first node, or all the others.
void cut(const Graph& graph, Part part) {
  std::size_t count = 0;
  check_cuda(cudaGraphGetNodes(graph.get(), nullptr, &count), "cudaGraphGetNodes");
  std::vector<cudaGraphNode_t> nodes(count);
  check_cuda(cudaGraphGetNodes(graph.get(), nodes.data(), &count), "cudaGraphGetNodes");
  std::size_t roots = 0;
  check_cuda(cudaGraphGetRootNodes(graph.get(), nullptr, &roots), "cudaGraphGetRootNodes");
  if (count < 2 || roots != 1) {
    throw Failure(
        "the library's execution is no chain of kernels of which one could be timed by itself: in a graph it has " +
        std::to_string(count) + " nodes, " + std::to_string(roots) + " of which depend on none");
  }
  cudaGraphNode_t first = nullptr;
  check_cuda(cudaGraphGetRootNodes(graph.get(), &first, &roots), "cudaGraphGetRootNodes");
  for (cudaGraphNode_t node : nodes) {
    if ((node == first) != (part == Part::first)) {
      check_cuda(cudaGraphDestroyNode(node), "cudaGraphDestroyNode");
    }
  }
}

}  // namespace

int launches_for(double milliseconds) {
  return milliseconds >= kShortMilliseconds
             ? 1
             : static_cast<int>(std::clamp(std::ceil(kReplayMilliseconds / std::max(milliseconds, 1e-6)),
                                           kFewestLaunches, kMostLaunches));
}

int sustained_launches_for(double milliseconds) {
  constexpr double kSustainedReplayMilliseconds = 10.0;
  constexpr double kMostLong = 10;
  const double wanted = std::clamp(kSustainedReplayMilliseconds / std::max(milliseconds, 1e-6), 1.0, kMostLong);
  return std::max(launches_for(milliseconds), static_cast<int>(wanted));
}

std::size_t operand_sets_for(std::size_t bytes, std::size_t l2_bytes, int launches) {
  constexpr std::size_t kTimesL2 = 4;
  if (launches == 1) {
    return 1;  // the flush, or the sheer size, empties the cache
  }
  const std::size_t sets = (kTimesL2 * l2_bytes + bytes - 1) / std::max<std::size_t>(bytes, 1);
  return std::clamp<std::size_t>(sets, 2, static_cast<std::size_t>(launches));
}

struct Replay::Executable {
  cudaGraphExec_t handle = nullptr;
  ~Executable() { cudaGraphExecDestroy(handle); }
};

Replay::Replay(const Stream& stream, const Enqueue& enqueue, int launches, std::size_t sets, Part part)
    : stream_(stream), launches_(launches), graph_(std::make_unique<Executable>()) {
  const auto set_of = [&](int execution) { return static_cast<std::size_t>(execution) % sets; };
  for (int i = 0; i < launches && static_cast<std::size_t>(i) < sets; ++i) {
    enqueue(set_of(i), stream.get());  // loads lazily loaded modules, which a capture may not
  }
  stream.synchronize();
  std::unique_ptr<Graph> graph;
  if (part == Part::whole) {
    graph = capture(stream.get(), [&] {
      for (int i = 0; i < launches; ++i) {
        enqueue(set_of(i), stream.get());
      }
    });
  } else {
    graph = std::make_unique<Graph>();
    cudaGraphNode_t last = nullptr;
    for (int i = 0; i < launches; ++i) {  // what is kept of each waits for what is kept of the one before
      const std::unique_ptr<Graph> one = capture(stream.get(), [&] { enqueue(set_of(i), stream.get()); });
      cut(*one, part);
      cudaGraphNode_t node = nullptr;
      check_cuda(cudaGraphAddChildGraphNode(&node, graph->get(), &last, last == nullptr ? 0 : 1, one->get()),
                 "cudaGraphAddChildGraphNode");
      last = node;
    }
  }
  check_cuda(cudaGraphInstantiate(&graph_->handle, graph->get(), 0), "cudaGraphInstantiate");
  check_cuda(cudaGraphUpload(graph_->handle, stream.get()), "cudaGraphUpload");  // not part of the first replay
}

Replay::~Replay() = default;

void Replay::enqueue() const { check_cuda(cudaGraphLaunch(graph_->handle, stream_.get()), "cudaGraphLaunch"); }

}  // namespace swiglu::tool
