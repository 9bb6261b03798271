# shellcheck shell=bash
# For scripts that prove claims: each is a sentence and a command that must succeed.
passed=0
failed=0

claim() { # sentence command…
  local sentence=$1
  shift
  if "$@" >"${scratch:?}/output" 2>&1 </dev/null; then
    passed=$((passed + 1))
    echo "ok      $sentence"
  else
    failed=$((failed + 1))
    echo "FAILED  $sentence"
    sed 's/^/          /' "$scratch/output"
  fi
}

skip() { echo "skipped $1"; }

claims_end() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
