// gpu_throughput: every candidate tile of one problem against the others, the library's own choice and cuBLASLt.
//
// Each contender is a process that checks its output before it may be timed. Timings are interleaved: every contender
// once a round, so that clocks and temperature drift for all alike. TFLOP/s = 4 m d_model d_intermediate / seconds.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <list>
#include <set>
#include <sstream>

#include "gpu/child.h"
#include "gpu/cuda_memory.h"
#include "gpu/throughput_worker.h"
#include "gpu/tile_list.h"
#include "support/random.h"

namespace swiglu_test {
namespace {

struct Request {
  std::int64_t m = 8192;
  std::int64_t d_model = 4096;
  std::int64_t d_intermediate = 12288;
  std::string dtype = "bf16";
  std::string accum = "f32";
  std::string layout = "nk";
  std::string tiles;
  bool with_simt = false;
  int rounds = 5;
  int burst = 3;
  double seconds = 0.2;
  std::string worker;  // set in a contender's process

  Case problem() const {
    Case test;
    test.dtype = dtype == "bf16" ? SWIGLU_BF16 : SWIGLU_F16;
    test.accum = accum == "f32" ? SWIGLU_ACCUM_F32 : accum == "f16" ? SWIGLU_ACCUM_F16 : SWIGLU_ACCUM_F16_PROMOTED;
    test.layout = layout == "kn" ? SWIGLU_KN : SWIGLU_NK;
    test.d_model = d_model;
    test.d_intermediate = d_intermediate;
    test.m = {m};
    test.passes = SWIGLU_PASS_FORWARD;
    return test;
  }

