// What a bench has to say: a table for a person, one JSON object for a file and for plot_bench.py.
#pragma once

#include <string>

#include "tools/bench/session.h"

namespace swiglu::tool {

void print_header(const BenchRequest& request, const Json& environment, double prepare_seconds);
void print_point(const PointResult& result, BenchPass pass);
void print_summary(const BenchRequest& request, const BenchReport& report);

// Of the passes that have many contenders: a block of lines for each point, one for each contender, then one for each
// ratio, with its goal where there is one. Text, to be printed as it is.
std::string block_legend();
std::string block_of(const PointResult& result, BenchPass pass);

// Text too, "" where there is nothing to say. "goal 0.970: burst met sustained MISSED"; all of a point in one line; of
// a bench every one that was missed, and how many were met.
std::string goal_in_words(const PointResult& result, BenchPass pass, const Comparison& comparison);
std::string goals_of_point(const PointResult& result, BenchPass pass);
std::string goals_met(const BenchRequest& request, const BenchReport& report);

// Where kernels ran that the plan did not choose on paper, and who chose them.
std::string chosen_otherwise(const BenchReport& report);

// `command` and `date` are told along: the command line and UTC as "2026-11-23T12:00:00Z".
Json to_json(const BenchRequest& request, const BenchReport& report, const std::string& command,
             const std::string& date);

}  // namespace swiglu::tool
