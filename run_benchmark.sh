#!/usr/bin/env bash
# ./run_benchmark.sh [OPTIONS of 'stemdl run']
#
# By hand: sets up what is missing, then makes the data, starts the ranks, trains, checks and prints ('stemdl run').
# Under a launcher (jsrun, mpirun, srun, mpiexec, torchrun): is one rank, and neither sets up nor starts others.

set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# Batch systems run a copy of the script that lies elsewhere.
[[ -f $root/scripts/setup_env.sh ]] || root=${SLURM_SUBMIT_DIR:-${LS_SUBCWD:-${PBS_O_WORKDIR:-$PWD}}}

# Which rank a launcher made of this; empty by hand. As benchmark/launch/rank.py reads it, and a test holds the two
# together; that one also says what is wrong where the variables do not fit.
rank=
asked() {  # asked RANK SIZE: a launcher that leaves these two, unless another one was found before
    [[ -n $rank || -z ${!1+set}${!2+set} ]] || rank=${!1:-unknown}
}
# A batch script and the shell of an allocation have SLURM_PROCID too: only a step with an ordinary number is srun's.
in_step() {
    [[ -n ${SLURM_PROCID+set} && ${SLURM_STEP_ID:-} =~ ^[0-9]{1,12}$ ]] && ((10#$SLURM_STEP_ID < 4294967290))
}
# The one task on a node may be another launcher's daemon, whose ranks count.
one_task_a_node() { [[ ${SLURM_STEP_NUM_NODES-none} == "${SLURM_STEP_NUM_TASKS-}" ]]; }
torchrun=${RANK+1}${WORLD_SIZE+1}${LOCAL_RANK+1}${LOCAL_WORLD_SIZE+1}  # a RANK alone may be anybody's

asked JSM_NAMESPACE_RANK JSM_NAMESPACE_SIZE
asked OMPI_COMM_WORLD_RANK OMPI_COMM_WORLD_SIZE
if in_step && ! one_task_a_node; then asked SLURM_PROCID SLURM_PROCID; fi
asked PMI_RANK PMI_SIZE
asked PALS_RANKID PALS_RANKID
if ((${#torchrun} > 1)); then asked RANK WORLD_SIZE; fi
asked PMIX_RANK PMIX_RANK
if in_step; then asked SLURM_PROCID SLURM_PROCID; fi

if [[ -z $rank ]]; then
    venv=$("$root/scripts/setup_env.sh")
elif [[ $rank == 0 || $rank == unknown ]]; then
    venv=$("$root/scripts/setup_env.sh" --check)
else
    venv=$("$root/scripts/setup_env.sh" --check 2>/dev/null)  # rank 0 says it for all
fi
export PATH="$venv/bin:$PATH"  # mpirun is there
exec "$venv/bin/stemdl" run "$@"
