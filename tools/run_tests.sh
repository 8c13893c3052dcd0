#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test that this machine can run: all of the release build (the GPU tests
# skip with a line where there is no GPU; SWIGLU_REQUIRE_GPU=1 makes that a failure) with a covering sample of the kernels of
# every architecture, then the unit tests under the address and undefined-behaviour sanitizers, then under the thread sanitizer.
# Safe to run again.
#
#   tools/run_tests.sh [--quick | --all]     --quick: without sanitizers; --all: with every kernel, 10 minutes more
#
# The last line is "N passed, N failed, N skipped"; the exit code is 0 only if none failed.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/setup.sh

mode=${1:-}
case $mode in ''|--quick|--all) ;; *) die "unknown argument $mode; see the head of $0" ;; esac
jobs=$(nproc)
passed=0 failed=0 skipped=0

# run_ctest PRESET CTEST_ARGUMENT...: adds to the counts; a failing test does not end the script.
run_ctest() {
  local preset=$1 report=$PWD/build/$1-tests.xml head
  shift
  rm -f "$report"
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$jobs" --output-junit "$report" "$@" || true
  [ -s "$report" ] || die "ctest left no report for $preset"
  head=$(tr '\n\t' '  ' <"$report" | grep -o '<testsuite [^>]*>' | head -n 1)
  count() { sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$head"; }
  local tests failures skips
  tests=$(count tests) failures=$(count failures) skips=$(($(count skipped) + $(count disabled)))
  passed=$((passed + tests - failures - skips)) failed=$((failed + failures)) skipped=$((skipped + skips))
}

set_up
say "release: building"
configure release
cmake --build --preset release
say "release: testing"
[ "$mode" != --all ] || export SWIGLU_COMPILE_ALL=1
run_ctest release

if [ "$mode" != --quick ]; then
  for sanitizer in asan tsan; do
    say "$sanitizer: building"
    configure "$sanitizer" -DSWIGLU_BUILD_TOOLS=OFF
    cmake --build --preset "$sanitizer" --target unit_executables
    say "$sanitizer: testing"
    run_ctest "$sanitizer" -L '^unit$'
  done
fi
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
