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

constexpr const char* kOneForAll = "streaming";  // a family of a single tile: nothing to compare

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

// Two figures of a point, burst and sustained.
struct TileColumn {
  std::string title;
  std::string path;  // in the JSON of a point, % being the mode
  int width;
  int decimals;
};

TileColumn rate_of(const std::string& title, Contender contender) {
  return {title, std::string("/contenders/") + name(contender) + "/%/tflops", 7, 1};
}

TileColumn ratio_of(const Comparison& comparison) {
  return {label(comparison), "/time_ratios/" + name(comparison) + "/%", 7, 3};
}

std::vector<TileColumn> columns_of(BenchPass pass) {
  const auto clock_of = [](Contender contender) {
    return TileColumn{"MHz", std::string("/contenders/") + name(contender) + "/%/megahertz", 4, 0};
  };
  using enum Contender;
  switch (pass) {
    case BenchPass::forward:
      return {rate_of("TFLOP/s", swiglu), ratio_of({swiglu, first}), ratio_of({swiglu, best}), clock_of(swiglu)};
    case BenchPass::backward:
      return {rate_of("dx TFLOP/s", dx),      ratio_of({dx, dx_first}), ratio_of({dx, dx_best}),
              rate_of("dW TFLOP/s", dw),      ratio_of({dw, dw_first}), ratio_of({dw, dw_best}),
              rate_of("recompute", recompute)};
    case BenchPass::forward_backward:
      return {rate_of("TFLOP/s", both_stored), ratio_of({both_stored, both_first}), ratio_of({both_stored, both_best}),
              ratio_of({both_recomputed, both_stored}), clock_of(both_stored)};
  }
  return {};
}

double figure(const Json& point, const TileColumn& column, Mode mode) {
  std::string path = column.path;
  path.replace(path.find('%'), 1, name(mode));
  return value_of(point, path);
}

double rank_of(const TileBench& bench, BenchPass pass) {
  const double ratio = figure(point_of(bench), columns_of(pass)[1], Mode::burst);
  return std::isnan(ratio) ? std::numeric_limits<double>::infinity() : ratio;
}

// Of a point's report, whatever its pass: the kernels that ran.
std::vector<Json> kernels_in(const Json& point) {
  if (point.contains("kernel")) {
    return {point["kernel"]};
  }
  const Json kernels = point.value("kernels", Json::object());
  return {kernels.begin(), kernels.end()};
}

// "family/tile (registers)" of a pass with one kernel; the products' kernels by their passes where there are several.
std::string kernels_in_words(const Json& point) {
  const std::vector<Json> kernels = kernels_in(point);
  std::string words;
  for (const Json& kernel : kernels) {
    const std::string pass = kernel.value("pass", "?");
    if (kernels.size() == 1 || pass == "dx" || pass == "dw" || pass == "recompute") {
      words += (words.empty() ? "" : ", ") + (kernels.size() == 1 ? "" : pass + " ") + kernel.value("family", "?") +
               "/" + kernel.value("tile", "?") + " (" + std::to_string(kernel.value("registers", 0)) + " registers)";
    }
  }
  return words;
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
    const CandidateTile tile{config.substr(first + 1, last - first - 1), config.substr(last + 1),
                             report.value("ok", false) ? "" : report.value("message", "it does not compile")};
    if (!aligned || tile.family == kOneForAll || config.find(text, first + 1) == std::string::npos) {
      return;
    }
    const auto same = std::find_if(tiles.begin(), tiles.end(), [&](const CandidateTile& other) {
      return other.family == tile.family && other.tile == tile.tile;
    });
    if (same == tiles.end()) {
      tiles.push_back(tile);
    } else if (same->error.empty()) {
      same->error = tile.error;
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
  } else if (!tile.empty()) {
    const std::vector<Json> kernels = kernels_in(point);
    const bool ran = std::any_of(kernels.begin(), kernels.end(),
                                 [&](const Json& kernel) { return kernel.value("tile", "") == tile; });
    bench.error = ran ? "" : "the plan ran " + kernels_in_words(point);
  }
  return bench;
}

void print_tiles(std::vector<TileBench> benches, BenchPass pass) {
  constexpr int kRoomForNames = 7;
  std::stable_sort(benches.begin(), benches.end(), [pass](const TileBench& left, const TileBench& right) {
    return rank_of(left, pass) < rank_of(right, pass);
  });
  const std::vector<TileColumn> columns = columns_of(pass);
  std::string modes;
  for (const TileColumn& each : columns) {
    std::printf("%*s  ", 2 * each.width + 1, each.title.c_str());
    modes += each.width < kRoomForNames ? "" : (modes.empty() ? "" : "  ") + std::string("  burst sustain");
  }
  std::printf("kernel\n%s\n", modes.c_str());
  for (const TileBench& bench : benches) {
    if (!bench.error.empty()) {
      std::printf("FAILED %s: %s\n", bench.name.c_str(), bench.error.c_str());
      continue;
    }
    const Json point = point_of(bench);
    for (const TileColumn& each : columns) {
      for (const Mode mode : kModes) {
        std::printf("%s ", column(figure(point, each, mode), each.width, each.decimals).c_str());
      }
      std::printf(" ");
    }
    std::printf("%s%s\n", kernels_in_words(point).c_str(), bench.name == "chosen" ? "  <- the library's choice" : "");
  }
}

}  // namespace swiglu::tool
