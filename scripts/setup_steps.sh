# Steps of the set-up: each with its output in a log, a sign of life that says how far it is, and an end that ends all
# of it. Sourced by scripts/setup_env.sh, which sets venv and log.

started=$SECONDS
say() { printf '[set-up %3d s] %s\n' $((SECONDS - started)) "$*" >&2; }

die() {  # die CODE WHAT REMEDY
    printf 'stemdl set-up: %s\n  what to do: %s\n' "$2" "$3" >&2
    exit "$1"
}

child=
stop_child() { [[ -z $child ]] || kill -TERM -- "-$child" 2>/dev/null || true; }

log_of_step() { awk '/^== /{text=""} {text=text $0 "\n"} END{printf "%s", text}' "$log"; }

how_far() {  # of the step at work: files compiled, or packages and megabytes fetched, of those in the plan
    log_of_step | awk -v plan="$plan" -v unpacked="$(($(packages_there) - had))" '
        BEGIN { split(plan, of_all, " ") }
        /^ *\[[0-9]+\/[0-9]+\] / { split($0, at, /[][\/]/); built = at[2]; of = at[3] }
        /(Downloading|Using cached) .*\.(whl|gz|zip) \(/ {
            count++; bytes += size; now = 0
            match($0, /\([0-9.]+ [kMG]?B\)/); split(substr($0, RSTART + 1, RLENGTH - 2), told, " ")
            size = told[1] * (told[2] == "GB" ? 1000 : told[2] == "MB" ? 1 : told[2] == "kB" ? 0.001 : 0.000001)
        }
        /^Progress [0-9]+ of / { now = $2 / 1e6 }
        /^ *Collecting / { collected++ }
        /^Installing collected packages/ { installing = 1 }
        END {
            if (of) printf ": %d of %d files compiled", built, of
            else if (installing) printf ": %d of %s packages unpacked", unpacked, of_all[1] ? of_all[1] : "?"
            else if (count && plan != "")
                printf ": %d of %s packages, %d of %s MB fetched", count, of_all[1], bytes + now, of_all[2]
            else if (count) printf ": %d packages, %d MB fetched", count, bytes + now
            else if (collected) printf ": %d packages so far", collected
        }'
}

attempt() {  # attempt TITLE COMMAND...: its exit code; its output into the log, and a sign of life every 15 seconds
    local title=$1 last=$SECONDS status=0 nap=0.02
    shift
    say "$title"
    printf '\n== %s\n' "$title" >>"$log"
    set -m  # a process group of its own, so that an interruption ends all of it
    "$@" >>"$log" 2>&1 </dev/null &
    child=$!
    set +m
    while kill -0 "$child" 2>/dev/null; do
        sleep "$nap"
        if ((SECONDS - last >= 15)); then
            last=$SECONDS
            say "  still ${title%%:*}$(how_far)"
            nap=0.5
        fi
    done
    wait "$child" || status=$?
    child=
    return "$status"
}

failed() {  # failed TITLE: the end of the log, and what to do about it
    local remedy="the whole log is $log; when the cause is gone, run this again: it takes up where it stopped"
    if tail -n 60 "$log" | grep -qiE 'no space left|quota exceeded'; then
        remedy="make room, or set STEMDL_VENV and TMPDIR to directories on another disk, and run this again"
    elif tail -n 60 "$log" | grep -qiE 'name resolution|connection (refused|reset|broken|aborted)|timed out' ||
        tail -n 60 "$log" | grep -qiE 'max retries|no matching distribution|proxyerror|sslerror'; then
        remedy="see that pip reaches its package index (https_proxy, PIP_INDEX_URL, pip.conf), and run this again"
    elif tail -n 60 "$log" | grep -q 'cannot load MPI library'; then
        remedy="load the site's MPI module, so that libmpi is on LD_LIBRARY_PATH, and run this again"
    fi
    tail -n 15 "$log" | sed 's/^/    | /' >&2
    die 1 "failed: $1" "$remedy"
}

step() {  # step TITLE COMMAND...: an attempt that must not fail
    attempt "$@" || failed "$1"
}

# pip cannot tell a half-written package from a whole one, so we note it: stemdl.whole is there when none was cut short.
identity() { printf '%s\n' "$choices" "$root" "$venv" "$("$venv/bin/python" -V 2>/dev/null || true)"; }
is_whole() { [[ -f $venv/stemdl.whole && $(cat "$venv/stemdl.whole") == "$(identity)" ]]; }

pip() { "$venv/bin/python" -m pip "$@"; }
packages_there() { find "$venv"/lib -maxdepth 4 -name '*.dist-info' 2>/dev/null | wc -l; }
had=0  # packages before the installation at work
counts_bytes() {  # pip 24.1 and later count them into the log, and ask for sizes without fetching whole files
    "$venv/bin/python" -c 'import pip, sys; sys.exit(tuple(map(int, pip.__version__.split(".")[:2])) < (24, 1))'
}

get_pip() {  # a Python brings a pip of its own age
    counts_bytes || attempt "getting a pip that counts bytes" \
        pip install --no-input --progress-bar off -c "$venv/stemdl.constraints" 'pip>=24.1' ||
        say "  there is none: installing without sizes"
}

install() {  # install TITLE ARGUMENTS...
    local title=$1 bar=off
    shift
    if counts_bytes; then bar=raw; fi
    rm -f -- "$venv/stemdl.whole"
    had=$(packages_there)
    step "$title" pip install --no-input --progress-bar "$bar" -c "$venv/stemdl.constraints" "$@"
    identity >"$venv/stemdl.whole"
}

plan=  # of the installation at work: its packages, megabytes to fetch, megabytes on the disk
install_planned() {  # install_planned ARGUMENTS...: the same, after asking what will come and whether there is room
    local status=0 title="installing the packages"
    if counts_bytes; then
        attempt "asking the index what will come" \
            "$venv/bin/python" "$root/scripts/setup_plan.py" "$venv" -c "$venv/stemdl.constraints" "$@" || status=$?
        ((status != 3)) || die 2 "$(log_of_step | grep 'too little disk space')" \
            "free some, or set STEMDL_VENV or TMPDIR to a directory on another disk"
        plan=$(log_of_step | grep -E '^[0-9]+ [0-9-]+ [0-9-]+$' || true)
    fi
    local packages fetched unpacked
    read -r packages fetched unpacked <<<"$plan"
    case $fetched in
        '') ;;
        -) title+=": $packages (the index does not tell their sizes)" plan="$packages ?" ;;
        *) title+=": $packages, $fetched MB to fetch, $unpacked MB on the disk" ;;
    esac
    install "$title" "$@"
    plan=
}
