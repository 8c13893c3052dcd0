#!/bin/bash
# The problems whose tuning records ship in cache/tuned/, a line each, as `swiglu prewarm --file -` reads them: every
# kind of problem of the suites seed and llm; of these passes alone where some are named:
#
#   tests/tuning/shipped_problems.sh ['' _gu _backward _backward_recompute]
#
# To make the records of a card, or those that are missing, from a release build on an idle machine, whose equal cards
# share the work:
#
#   export SWIGLU_CACHE_DIR=$(mktemp -d) SWIGLU_CACHE_MAX_BYTES=16G
#   build/release/swiglu tuning import cache/tuned/h200.json
#   tests/tuning/shipped_problems.sh | build/release/swiglu prewarm --file - --device all -p 4 --json > prewarm.json
#   build/release/swiglu tuning export cache/tuned/h200.json
#
# Of some 2600 tunings of 11 kernels each the compiler takes the most time by far. A machine without a GPU can take that
# over, and the store, 37 MB as a tar.xz, be unpacked where the cards are (--memory-rate is the card's, as it decides what
# is best on paper):
#
#   tests/tuning/shipped_problems.sh '' _gu _recompute _dx _dw |
#     build/release/tests/tuning/candidate_times --compile-only --arch sm_90a --memory-rate 3.352e12 --best 10 --file -
set -euo pipefail

[ $# -gt 0 ] || set -- '' _gu _backward _backward_recompute

for kind in bf16_f32 f16_f32 f16_f16 f16_f16_promoted; do
  for layout in kn nk; do
    for pass in "$@"; do
      for model in 4096x14336 8192x28672 3584x18944 5120x14336 3584x14336; do
        echo "${kind}_${model}_$layout$pass 1,16,64,128,256,512,1024,2048,8192"
      done
      for d_model in $(seq 256 128 4096); do
        echo "${kind}_${d_model}x$((3 * d_model))_$layout$pass 8192"
      done
    done
  done
done
