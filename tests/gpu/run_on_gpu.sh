#!/bin/bash
# Everything that wants a GPU, in one go, from a built tree and without a compiler: the GPU tests, the acceptance runs,
# speeds next to cuBLASLt's, of the goals and of every tile at one of them, and compute-sanitizer. Ends with a short table; the full output of each
# step goes to OUTPUT/<step>.log. Exit code 0 when every step passed or was not available here.
#
#   tests/gpu/run_on_gpu.sh BUILD OUTPUT [SECONDS]
#
# SECONDS (default 460) is for all steps together: a step is given what is left, at most its own limit. Kernels are
# compiled into a fresh store, which is removed at the end. NVRTC is found as the library finds it
# (SWIGLU_NVRTC_LIBRARY, the loader's path, the toolkit, beside the library).
set -u

if [ $# -lt 2 ] || [ ! -x "$1/tests/gpu/gpu_tests" ]; then
  echo "usage: $0 BUILD OUTPUT [SECONDS]; BUILD holds swiglu, libswiglu.so* and tests/gpu/gpu_tests" >&2
  exit 2
fi
build=$(cd "$1" && pwd)
mkdir -p "$2" || exit 2
output=$(cd "$2" && pwd)
budget=${3:-460}
gpu_tests=$build/tests/gpu/gpu_tests

export SWIGLU_REQUIRE_GPU=1
export LD_LIBRARY_PATH=$build${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
SWIGLU_CACHE_DIR=$(mktemp -d) || exit 2
export SWIGLU_CACHE_DIR
trap 'rm -rf "$SWIGLU_CACHE_DIR"' EXIT

table=()
failed=0

# step NAME LIMIT COMMAND...: runs it, keeps its output, and adds a line to the table.
step() {
  local name=$1 limit=$2 result left begin=$SECONDS
  shift 2
  left=$((budget - SECONDS))
  if [ "$left" -lt 5 ]; then
    table+=("$(printf '%-34s %-10s' "$name" 'NO TIME')")
    failed=1
    return
  fi
  timeout -k 5 $((left < limit ? left : limit)) "$@" >"$output/$name.log" 2>&1
  case $? in
    0) result=passed ;;
    124 | 137) result='TIMED OUT' failed=1 ;;
    *) result=FAILED failed=1 ;;
  esac
  table+=("$(printf '%-34s %-10s %4d s' "$name" "$result" $((SECONDS - begin)))")
  if [ "$result" = FAILED ]; then
    echo "---- $name"
    tail -n 25 "$output/$name.log"
  fi
}

nvidia-smi >"$output/nvidia-smi.log" 2>&1
step info 20 "$build/swiglu" info
step gpu_tests 240 "$gpu_tests" --no-intro

for kind in bf16:f32 f16:f32 f16:f16 f16:f16_promoted; do
  for layout in kn nk; do
    step "run_${kind/:/_}_$layout" 30 "$build/swiglu" run --device 0 --m 4096 --d-model 4096 --d-intermediate 14336 \
      --dtype "${kind%:*}" --accum "${kind#*:}" --layout "$layout"
  done
done

step bench_goals 60 "$build/swiglu" bench goals --json "$output/goals.json"
for layout in kn nk; do
  step "bench_tiles_$layout" 120 "$build/swiglu" bench goals --filter 'm8192 4096x12288' --layout "$layout" --quick \
    --every-tile --tiles _sm --json "$output/tiles_$layout.json"
done

# Odd placements under each checker; then every tile of every family, whose processes the first one starts.
sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
if [ -x "$sanitizer" ]; then
  for tool in memcheck racecheck initcheck; do
    step "sanitizer_$tool" 60 "$sanitizer" --tool "$tool" --error-exitcode 9 "$gpu_tests" '--test-case=*[sanitizer]*'
  done
  for tool in memcheck racecheck; do
    step "sanitizer_${tool}_every_tile" 90 env SWIGLU_TEST_CHILD_PREFIX="$sanitizer --tool $tool --error-exitcode 9" \
      "$gpu_tests" '--test-case=every candidate tile*'
  done
else
  table+=("$(printf '%-34s %-10s' compute-sanitizer 'not here')")
fi

echo "==== numbers"
sed -n 's/.*MESSAGE: //p' "$output/gpu_tests.log" 2>/dev/null
grep -h -i 'TFLOP' "$output"/run_*.log 2>/dev/null
for name in bench_goals bench_tiles_kn bench_tiles_nk; do
  [ -f "$output/$name.log" ] && head -n 24 "$output/$name.log"
done
echo "==== steps ($SECONDS s)"
printf '%s\n' "${table[@]}"
exit $failed
