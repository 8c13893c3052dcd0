#!/usr/bin/env bash
# clang-tidy with the repository's .clang-tidy over every source of the library, the tools and the tests, or over the files
# named. Slow: minutes for all. Needs a configured build with compile_commands.json (build/release, or $BUILD).
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build/release}
[ -e "$build/compile_commands.json" ] || { echo "error: configure first: cmake --preset release" >&2; exit 1; }
if [ $# -eq 0 ]; then
  mapfile -t files < <(find src tools tests -name '*.cpp' | sort)
else
  files=("$@")
fi
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy -p "$build" --quiet
printf '%d files are clean\n' "${#files[@]}"
