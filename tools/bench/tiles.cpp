// Candidates, a bench of each, table: see tiles.h.
#include "tools/bench/tiles.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>

#include "tools/bench/columns.h"
#include "tools/bench/results.h"
#include "tools/bench/run_again.h"

namespace swiglu::tool {
namespace {

// points[0] of a report; null where there is none.
Json point_of(const TileBench& bench) {
  return bench.report.is_object() && bench.report.contains("points") && !bench.report["points"].empty()
             ? bench.report["points"][0]
             : Json(nullptr);
}

double value_of(const Json& point, const std::string& path) {
  const Json::json_pointer pointer(path);
  return point.is_object() && point.contains(pointer) && point[pointer].is_number()
             ? point[pointer].get<double>()
             : std::numeric_limits<double>::quiet_NaN();
}

double rank_of(const TileBench& bench) {
  const double ratio = value_of(point_of(bench), std::string("/time_ratios/") + name(Contender::first) + "/burst");
  return std::isnan(ratio) ? std::numeric_limits<double>::infinity() : ratio;
}

}  // namespace

std::vector<CandidateTile> candidate_tiles(const swiglu_plan_desc& desc, const std::string& arch,
                                           const std::string& text) {
  std::vector<CandidateTile> tiles;
  Reports reports([&](const Json& report) {
    const std::string config = report.at("config").get<std::string>();  // "problem/family/tile"
    const std::size_t first = config.find('/');
    const std::size_t last = config.rfind('/');
    if (first == std::string::npos || first == last) {
      throw Failure("a configuration that is not problem/family/tile: " + config);
    }
    const bool aligned = config.substr(0, first).find("_a") == std::string::npos;  // "_a2": for operands less aligned
    if (aligned && config.find(text, first + 1) != std::string::npos) {
      tiles.push_back({config.substr(first + 1, last - first - 1), config.substr(last + 1),
                       report.value("ok", false) ? "" : report.value("message", "it does not compile")});
    }
  });
  const swiglu_status status =
      swiglu_compile(&desc, arch.c_str(), SWIGLU_COMPILE_ALL_CANDIDATES, Reports::callback, &reports);
  reports.rethrow();
  if (status != SWIGLU_OK && status != SWIGLU_COMPILE_FAILED && status != SWIGLU_NOT_CACHED) {
    check(status);
  }
  return tiles;
}

TileBench bench_tile(const std::string& name, const std::string& tile, const std::vector<std::string>& arguments) {
  TileBench bench{name, nullptr, ""};
  const TemporaryFile file;
  std::vector<std::string> words = arguments;
  words.insert(words.end(), {"--json", file.path()});
  const int exit_code = run_again(std::move(words), "SWIGLU_TILE", tile);
  std::ifstream stream(file.path());
  bench.report = Json::parse(stream, nullptr, false);
  const Json point = point_of(bench);
  if (bench.report.is_discarded() || point.is_null()) {
    bench.report = nullptr;
    bench.error = "its process ended with " + std::to_string(exit_code) + " and without a report";
  } else if (point.contains("error")) {
    bench.error = point["error"].get<std::string>();
  } else if (const std::string used = point["kernel"].value("tile", ""); !tile.empty() && used != tile) {
    bench.error = "the plan ran " + used;
  }
  return bench;
}

void print_tiles(std::vector<TileBench> benches) {
  std::stable_sort(benches.begin(), benches.end(),
                   [](const TileBench& left, const TileBench& right) { return rank_of(left) < rank_of(right); });
  std::printf("%15s  %15s  %15s  %9s  kernel\n", "TFLOP/s", "swiglu/T", "swiglu/Tb", "MHz");
  std::printf("%7s %7s  %7s %7s  %7s %7s\n", "burst", "sustain", "burst", "sustain", "burst", "sustain");
  for (const TileBench& bench : benches) {
    const Json point = point_of(bench);
    if (!bench.error.empty()) {
      std::printf("FAILED %s: %s\n", bench.name.c_str(), bench.error.c_str());
      continue;
    }
    for (const char* figure : {"/contenders/swiglu/%/tflops", "/time_ratios/cublaslt_first/%",
                               "/time_ratios/cublaslt_best/%", "/contenders/swiglu/%/megahertz"}) {
      for (const Mode mode : kModes) {
        std::string path = figure;
        path.replace(path.find('%'), 1, name(mode));
        const bool ratio = path.rfind("/time_ratios", 0) == 0;
        const int decimals = ratio ? 3 : path.ends_with("tflops") ? 1 : 0;
        std::printf("%s ", column(value_of(point, path), path.ends_with("megahertz") ? 4 : 7, decimals).c_str());
      }
      std::printf(" ");
    }
    const Json& kernel = point["kernel"];
    std::printf("%s (%d registers)%s\n", (kernel.value("family", "?") + "/" + kernel.value("tile", "?")).c_str(),
                kernel.value("registers", 0), bench.name == "chosen" ? "  <- the library's choice" : "");
  }
}

}  // namespace swiglu::tool
