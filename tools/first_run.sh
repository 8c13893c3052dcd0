#!/usr/bin/env bash
# From a fresh clone to the main job in one command: installs what is missing, builds the library and the program, and
# runs a Llama-3-8B layer, on the GPU if there is one, else on the CPU device; then it compiles the same layer's kernels
# for sm_90a and sm_80, which needs no GPU. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/setup.sh

set_up
say "building (release)"
configure release
cmake --build --preset release --target swiglu_program
swiglu=build/release/swiglu

say "what is here"
"$swiglu" info
if have_gpu; then
  say "a Llama-3-8B layer on the GPU, 4096 tokens"
  "$swiglu" run --preset llama-3-8b --m 4096 --device 0
else
  say "no GPU: a Llama-3-8B layer on the CPU device, 16 tokens"
  "$swiglu" run --preset llama-3-8b --m 16 --device cpu
fi
say "the same layer's kernels, compiled for sm_90a and sm_80"
"$swiglu" compile --preset llama-3-8b --arch sm_90a --arch sm_80
