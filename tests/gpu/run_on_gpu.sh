#!/bin/bash
# Everything that wants a GPU, in parts, from a built tree and without a compiler. Ends with a short table; the full output
# of each step goes to OUTPUT/<step>.log. Exit code 0 when every step passed or was not available here.
#
#   tests/gpu/run_on_gpu.sh BUILD OUTPUT [SECONDS] [PART...]
#
#   tests      the GPU tests but for the next part, on every GPU, and the acceptance runs
#   tiles      every candidate tile of every family, a process each
#   forward    speeds next to cuBLASLt's: the goals, and every tile at one of them
#   backward   the same of the backward pass, alone and with the forward pass
#   suites     speeds next to cuBLASLt's: suites seed and llm, the goals in f16, with f16 sums and storing g and u
#   records    the tuning records that ship, by all GPUs: what cache/tuned/ lacks is measured, and all of them are in
#              OUTPUT/records.json afterwards, also where time was too short for all; and the tuner's promises
#   sanitizer  compute-sanitizer: odd placements under each checker, then every tile
#
# Without a PART all of them. SECONDS (default 580) is for all steps together: a step is given what is left, at most its
# own limit. Kernels are compiled into a fresh store, which is removed at the end; those of the part `records` into another,
# so that no other part's measurements are among the records. NVRTC is found as the library finds it (SWIGLU_NVRTC_LIBRARY,
# the loader's path, the toolkit, beside the library).
set -u

if [ $# -lt 2 ] || [ ! -x "$1/tests/gpu/gpu_tests" ]; then
  echo "usage: $0 BUILD OUTPUT [SECONDS] [PART...]; BUILD holds swiglu, libswiglu.so* and tests" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
mkdir -p "$2" || exit 2
output=$(cd "$2" && pwd)
budget=${3:-580}
case $budget in '' | *[!0-9]*)
  echo "$0: SECONDS is '$budget', which is no number; it stands before the parts: $0 BUILD OUTPUT 300 tests tiles" >&2
  exit 2
  ;;
esac
shift $(($# < 3 ? $# : 3))
parts=${*:-tests tiles forward backward suites records sanitizer}
gpu_tests=$build/tests/gpu/gpu_tests

export SWIGLU_REQUIRE_GPU=1
export LD_LIBRARY_PATH=$build${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
stores=$(mktemp -d) || exit 2
trap 'rm -rf "$stores"' EXIT
export SWIGLU_CACHE_DIR=$stores/common

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
  # doctest lets a filter that matches no test case pass.
  if [[ $result = passed && "$*" == *--test-case=* ]] && ! grep -q 'test cases: *[1-9]' "$output/$name.log"; then
    result=FAILED failed=1
    echo "no test case ran: none has a name that $(printf '%s\n' "$@" | grep -e --test-case=) matches" >>"$output/$name.log"
  fi
  table+=("$(printf '%-34s %-10s %4d s' "$name" "$result" $((SECONDS - begin)))")
  if [ "$result" = FAILED ]; then
    echo "---- $name"
    tail -n 25 "$output/$name.log"
  fi
}

wants() { [[ " $parts " == *" $1 "* ]]; }

for part in $parts; do
  case $part in tests | tiles | forward | backward | suites | records | sanitizer) ;; *)
    echo "$0: no part '$part'; its head names them" >&2
    exit 2
    ;;
  esac
done

nvidia-smi >"$output/nvidia-smi.log" 2>&1
step info 20 "$build/swiglu" info

if wants tests; then
  step gpu_tests 300 "$gpu_tests" --no-intro '--test-case-exclude=every candidate tile*'
  for kind in bf16:f32 f16:f32 f16:f16 f16:f16_promoted; do
    for layout in kn nk; do
      step "run_${kind/:/_}_$layout" 30 "$build/swiglu" run --device 0 --m 4096 --d-model 4096 --d-intermediate 14336 \
        --dtype "${kind%:*}" --accum "${kind#*:}" --layout "$layout"
    done
  done
fi