  // The same request for a contender.
  std::vector<std::string> arguments(const std::string& as) const {
    return {"--m",
            std::to_string(m),
            "--d-model",
            std::to_string(d_model),
            "--d-intermediate",
            std::to_string(d_intermediate),
            "--dtype",
            dtype,
            "--accum",
            accum,
            "--layout",
            layout,
            "--worker",
            as};
  }
};

struct Contender {
  std::string name;
  Conversation conversation;
  std::string error;
  std::vector<double> burst;      // seconds
  std::vector<double> sustained;  // seconds
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

// The list of what to run: the library's own choice, every tile, cuBLASLt twice.
std::list<Contender> start_contenders(const Request& request) {
  std::set<std::string> tiles;
  for (const CandidateReport& report : compile_candidates(plan_desc(request.problem(), 0), arch_of(0))) {
    const bool is_wanted = (request.with_simt || report.family != "simt") &&
                           report.config.find(request.tiles) != std::string::npos &&
                           report.problem.find("_a") == std::string::npos;
    if (!report.ok) {
      std::printf("%s does not compile: %s\n", report.config.c_str(), report.message.c_str());
    } else if (is_wanted) {
      tiles.insert(report.tile);
    }
  }
  std::list<Contender> contenders;
  const auto add = [&](const std::string& name, const std::string& as, const Environment& environment) {
    contenders.push_back({name, Conversation(request.arguments(as), environment), "", {}, {}});
  };
  add("chosen: ", "swiglu", {});
  for (const std::string& tile : tiles) {
    add("", "swiglu", {{"SWIGLU_TILE", tile}});
  }
  add("", "cublaslt", {});
  add("", "cublaslt-default", {});
  return contenders;
}

// Keeps those that are ready.
void await_ready(std::list<Contender>& contenders) {
  for (Contender& contender : contenders) {
    std::istringstream line(contender.conversation.hear());
    std::string word;
    line >> word;
    std::string rest;
    if (word == "ready") {
      line >> contender.error;
    }
    std::getline(line >> std::ws, rest);
    contender.name += rest;
    if (word != "ready") {
      std::printf("out: %s\n", rest.empty() ? "a contender ended without a word" : contender.name.c_str());
      contender.error.clear();
    }
  }
  std::erase_if(contenders, [](const Contender& contender) { return contender.error.empty(); });
}

void append_numbers(const std::string& line, std::vector<double>& numbers) {
  std::istringstream words(line);
  for (double number = 0; words >> number;) {
    numbers.push_back(number);
  }
}

void measure(std::list<Contender>& contenders, const Request& request) {
  for (int round = 0; round < request.rounds; ++round) {
    for (Contender& contender : contenders) {
      contender.conversation.say(std::string("burst ") + std::to_string(request.burst));
      append_numbers(contender.conversation.hear(), contender.burst);
    }
  }
  for (int round = 0; round < request.rounds; ++round) {
    for (Contender& contender : contenders) {
      contender.conversation.say(std::string("sustained ") + std::to_string(request.seconds));
      append_numbers(contender.conversation.hear(), contender.sustained);
    }
  }
}

void print_table(std::list<Contender>& contenders, const Request& request) {
  const double flop = 4.0 * static_cast<double>(request.m) * static_cast<double>(request.d_model) *
                      static_cast<double>(request.d_intermediate);
  const auto rate = [&](double seconds) { return seconds > 0 ? flop / seconds / 1e12 : 0; };
  contenders.sort(
      [](const Contender& left, const Contender& right) { return median(left.burst) < median(right.burst); });
  std::printf("%s, TFLOP/s: median (slowest - fastest); burst: cold L2 after a pause; sustained: back to back\n",
              spelling(request.problem()).c_str());
  std::printf("%8s %17s %10s %17s %10s  kernel\n", "burst", "", "sustained", "", "error");
  for (const Contender& contender : contenders) {
    if (contender.burst.empty() || contender.sustained.empty()) {
      std::printf("ended while being timed: %s\n", contender.name.c_str());
      continue;
    }
    const auto [burst_fastest, burst_slowest] = std::minmax_element(contender.burst.begin(), contender.burst.end());
    const auto [fastest, slowest] = std::minmax_element(contender.sustained.begin(), contender.sustained.end());
    std::printf("%8.1f (%6.1f - %6.1f) %10.1f (%6.1f - %6.1f) %10s  %s\n", rate(median(contender.burst)),
                rate(*burst_slowest), rate(*burst_fastest), rate(median(contender.sustained)), rate(*slowest),
                rate(*fastest), contender.error.c_str(), contender.name.c_str());
  }
}

int compete(const Request& request) {
  if (const std::string reason = why_no_gpu(); !reason.empty()) {
    std::printf("no GPU: nothing to time (%s)\n", reason.c_str());
    return from_environment("SWIGLU_REQUIRE_GPU") == "1" ? 1 : 0;
  }
  std::list<Contender> contenders = start_contenders(request);
  const std::size_t started = contenders.size();
  await_ready(contenders);
  measure(contenders, request);
  print_table(contenders, request);
  std::printf("%zu of %zu contenders ready, %s\n", contenders.size(), started, seed_text().c_str());
  return contenders.empty() ? 1 : 0;
}

int work(const Request& request) {
  if (request.worker == "swiglu") {
    return work_swiglu(request.problem());
  }
  Case packed = request.problem();
  packed.accum = SWIGLU_ACCUM_F32;
  packed.packing = Packing::gate_up;
  packed.packed_store = true;
  packed.passes = SWIGLU_PASS_FORWARD_STORE;
  return work_cublaslt(packed, request.worker == "cublaslt-default");
}

}  // namespace
}  // namespace swiglu_test

int main(int argc, char** argv) {
  swiglu_test::Request request;
  CLI::App app("Times every candidate tile of a problem, the library's own choice and cuBLASLt on GPU 0");
  app.add_option("--m", request.m, "tokens")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--d-model", request.d_model)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--d-intermediate", request.d_intermediate)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--dtype", request.dtype)->check(CLI::IsMember({"bf16", "f16"}))->capture_default_str();
  app.add_option("--accum", request.accum)->check(CLI::IsMember({"f32", "f16", "f16_promoted"}))->capture_default_str();
  app.add_option("--layout", request.layout)->check(CLI::IsMember({"kn", "nk"}))->capture_default_str();
  app.add_option("--tiles", request.tiles, "only configurations whose spelling contains this");
  app.add_flag("--simt", request.with_simt, "also the plain kernels");
  app.add_option("--rounds", request.rounds)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--burst", request.burst, "executions a round after a pause")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seconds", request.seconds, "of back-to-back executions a round")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--worker", request.worker, "for this program's own use")->group("");
  CLI11_PARSE(app, argc, argv);
  try {
    return request.worker.empty() ? swiglu_test::compete(request) : swiglu_test::work(request);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gpu_throughput: %s\n", error.what());
    return 1;
  }
}
