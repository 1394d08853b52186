#!/usr/bin/env bash
# performance/setup.sh: how long does the set-up take? Measured in a place of its own, that is removed afterwards:
# with nothing there (nothing cached by pip either), with all done, and with the environment lost but Horovod cached.

set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
place=$(mktemp -d "${TMPDIR:-/tmp}/stemdl-setup.XXXXXX")
trap 'rm -rf -- "$place"' EXIT
export STEMDL_VENV=$place/venv STEMDL_CACHE=$place/cache PIP_CACHE_DIR=$place/pip

measure() {  # measure NAME LIMIT_SECONDS
    local start end milliseconds
    start=$(date +%s%N)
    "$root/scripts/setup_env.sh" >/dev/null
    end=$(date +%s%N)
    milliseconds=$(((end - start) / 1000000))
    printf '%-36s %4d.%03d s (limit %d s)\n' "$1" $((milliseconds / 1000)) $((milliseconds % 1000)) "$2"
    ((milliseconds <= $2 * 1000)) || late=1
}

late=0
measure "first set-up, nothing cached" 480
measure "second set-up, all done" 5
rm -rf -- "$STEMDL_VENV"
measure "environment lost, Horovod cached" 480
exit "$late"
