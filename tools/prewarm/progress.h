// How far a long command is: a bar that is redrawn on a terminal, a line for each step elsewhere. Both go to `stream`,
// so that what the command prints on stdout stays a result. One thread.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

namespace swiglu::tool {

class Progress {
 public:
  // `columns` of the terminal; 0: no terminal.
  Progress(std::FILE* stream, std::size_t steps, int columns);
  ~Progress();  // leaves the terminal's line free
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void begin(const std::string& what);  // shown while a step takes its time; on a terminal alone
  void end(const std::string& what);    // one step more is done
  void say(const std::string& line);    // in between, to stay

 private:
  void draw(const std::string& what);
  void wipe();

  std::FILE* stream_;
  std::size_t steps_;
  std::size_t done_ = 0;
  int columns_;
};

// "[=====>    ] 5/10  what", cut to the columns.
std::string progress_bar(std::size_t done, std::size_t steps, int columns, const std::string& what);

int terminal_columns(std::FILE* stream);  // 0 where it is none

}  // namespace swiglu::tool
