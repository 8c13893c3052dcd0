#include "tune/tuner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/spelling.h"
#include "tune/compile_queue.h"
#include "tune/median.h"

namespace swiglu {
namespace {

constexpr double kProbeShare = 0.8;       // of the budget, at most, until the finals begin
constexpr std::size_t kAtLeastTried = 1;  // however long it takes: or the next process would find nothing and try again

Tried::Outcome outcome_of(swiglu_status status) {
  switch (status) {
    case SWIGLU_COMPILE_FAILED:
    case SWIGLU_NO_COMPILER:
      return Tried::Outcome::compile_failed;
    case SWIGLU_OUT_OF_MEMORY:
      return Tried::Outcome::out_of_memory;
    default:
      return Tried::Outcome::failed;
  }
}

// One tuning under way.
class Tournament {
 public:
  Tournament(const std::vector<Choice>& candidates, Trial& trial, const TunerPolicy& policy, const SecondsClock& now)
      : trial_(trial), policy_(policy), now_(now), begin_(now()), samples_(candidates.size()) {
    for (const Choice& candidate : candidates) {
      paper_.push_back(candidate.estimate.seconds);
      tuning_.tried.push_back({candidate.config, Tried::Outcome::pruned, "", 0, 0});
    }
    order_ = worth_trying(candidates, policy);
    for (const std::size_t index : order_) {
      tuning_.tried[index].outcome = Tried::Outcome::not_reached;
    }
    tuning_.paper = order_.front();
  }

  Tuning run() {
    const bool all_probed = probe_all();
    const bool all_rounds = finals();
    tuning_.finished = all_probed && all_rounds;
    tuning_.winner = winner();
    tuning_.seconds = now_() - begin_;
    return std::move(tuning_);
  }

 private:
  double left(double share) const { return begin_ + share * policy_.budget_seconds - now_(); }

  // The best on paper, then those that may be better still. Whether all of these were reached.
  bool probe_all() {
    std::size_t end = std::min(order_.size(), std::max<std::size_t>(1, policy_.at_least));
    bool all = probe_batch(trial_.trusted(), 0, end);
    for (std::size_t next = promising(end); all && next > end; next = promising(end)) {
      all = probe_batch({}, end, next);
      end = next;
    }
    for (; all && end < order_.size(); ++end) {
      tuning_.tried[order_[end]].outcome = Tried::Outcome::pruned;
    }
    return all;
  }

  // How far in order_ it is worth to go on from `from`. Where paper and probes agree but for one factor, as far as that
  // one lets a candidate beat the best probe; the more they disagree, the more is allowed for.
  std::size_t promising(std::size_t from) const {
    std::vector<double> ratios;
    for (const std::size_t index : order_) {
      if (tuning_.tried[index].samples > 0) {
        ratios.push_back(tuning_.tried[index].seconds / paper_[index]);
      }
    }
    if (ratios.empty()) {
      return order_.size();
    }
    const double least = *std::min_element(ratios.begin(), ratios.end());
    const double factor = least * least / median(ratios);
    while (from < order_.size() && paper_[order_[from]] * factor <= best_probe_) {
      ++from;
    }
    return from;
  }

  // Compiles order_[first .. last), behind what checking needs, and takes what is done as it comes. Whether all were
  // reached.
  bool probe_batch(std::vector<KernelConfig> jobs, std::size_t first, std::size_t last) {
    const std::size_t trusted = jobs.size();
    for (std::size_t i = first; i < last; ++i) {
      jobs.push_back(tuning_.tried[order_[i]].config);
    }
    const int machine = static_cast<int>(std::thread::hardware_concurrency());
    CompileQueue queue(
        jobs, policy_.budget_seconds > 0 && first == 0 ? trusted + kAtLeastTried : 0,
        policy_.compile_threads > 0 ? policy_.compile_threads : std::max(1, machine - 1),
        [this](const KernelConfig& config) { trial_.compile(config); }, now_,
        begin_ + policy_.budget_seconds * kProbeShare);
    bool all = true;
    while (const auto done = queue.wait()) {
      if (done->job < trusted) {
        continue;  // should it have failed, checking will say so
      }
      const std::size_t index = order_[first + done->job - trusted];
      Tried& tried = tuning_.tried[index];
      if (done->begun && done->status != SWIGLU_OK) {
        give_up(tried, outcome_of(done->status), done->why);
      } else if (!done->begun || (left(kProbeShare) <= 0 && std::isfinite(best_probe_))) {
        queue.stop();
        all = false;
      } else {
        probe(index);
      }
    }
    return all;
  }

  void give_up(Tried& tried, Tried::Outcome outcome, std::string why) {
    tried.outcome = outcome;
    tried.why = std::move(why);
    log().write(outcome == Tried::Outcome::wrong ? SWIGLU_LOG_ERROR : SWIGLU_LOG_INFO, "{} is not considered ({}): {}",
                print(tried.config), name(outcome), tried.why);
    trial_.unload(tried.config);
  }

  // Does something with a candidate that may fail; whether it did not.
  template <typename Function>
  bool attempt(Tried& tried, Function function) {
    try {
      function();
      return true;
    } catch (const Error& error) {
      give_up(tried, outcome_of(error.status()), error.what());
      return false;
    }
  }

