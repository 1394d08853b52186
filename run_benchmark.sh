#!/usr/bin/env bash
# ./run_benchmark.sh [OPTIONS of 'stemdl run']
#
# By hand: sets up what is missing, then makes the data, starts the ranks, trains, checks and prints ('stemdl run').
# Under a launcher (jsrun, mpirun, srun, mpiexec, torchrun): is one rank, and neither sets up nor starts others.

set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# Batch systems run a copy of the script that lies elsewhere.
[[ -f $root/scripts/setup_env.sh ]] || root=${SLURM_SUBMIT_DIR:-${LS_SUBCWD:-${PBS_O_WORKDIR:-$PWD}}}

rank=${JSM_NAMESPACE_RANK:-${OMPI_COMM_WORLD_RANK:-}}
# A batch script and the shell of an allocation have SLURM_PROCID too: only a step with an ordinary number is srun's.
if [[ -z $rank && -n ${SLURM_STEP_NUM_TASKS:-} && ${SLURM_STEP_ID:-4294967295} -lt 4294967290 ]]; then
    rank=${SLURM_PROCID:-}
fi
rank=${rank:-${PMI_RANK:-${PMIX_RANK:-}}}
if [[ -z $rank && -n ${WORLD_SIZE:-} && -n ${LOCAL_RANK:-} ]]; then
    rank=${RANK:-}
fi

if [[ -z $rank ]]; then
    venv=$("$root/scripts/setup_env.sh")
elif [[ $rank == 0 ]]; then
    venv=$("$root/scripts/setup_env.sh" --check)
else
    venv=$("$root/scripts/setup_env.sh" --check 2>/dev/null)  # rank 0 says it for all
fi
export PATH="$venv/bin:$PATH"  # mpirun is there
exec "$venv/bin/stemdl" run "$@"
