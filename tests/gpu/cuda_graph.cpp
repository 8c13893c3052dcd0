#include "gpu/cuda_graph.h"

#include <stdexcept>
#include <vector>

namespace swiglu_test {

Graph end_capture(const Stream& stream) {
  cudaGraph_t graph = nullptr;
  require_cuda(cudaStreamEndCapture(stream.get(), &graph), "cudaStreamEndCapture");
  return Graph(graph);
}

GraphExec instantiate(const Graph& graph) {
  cudaGraphExec_t executable = nullptr;
  require_cuda(cudaGraphInstantiate(&executable, graph.get(), 0), "cudaGraphInstantiate");
  return GraphExec(executable);
}

std::size_t node_count(const Graph& graph) {
  std::size_t count = 0;
  require_cuda(cudaGraphGetNodes(graph.get(), nullptr, &count), "cudaGraphGetNodes");
  return count;
}

void keep_first_node(const Graph& graph) {
  std::size_t roots = 0;
  require_cuda(cudaGraphGetRootNodes(graph.get(), nullptr, &roots), "cudaGraphGetRootNodes");
  if (roots != 1) {
    throw std::runtime_error("keep_first_node: the graph begins in several places");
  }
  cudaGraphNode_t first = nullptr;
  require_cuda(cudaGraphGetRootNodes(graph.get(), &first, &roots), "cudaGraphGetRootNodes");
  std::size_t count = node_count(graph);
  std::vector<cudaGraphNode_t> nodes(count);
  require_cuda(cudaGraphGetNodes(graph.get(), nodes.data(), &count), "cudaGraphGetNodes");
  for (const cudaGraphNode_t node : nodes) {
    if (node != first) {
      require_cuda(cudaGraphDestroyNode(node), "cudaGraphDestroyNode");
    }
  }
}

Graph repeated(const Graph& graph, int times) {
  cudaGraph_t created = nullptr;
  require_cuda(cudaGraphCreate(&created, 0), "cudaGraphCreate");
  Graph result(created);
  cudaGraphNode_t last = nullptr;
  for (int i = 0; i < times; ++i) {
    const cudaGraphNode_t before = last;
    require_cuda(cudaGraphAddChildGraphNode(&last, result.get(), &before, i == 0 ? 0 : 1, graph.get()),
                 "cudaGraphAddChildGraphNode");
  }
  return result;
}

void launch_and_wait(const GraphExec& executable, const Stream& stream) {
  require_cuda(cudaGraphLaunch(executable.get(), stream.get()), "cudaGraphLaunch");
  require_cuda(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
}

}  // namespace swiglu_test
