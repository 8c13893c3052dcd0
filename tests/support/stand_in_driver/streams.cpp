// The stand-in driver's functions of streams with clocks, captures, graphs and events.
#include <cuda.h>

#include "call.h"
#include "entries.h"
#include "state.h"

namespace stand_in {
namespace {

CUresult stream_create(CUstream* stream, unsigned) {
  STAND_IN_CALL("cuStreamCreate");
  auto* context = static_cast<Context*>(stand_in_current_context());
  if (context == nullptr) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  *stream = reinterpret_cast<CUstream>(&state().streams.emplace_back(Stream{context}));
  return CUDA_SUCCESS;
}

CUresult stream_destroy(CUstream handle) {
  STAND_IN_CALL("cuStreamDestroy");
  Stream* stream = find_stream(handle);
  if (stream == nullptr || handle == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  stream->exists = false;
  return CUDA_SUCCESS;
}

CUresult stream_synchronize(CUstream handle) {
  STAND_IN_CALL("cuStreamSynchronize");
  const Stream* stream = find_stream(handle);
  if (stream == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  return stream->capturing ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : spoil_captures();
}

CUresult stream_is_capturing(CUstream handle, CUstreamCaptureStatus* status) {
  STAND_IN_CALL("cuStreamIsCapturing");
  const Stream* stream = find_stream(handle);
  if (stream == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  *status = !stream->capturing      ? CU_STREAM_CAPTURE_STATUS_NONE
            : stream->capture_valid ? CU_STREAM_CAPTURE_STATUS_ACTIVE
                                    : CU_STREAM_CAPTURE_STATUS_INVALIDATED;
  return CUDA_SUCCESS;
}

CUresult stream_get_ctx(CUstream handle, CUcontext* context) {
  STAND_IN_CALL("cuStreamGetCtx");
  const Stream* stream = find_stream(handle);
  if (stream == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  *context = reinterpret_cast<CUcontext>(stream->context != nullptr ? static_cast<void*>(stream->context)
                                                                    : stand_in_current_context());
  return CUDA_SUCCESS;
}

CUresult exchange_capture_mode(CUstreamCaptureMode* mode) {
  STAND_IN_CALL("cuThreadExchangeStreamCaptureMode");
  const int previous = thread_state().capture_mode;
  thread_state().capture_mode = static_cast<int>(*mode);
  *mode = static_cast<CUstreamCaptureMode>(previous);
  return CUDA_SUCCESS;
}

CUresult begin_capture(CUstream handle, CUstreamCaptureMode) {
  STAND_IN_CALL("cuStreamBeginCapture");
  Stream* stream = find_stream(handle);
  if (stream == nullptr || handle == nullptr || stream->capturing) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  stream->capturing = true;
  stream->capture_valid = true;
  stream->graph = Graph{stream->context};
  return CUDA_SUCCESS;
}

CUresult end_capture(CUstream handle, CUgraph* graph) {
  STAND_IN_CALL("cuStreamEndCapture");
  Stream* stream = find_stream(handle);
  if (stream == nullptr || !stream->capturing) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  stream->capturing = false;
  *graph = nullptr;
  if (!stream->capture_valid) {
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  }
  *graph = reinterpret_cast<CUgraph>(new Graph(stream->graph));
  return CUDA_SUCCESS;
}

CUresult graph_destroy(CUgraph graph) {
  STAND_IN_CALL("cuGraphDestroy");
  delete reinterpret_cast<Graph*>(graph);
  return CUDA_SUCCESS;
}

CUresult graph_instantiate(CUgraphExec* executable, CUgraph graph, unsigned long long) {
  STAND_IN_CALL("cuGraphInstantiateWithFlags");
  *executable = reinterpret_cast<CUgraphExec>(&state().graphs.emplace_back(*reinterpret_cast<Graph*>(graph)));
  return CUDA_SUCCESS;
}

CUresult graph_launch(CUgraphExec executable, CUstream handle) {
  STAND_IN_CALL("cuGraphLaunch");
  Stream* stream = find_stream(handle);
  const auto* graph = reinterpret_cast<Graph*>(executable);
  if (stream == nullptr || graph == nullptr || !graph->exists || graph->context != stream->context) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  stream->microseconds += graph->microseconds;
  return CUDA_SUCCESS;
}

CUresult graph_exec_destroy(CUgraphExec executable) {
  STAND_IN_CALL("cuGraphExecDestroy");
  reinterpret_cast<Graph*>(executable)->exists = false;
  return CUDA_SUCCESS;
}

CUresult event_create(CUevent* event, unsigned) {
  STAND_IN_CALL("cuEventCreate");
  auto* context = static_cast<Context*>(stand_in_current_context());
  *event = reinterpret_cast<CUevent>(&state().events.emplace_back(Event{context}));
  return context == nullptr ? CUDA_ERROR_INVALID_CONTEXT : CUDA_SUCCESS;
}

CUresult event_destroy(CUevent event) {
  STAND_IN_CALL("cuEventDestroy");
  reinterpret_cast<Event*>(event)->exists = false;
  return CUDA_SUCCESS;
}

CUresult event_record(CUevent handle, CUstream on) {
  STAND_IN_CALL("cuEventRecord");
  auto* event = reinterpret_cast<Event*>(handle);
  const Stream* stream = find_stream(on);
  if (stream == nullptr || !event->exists || event->context != stream->context) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  event->recorded = true;
  event->microseconds = stream->microseconds;
  return CUDA_SUCCESS;
}

CUresult event_elapsed(float* milliseconds, CUevent begin, CUevent end) {
  STAND_IN_CALL("cuEventElapsedTime");
  const auto* first = reinterpret_cast<Event*>(begin);
  const auto* last = reinterpret_cast<Event*>(end);
  if (!first->recorded || !last->recorded) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  *milliseconds = static_cast<float>((last->microseconds - first->microseconds) * 1e-3);
  return CUDA_SUCCESS;
}

}  // namespace

std::span<const Entry> streams_entries() {
  static const Entry entries[] = {
      {"cuStreamCreate", 2000, pointer(stream_create)},
      {"cuStreamDestroy", 4000, pointer(stream_destroy)},
      {"cuStreamSynchronize", 2000, pointer(stream_synchronize)},
      {"cuStreamIsCapturing", 10000, pointer(stream_is_capturing)},
      {"cuStreamGetCtx", 9020, pointer(stream_get_ctx)},
      {"cuThreadExchangeStreamCaptureMode", 10010, pointer(exchange_capture_mode)},
      {"cuStreamBeginCapture", 10010, pointer(begin_capture)},
      {"cuStreamEndCapture", 10000, pointer(end_capture)},
      {"cuGraphDestroy", 10000, pointer(graph_destroy)},
      {"cuGraphInstantiateWithFlags", 11040, pointer(graph_instantiate)},
      {"cuGraphLaunch", 10000, pointer(graph_launch)},
      {"cuGraphExecDestroy", 10000, pointer(graph_exec_destroy)},
      {"cuEventCreate", 2000, pointer(event_create)},
      {"cuEventDestroy", 4000, pointer(event_destroy)},
      {"cuEventRecord", 2000, pointer(event_record)},
      {"cuEventElapsedTime", 2000, pointer(event_elapsed)},
  };
  return entries;
}

}  // namespace stand_in
