// What a bench has to say: a table for a person, one JSON object for a file and for plot_bench.py.
#pragma once

#include <string>

#include "tools/bench/session.h"

namespace swiglu::tool {

void print_header(const BenchRequest& request, const Json& environment, double prepare_seconds);
void print_point(const PointResult& result, BenchPass pass);
void print_summary(const BenchReport& report, BenchPass pass);

// Of the passes that have many contenders: a block of lines for each point, one for each contender, then one for each
// ratio, with its goal where there is one. Text, to be printed as it is.
std::string block_legend();
std::string block_of(const PointResult& result, BenchPass pass);
std::string goals_met(const BenchReport& report, BenchPass pass);

// `command` and `date` are told along: the command line and UTC as "2026-11-23T12:00:00Z".
Json to_json(const BenchRequest& request, const BenchReport& report, const std::string& command,
             const std::string& date);

}  // namespace swiglu::tool
