#!/bin/bash
# run_on_gpu.sh itself, with programs that only pretend: what is wrong is said, and nothing passes that tested nothing.
#
#   tests/gpu/run_on_gpu_test.sh
set -u

script=$(cd "$(dirname "$0")" && pwd)/run_on_gpu.sh
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/build/tests/gpu" "$scratch/build/tests/tuning"
cat >"$scratch/build/tests/gpu/gpu_tests" <<'EOF'
#!/bin/sh
echo "[doctest] test cases: $CASES | $CASES passed"
EOF
cat >"$scratch/build/swiglu" <<'EOF'
#!/bin/sh
echo "$SWIGLU_CACHE_DIR $*" >>"$CALLS"
if [ "$1" = prewarm ]; then
  cat >/dev/null
  printf '{\n  "left": %s,\n  "problem": ""\n}\n' "$LEFT"
fi
EOF
printf '#!/bin/sh\n' >"$scratch/build/tests/tuning/tuner_check"
chmod +x "$scratch"/build/swiglu "$scratch"/build/tests/*/*
export CALLS=$scratch/calls CASES=0 LEFT=0
failed=0

# expect EXIT_CODE WORDS ARGUMENT...
expect() {
  local code=$1 words=$2 said
  shift 2
  said=$("$script" "$scratch/build" "$scratch/output" "$@" 2>&1)
  if [ $? -ne "$code" ] || [[ "$said" != *"$words"* ]]; then
    printf 'not exit code %s with "%s": %s\n%s\n' "$code" "$words" "$*" "$said"
    failed=1
  fi
}

expect 2 "SECONDS is 'tests'" tests
expect 2 "no part 'test'" 60 test
expect 1 'no test case ran' 60 tiles
CASES=' 7' expect 0 'every_tile                         passed' 60 tiles
expect 0 'prewarm                            passed' 60 records
LEFT=10 expect 1 'time was up' 60 records
if [ "$(grep -E 'prewarm|tuning export' "$CALLS" | grep -vc '/records ')" -ne 0 ]; then
  echo "records are not made and exported in a store of their own:"
  cat "$CALLS"
  failed=1
fi
exit $failed
