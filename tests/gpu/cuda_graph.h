// CUDA graphs for tests: what was captured, parts of it, and many of it in a row. Errors are exceptions, as in
// cuda_memory.h.
#pragma once

#include <cstddef>

#include "gpu/cuda_memory.h"

namespace swiglu_test {

Graph end_capture(const Stream& stream);
GraphExec instantiate(const Graph& graph);
std::size_t node_count(const Graph& graph);

// Leaves the one node that waits for no other: of a stream's work, what was enqueued first.
void keep_first_node(const Graph& graph);

// A graph that does this one `times` times, one after the other.
Graph repeated(const Graph& graph, int times);

void launch_and_wait(const GraphExec& executable, const Stream& stream);

}  // namespace swiglu_test
