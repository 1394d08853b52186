#!/usr/bin/env bash
# ./run_benchmark.sh [OPTIONS of 'stemdl run']
#
# By hand: sets up what is missing, then makes the data, starts the ranks, trains, checks and prints ('stemdl run').
# Under a launcher (mpirun, srun, ...): is one rank, and neither sets up nor starts others.

set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# Batch systems run a copy of the script that lies elsewhere.
[[ -f $root/scripts/setup_env.sh ]] || root=${SLURM_SUBMIT_DIR:-${LS_SUBCWD:-${PBS_O_WORKDIR:-$PWD}}}

# Which rank a launcher made of this; "alone" by hand. Any Python serves that the set-up would take; where there is none,
# the set-up says so.
rank=
for python in "${STEMDL_VENV:-$root/.venv}/bin/python" ${STEMDL_PYTHON:+"$STEMDL_PYTHON"} python3{,.14,.13,.12,.11,.10}; do
    ! rank=$(PYTHONPATH=$root "$python" -S -m benchmark.launch.rank 2>/dev/null) || break
done

if [[ ${rank:-alone} == alone ]]; then
    venv=$("$root/scripts/setup_env.sh")
elif [[ $rank == 0 || $rank == unknown ]]; then
    venv=$("$root/scripts/setup_env.sh" --check)
else
    venv=$("$root/scripts/setup_env.sh" --check 2>/dev/null)  # rank 0 says it for all
fi
export PATH="$venv/bin:$PATH"  # mpirun is there
exec "$venv/bin/stemdl" run "$@"