  void probe(std::size_t index) {
    Tried& tried = tuning_.tried[index];
    attempt(tried, [&] {
      trial_.load(tried.config);
      if (std::string why = trial_.check(tried.config); !why.empty()) {
        give_up(tried, Tried::Outcome::wrong, std::move(why));
        return;
      }
      std::vector<double> probes;
      probes.reserve(static_cast<std::size_t>(policy_.probes));
      for (int i = 0; i < policy_.probes; ++i) {
        probes.push_back(trial_.probe(tried.config));
      }
      tried.outcome = Tried::Outcome::slower;  // unless the finals say otherwise
      tried.seconds = *std::min_element(probes.begin(), probes.end());
      tried.samples = policy_.probes;
      best_probe_ = std::min(best_probe_, tried.seconds);
      if (tried.seconds > policy_.probe_factor * best_probe_) {
        trial_.unload(tried.config);
      }
    });
  }

  // Interleaved rounds; each begins with another finalist, so that none always follows the same one. Whether they went
  // to their end.
  bool finals() {
    std::vector<std::size_t> finalists;
    for (std::size_t index = 0; index < tuning_.tried.size(); ++index) {
      Tried& tried = tuning_.tried[index];
      if (tried.samples > 0 && tried.seconds <= policy_.probe_factor * best_probe_) {
        tried.outcome = Tried::Outcome::measured;
        finalists.push_back(index);
      }
    }
    for (int round = 0; round < policy_.rounds; ++round) {
      for (std::size_t i = 0; i < finalists.size(); ++i) {
        if (left(1) <= 0) {
          return settle(finalists, false);
        }
        const std::size_t index = finalists[(i + static_cast<std::size_t>(round)) % finalists.size()];
        Tried& tried = tuning_.tried[index];
        if (tried.outcome == Tried::Outcome::measured) {
          attempt(tried, [&] { samples_[index].push_back(trial_.time(tried.config)); });
        }
      }
      drop(finalists, round + 1);
      if (finalists.size() <= 1 && round + 1 >= policy_.rounds_alone) {
        break;
      }
    }
    return settle(finalists, true);
  }

  // Those who failed, and those who fell behind.
  void drop(std::vector<std::size_t>& finalists, int rounds) {
    double best = std::numeric_limits<double>::infinity();
    std::erase_if(finalists, [&](std::size_t i) { return tuning_.tried[i].outcome != Tried::Outcome::measured; });
    for (const std::size_t index : finalists) {
      best = std::min(best, median(samples_[index]));
    }
    if (rounds < policy_.fewest_rounds) {
      return;
    }
    std::erase_if(finalists, [&](std::size_t index) {
      const bool behind = median(samples_[index]) > policy_.final_factor * best;
      if (behind) {
        Tried& tried = tuning_.tried[index];
        tried.outcome = Tried::Outcome::slower;
        note(index);
        trial_.unload(tried.config);
      }
      return behind;
    });
  }

  void note(std::size_t index) {
    Tried& tried = tuning_.tried[index];
    if (!samples_[index].empty()) {
      tried.seconds = median(samples_[index]);
      tried.samples = static_cast<int>(samples_[index].size());
    }
  }

  bool settle(const std::vector<std::size_t>& finalists, bool to_the_end) {
    for (const std::size_t index : finalists) {
      note(index);
    }
    return to_the_end;
  }

  // Of those still in the finals: a median of many samples and the best of two probes are not comparable.
  std::optional<std::size_t> winner() const {
    double best = std::numeric_limits<double>::infinity();
    for (const Tried& tried : tuning_.tried) {
      if (tried.outcome == Tried::Outcome::measured) {
        best = std::min(best, tried.seconds);
      }
    }
    for (std::size_t index = 0; index < tuning_.tried.size(); ++index) {
      const Tried& tried = tuning_.tried[index];
      if (tried.outcome == Tried::Outcome::measured && tried.seconds <= best * (1 + policy_.tie)) {
        return index;
      }
    }
    return std::nullopt;
  }

  Trial& trial_;
  const TunerPolicy& policy_;
  const SecondsClock& now_;
  double begin_;
  Tuning tuning_;
  std::vector<double> paper_;                 // seconds, in canonical order
  std::vector<std::size_t> order_;            // what may be tried, best on paper first
  std::vector<std::vector<double>> samples_;  // in the finals
  double best_probe_ = std::numeric_limits<double>::infinity();
};

}  // namespace

const char* name(Tried::Outcome outcome) {
  switch (outcome) {
    case Tried::Outcome::measured:
      return "measured";
    case Tried::Outcome::slower:
      return "slower";
    case Tried::Outcome::wrong:
      return "wrong";
    case Tried::Outcome::compile_failed:
      return "compile failed";
    case Tried::Outcome::failed:
      return "failed";
    case Tried::Outcome::out_of_memory:
      return "out of memory";
    case Tried::Outcome::not_reached:
      return "not reached";
    case Tried::Outcome::pruned:
      return "pruned";
  }
  return "?";
}

std::vector<std::size_t> worth_trying(const std::vector<Choice>& candidates, const TunerPolicy& policy) {
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return candidates[a].estimate.seconds < candidates[b].estimate.seconds;
  });
  std::size_t count = 0;
  const auto is_wanted = [&](std::size_t index) {
    return count < policy.at_least ||
           candidates[index].estimate.seconds <= policy.paper_factor * candidates[order.front()].estimate.seconds;
  };
  while (count < std::min(order.size(), policy.at_most) && is_wanted(order[count])) {
    ++count;
  }
  order.resize(count);
  return order;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Tuning tune(const std::vector<Choice>& candidates, Trial& trial, const TunerPolicy& policy, const SecondsClock& now) {
  return Tournament(candidates, trial, policy, now).run();
}

}  // namespace swiglu
