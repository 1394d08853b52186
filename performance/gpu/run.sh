#!/usr/bin/env bash
# performance/gpu/run.sh [ARGUMENTS]
#
# Measures what needs a GPU, on a machine that may have no network: makes the environment from the wheels that
# performance/gpu/gather.py carried there and the machine's own PyTorch, then calls in it
# `python -m performance.gpu ARGUMENTS`. Called again, it goes on where it stopped. The machine's Python is python3, or
# STEMDL_PYTHON.
#   --horovod   in an environment of its own, that has Horovod built here with NCCL; then as above

set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
wheels=$root/.wheels
python=${STEMDL_PYTHON:-python3}
[[ -f $wheels/constraints.txt ]] || {
    echo "run.sh: no wheels in $wheels; where there is a network: python performance/gpu/gather.py" >&2
    exit 2
}

export STEMDL_PYTHON=$python STEMDL_CONSTRAINTS=$wheels/constraints.txt STEMDL_CACHE=$root/.cache
export PIP_NO_INDEX=1 PIP_FIND_LINKS=$wheels
export STEMDL_WITHOUT_HOROVOD=1
if [[ ${1:-} == --horovod ]]; then
    shift
    export STEMDL_WITHOUT_HOROVOD=0 STEMDL_VENV=${STEMDL_VENV:-$root/.venv-horovod}
    if [[ -z ${HOROVOD_BUILD_CUDA_CC_LIST:-} ]] && command -v nvidia-smi >/dev/null; then  # else all nvcc's
        HOROVOD_BUILD_CUDA_CC_LIST=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | sort -u | tr -d . |
            paste -sd,)
        export HOROVOD_BUILD_CUDA_CC_LIST
    fi
fi

# The machine's MPI serves where it is whole: a library that mpi4py finds, a launcher, a compiler's wrapper.
export STEMDL_SITE=torch
if command -v mpirun mpicxx >/dev/null && "$python" -c 'from mpi4py import MPI' 2>/dev/null; then
    STEMDL_SITE='torch mpi'
fi

venv=$("$root/scripts/setup_env.sh")
cd -- "$root"
exec "$venv/bin/python" -m performance.gpu "$@"
