#!/usr/bin/env bash
# ./tests/run.sh [OPTIONS of pytest]: sets up what is missing, then runs the tests.

set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
venv=$(scripts/setup_env.sh)
export PATH="$venv/bin:$PATH"  # mpirun is there
unset PYTHONDONTWRITEBYTECODE  # the tests start hundreds of processes: each would compile our modules again
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY-PASSIVE}  # threads that spin while they wait take the other worker's core
export OMPI_MCA_mpi_yield_when_idle=${OMPI_MCA_mpi_yield_when_idle-1}  # and so do ranks
# Three workers for two cores: some tests wait for a silence or a deadline.
exec "$venv/bin/python" -m pytest -n 3 --dist loadfile --no-loadscope-reorder "$@"
