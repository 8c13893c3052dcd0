// Rounds of bursts, then rounds of sustained load: see measure.h.
#include "tools/bench/measure.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "tools/bench/order.h"
#include "tools/statistics.h"

namespace swiglu::tool {
namespace {

constexpr double kWarmUpSeconds = 0.03;     // an idle board needs about that to leave its lowest clock
constexpr double kLeastPowerSeconds = 0.4;  // below, the energy counter's steps are too coarse
constexpr int kMostTrialRounds = 3;

using Replays = std::array<std::unique_ptr<Replay>, kContenderCount>;  // null of those who are not in the pass

std::unique_ptr<Replay> replay_of(const Laboratory& laboratory, Contest& contest, Contender contender, int launches,
                                  int sets) {
  const Enqueue enqueue = [&](std::size_t set, cudaStream_t stream) { contest.enqueue(contender, set, stream); };
  return std::make_unique<Replay>(laboratory.stream, enqueue, launches, static_cast<std::size_t>(sets),
                                  contest.part(contender));
}

Replays replays_of(const Laboratory& laboratory, Contest& contest, BenchPass pass, const PointResult& result,
                   int ContenderResult::*launches) {
  Replays replays;
  for (const Contender contender : contenders_of(pass)) {
    replays[static_cast<std::size_t>(contender)] =
        replay_of(laboratory, contest, contender, result.of(contender).*launches, result.operand_sets);
  }
  return replays;
}

// Milliseconds of an execution, for a first idea.
double typical_milliseconds(const Laboratory& laboratory, Contest& contest, Contender contender) {
  const auto once = replay_of(laboratory, contest, contender, 1, 1);
  laboratory.stopwatch.warm_up(*once, kWarmUpSeconds);
  std::array<double, 3> milliseconds{};
  for (double& each : milliseconds) {
    each = laboratory.stopwatch.burst(*once).milliseconds;
  }
  return median({milliseconds.begin(), milliseconds.end()});
}

// How each one's replays are made, from what the contender takes that sets its pace.
void choose_replays(const Laboratory& laboratory, Contest& contest, BenchPass pass, PointResult& result) {
  std::map<Contender, double> pace;
  std::size_t sets = 1;
  const auto choose = [&](Contender contender) {
    const Contender of = pace_of(contender);
    if (pace.count(of) == 0) {
      pace[of] = typical_milliseconds(laboratory, contest, of);
    }
    ContenderResult& chosen = result.of(contender);
    chosen.launches = launches_for(pace[of]);
    chosen.sustained_launches = sustained_launches_for(pace[of]);
    sets = std::max(sets, operand_sets_for(contest.bytes(contender), laboratory.device.l2_bytes, chosen.launches));
  };
  std::ranges::for_each(contenders_of(pass), choose);
  std::ranges::for_each(gemms_of(pass), choose);
  contest.make_sets(sets);
  result.operand_sets = static_cast<int>(sets);
}

// The fastest of a GEMM's algorithms, by interleaved bursts. One that cannot run on these operands is passed over, but
// for the first, without which there is no point.
void choose_algorithm(const Laboratory& laboratory, Contest& contest, Contender gemm, int rounds, PointResult& result) {
  std::vector<std::unique_ptr<Replay>> replays;
  std::vector<std::vector<double>> milliseconds(static_cast<std::size_t>(contest.algorithms(gemm)));
  for (int algorithm = 0; algorithm < contest.algorithms(gemm); ++algorithm) {
    contest.choose(gemm, algorithm);
    try {
      replays.push_back(replay_of(laboratory, contest, gemm, result.of(gemm).launches, result.operand_sets));
    } catch (const Failure&) {
      if (algorithm == 0) {
        throw;
      }
      replays.push_back(nullptr);
    }
  }
  for (int round = 0; round < rounds; ++round) {
    for (const std::size_t i : order_of_round(replays.size(), round)) {
      if (replays[i]) {
        milliseconds[i].push_back(laboratory.stopwatch.burst(*replays[i]).milliseconds);
      }
    }
  }
  double fastest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < milliseconds.size(); ++i) {
    if (!milliseconds[i].empty() && median(milliseconds[i]) < fastest) {
      fastest = median(milliseconds[i]);
      result.of(gemm).best_algorithm = static_cast<int>(i);
    }
  }
  result.of(gemm).algorithms = contest.algorithms(gemm);
  contest.choose(gemm, result.of(gemm).best_algorithm);
}

template <typename Take>
void run_rounds(int rounds, BenchPass pass, Mode mode, PointResult& result, Take take) {
  const std::span<const Contender> contenders = contenders_of(pass);
  for (int round = 0; round < rounds; ++round) {
    for (const std::size_t i : order_of_round(contenders.size(), round)) {
      result.of(contenders[i]).of(mode).add(take(static_cast<std::size_t>(contenders[i])));
    }
  }
}

void measure_sustained(const Laboratory& laboratory, const Replays& replays, BenchPass pass, double round_seconds,
                       PointResult& result) {
  const auto begin = std::chrono::steady_clock::now();
  const std::optional<double> joules = laboratory.board.joules();
  run_rounds(kSustainedRounds, pass, Mode::sustained, result,
             [&](std::size_t contender) { return laboratory.stopwatch.sustained(*replays[contender], round_seconds); });
  const std::optional<double> joules_after = laboratory.board.joules();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (joules && joules_after && seconds >= kLeastPowerSeconds) {
    result.watts = (*joules_after - *joules) / seconds;
  }
}

}  // namespace

void measure(const Laboratory& laboratory, Contest& contest, BenchPass pass, const Effort& effort,
             PointResult& result) {
  result.checks = contest.check();
  choose_replays(laboratory, contest, pass, result);
  for (const Contender gemm : gemms_of(pass)) {
    choose_algorithm(laboratory, contest, gemm, std::min(effort.rounds, kMostTrialRounds), result);
  }
  {
    const Replays replays = replays_of(laboratory, contest, pass, result, &ContenderResult::launches);
    run_rounds(effort.rounds, pass, Mode::burst, result,
               [&](std::size_t contender) { return laboratory.stopwatch.burst(*replays[contender]); });
  }
  if (effort.sustained_seconds > 0) {
    const Replays replays = replays_of(laboratory, contest, pass, result, &ContenderResult::sustained_launches);
    measure_sustained(laboratory, replays, pass, effort.sustained_seconds / kSustainedRounds, result);
  }
  contest.check_again();
}

}  // namespace swiglu::tool
