#include "tools/prewarm/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace swiglu::tool {

std::string progress_bar(std::size_t done, std::size_t steps, int columns, const std::string& what) {
  constexpr std::size_t kWidth = 20;
  const std::size_t filled = steps == 0 ? kWidth : std::min(kWidth, kWidth * done / steps);
  std::string bar(filled, '=');
  bar += filled < kWidth ? ">" : "";
  bar.resize(kWidth, ' ');
  std::string line = "[" + bar + "] " + std::to_string(done) + "/" + std::to_string(steps) + "  " + what;
  line.resize(std::min(line.size(), static_cast<std::size_t>(std::max(columns - 1, 0))));
  return line;
}

int terminal_columns(std::FILE* stream) {
  constexpr int kUsual = 80;
  winsize size{};
  if (::isatty(::fileno(stream)) == 0) {
    return 0;
  }
  return ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsual;
}

Progress::Progress(std::FILE* stream, std::size_t steps, int columns)
    : stream_(stream), steps_(steps), columns_(columns) {}

Progress::~Progress() { wipe(); }

void Progress::wipe() {
  if (columns_ > 0) {
    std::fprintf(stream_, "\r\033[K");
    std::fflush(stream_);
  }
}

void Progress::draw(const std::string& what) {
  std::fprintf(stream_, "\r\033[K%s", progress_bar(done_, steps_, columns_, what).c_str());
  std::fflush(stream_);
}

void Progress::begin(const std::string& what) {
  if (columns_ > 0) {
    draw(what);
  }
}

void Progress::end(const std::string& what) {
  ++done_;
  if (columns_ > 0) {
    draw(what);
  } else {
    std::fprintf(stream_, "%zu/%zu  %s\n", done_, steps_, what.c_str());
    std::fflush(stream_);
  }
}

void Progress::say(const std::string& line) {
  wipe();
  std::fprintf(stream_, "%s\n", line.c_str());
  std::fflush(stream_);
}

}  // namespace swiglu::tool
