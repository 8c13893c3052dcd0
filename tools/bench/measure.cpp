// Rounds of bursts, then rounds of sustained load: see measure.h.
#include "tools/bench/measure.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <memory>
#include <vector>

#include "tools/statistics.h"

namespace swiglu::tool {
namespace {

constexpr double kWarmUpSeconds = 0.03;     // an idle board needs about that to leave its lowest clock
constexpr double kLoadSeconds = 0.1;        // of load, until power and clock are those of sustained work
constexpr double kLeastPowerSeconds = 0.4;  // below, the energy counter's steps are too coarse
constexpr int kMostTrialRounds = 3;

using Replays = std::array<std::unique_ptr<Replay>, kContenders.size()>;

std::unique_ptr<Replay> replay_of(const Laboratory& laboratory, Contest& contest, Contender contender, int launches,
                                  std::size_t sets) {
  const Enqueue enqueue = [&](std::size_t set, cudaStream_t stream) { contest.enqueue(contender, set, stream); };
  return std::make_unique<Replay>(laboratory.stream, enqueue, launches, sets);
}

Replays replays_of(const Laboratory& laboratory, Contest& contest, int launches, int sets) {
  Replays replays;
  for (const Contender contender : kContenders) {
    replays[static_cast<std::size_t>(contender)] =
        replay_of(laboratory, contest, contender, launches, static_cast<std::size_t>(sets));
  }
  return replays;
}

// How one replay is made, from what the baseline's first algorithm takes.
void choose_replay(const Laboratory& laboratory, Contest& contest, PointResult& result) {
  const auto once = replay_of(laboratory, contest, Contender::first, 1, 1);
  laboratory.stopwatch.sustained(*once, kWarmUpSeconds);
  std::array<double, 3> milliseconds{};
  for (double& each : milliseconds) {
    each = laboratory.stopwatch.burst(*once).milliseconds;
  }
  const double typical = median({milliseconds.begin(), milliseconds.end()});
  result.launches = launches_for(typical);
  result.sustained_launches = sustained_launches_for(typical);
  const std::size_t sets = operand_sets_for(contest.bytes(), laboratory.device.l2_bytes, result.launches);
  contest.make_sets(sets);
  result.operand_sets = static_cast<int>(sets);
}

// The fastest of the baseline's algorithms, by interleaved bursts. One that cannot run on these operands is passed
// over, but for the first, without which there is no point.
void choose_algorithm(const Laboratory& laboratory, Contest& contest, int rounds, PointResult& result) {
  std::vector<std::unique_ptr<Replay>> replays;
  std::vector<std::vector<double>> milliseconds(static_cast<std::size_t>(contest.algorithms()));
  for (int algorithm = 0; algorithm < contest.algorithms(); ++algorithm) {
    contest.choose(algorithm);
    try {
      replays.push_back(replay_of(laboratory, contest, Contender::best, result.launches,
                                  static_cast<std::size_t>(result.operand_sets)));
    } catch (const Failure&) {
      if (algorithm == 0) {
        throw;
      }
      replays.push_back(nullptr);
    }
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < replays.size(); ++i) {
      if (replays[i]) {
        milliseconds[i].push_back(laboratory.stopwatch.burst(*replays[i]).milliseconds);
      }
    }
  }
  double fastest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < milliseconds.size(); ++i) {
    if (!milliseconds[i].empty() && median(milliseconds[i]) < fastest) {
      fastest = median(milliseconds[i]);
      result.best_algorithm = static_cast<int>(i);
    }
  }
  result.algorithms = contest.algorithms();
  contest.choose(result.best_algorithm);
}

// Each round begins with another contender: no one always follows the same one.
template <typename Take>
void run_rounds(int rounds, Mode mode, PointResult& result, Take take) {
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < kContenders.size(); ++i) {
      const std::size_t contender = (i + static_cast<std::size_t>(round)) % kContenders.size();
      result.contenders[contender].of(mode).add(take(contender));
    }
  }
}

void measure_sustained(const Laboratory& laboratory, const Replays& replays, double round_seconds,
                       PointResult& result) {
  laboratory.stopwatch.sustained(*replays[0], kLoadSeconds);
  const auto begin = std::chrono::steady_clock::now();
  const std::optional<double> joules = laboratory.board.joules();
  run_rounds(kSustainedRounds, Mode::sustained, result,
             [&](std::size_t contender) { return laboratory.stopwatch.sustained(*replays[contender], round_seconds); });
  const std::optional<double> joules_after = laboratory.board.joules();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (joules && joules_after && seconds >= kLeastPowerSeconds) {
    result.watts = (*joules_after - *joules) / seconds;
  }
}

}  // namespace

void measure(const Laboratory& laboratory, Contest& contest, const Effort& effort, PointResult& result) {
  result.checks = contest.check();
  choose_replay(laboratory, contest, result);
  choose_algorithm(laboratory, contest, std::min(effort.rounds, kMostTrialRounds), result);
  {
    const Replays replays = replays_of(laboratory, contest, result.launches, result.operand_sets);
    run_rounds(effort.rounds, Mode::burst, result,
               [&](std::size_t contender) { return laboratory.stopwatch.burst(*replays[contender]); });
  }
  if (effort.sustained_seconds > 0) {
    const Replays replays = replays_of(laboratory, contest, result.sustained_launches, result.operand_sets);
    measure_sustained(laboratory, replays, effort.sustained_seconds / kSustainedRounds, result);
  }
  contest.check_again();
}

}  // namespace swiglu::tool