if wants tiles; then
  step every_tile 400 env SWIGLU_TEST_DEVICE=0 "$gpu_tests" --no-intro '--test-case=every candidate tile*'
fi

if wants forward; then
  for layout in nk kn; do
    step "forward_goals_$layout" 240 "$build/swiglu" bench goals --layout "$layout" --json "$output/goals_$layout.json"
    step "forward_tiles_$layout" 120 "$build/swiglu" bench goals --filter 'm8192 4096x12288' --layout "$layout" --quick \
      --every-tile --tiles _sm --json "$output/tiles_$layout.json"
  done
fi

if wants backward; then
  for layout in nk kn; do
    step "backward_goals_$layout" 240 "$build/swiglu" bench goals --pass backward --layout "$layout" \
      --json "$output/backward_$layout.json"
    step "both_goals_$layout" 180 "$build/swiglu" bench goals --pass forward+backward --layout "$layout" \
      --json "$output/both_$layout.json"
    step "backward_tiles_$layout" 120 "$build/swiglu" bench goals --pass backward --filter 4096x12288 --layout "$layout" \
      --quick --every-tile --tiles wgmma --json "$output/backward_tiles_$layout.json"
  done
fi

if wants suites; then
  bench() {
    local name=$1 limit=$2
    shift 2
    step "suite_$name" "$limit" "$build/swiglu" bench "$@" --rounds 7 --seconds 0.6 --json "$output/$name.json"
  }
  bench seed 240 seed
  bench llm 340 llm
  bench f16 90 goals --dtype f16
  bench f16_sums 90 goals --dtype f16 --accum f16
  bench store 60 goals --store --filter 4096x
fi

if wants records; then
  records=$stores/records
  export SWIGLU_CACHE_MAX_BYTES=16G  # some 40 KB for each kernel that is tried
  for shipped in "$here"/../../cache/tuned/*.json; do  # of other cards and versions they are skipped
    SWIGLU_CACHE_DIR=$records "$build/swiglu" tuning import "$shipped" >>"$output/import.log" 2>&1
  done
  step prewarm $((budget * 3 / 4)) env SWIGLU_CACHE_DIR="$records" bash -c "set -o pipefail
    '$here/../tuning/shipped_problems.sh' | '$build/swiglu' prewarm --file - --device all -p 3 \
      --time-limit $((budget * 2 / 3)) --json >'$output/prewarm.json' || exit
    grep -q '\"left\": 0\b' '$output/prewarm.json' || { echo 'time was up: prewarm.json says what is left' >&2; exit 1; }"
  step export 30 env SWIGLU_CACHE_DIR="$records" "$build/swiglu" tuning export "$output/records.json"
  step tuner_check 300 "$build/tests/tuning/tuner_check" --random 20 --buckets 10
fi

if wants sanitizer; then
  sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
  if [ -x "$sanitizer" ]; then
    for tool in memcheck racecheck initcheck; do
      step "sanitizer_$tool" 120 env SWIGLU_TEST_DEVICE=0 "$sanitizer" --tool "$tool" --error-exitcode 9 "$gpu_tests" \
        '--test-case=*[sanitizer]*'
    done
    for tool in memcheck racecheck; do  # of processes that the first one starts
      step "sanitizer_${tool}_every_tile" 120 env SWIGLU_TEST_DEVICE=0 \
        SWIGLU_TEST_CHILD_PREFIX="$sanitizer --tool $tool --error-exitcode 9" \
        "$gpu_tests" '--test-case=every candidate tile*'
    done
  else
    table+=("$(printf '%-34s %-10s' compute-sanitizer 'not here')")
  fi
fi

echo "==== numbers"
sed -n 's/.*MESSAGE: //p' "$output/gpu_tests.log" 2>/dev/null
grep -h -i 'TFLOP' "$output"/run_*.log 2>/dev/null
for log in "$output"/{forward,backward,both,suite}_*.log; do
  [ -f "$log" ] && head -n 40 "$log"
done
echo "==== steps ($SECONDS s)"
printf '%s\n' "${table[@]}"
exit $failed
