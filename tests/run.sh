#!/usr/bin/env bash
# ./tests/run.sh [OPTIONS of pytest]: sets up what is missing, then runs the tests.

set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
venv=$(scripts/setup_env.sh)
export PATH="$venv/bin:$PATH"  # mpirun is there
exec "$venv/bin/python" -m pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"
