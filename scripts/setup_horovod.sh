# Horovod for the environment: with NCCL where there is a GPU and all that it takes, else for CPUs, else none at all.
# Sourced by scripts/setup_env.sh, after setup_steps.sh.

why() {  # why the step that has just failed could not do its work
    local told
    told=$(log_of_step | sed -n 's/^cannot: //p' | tail -n 1)
    printf '%s\n' "${told:-the build failed, see $log}"
}

horovod_for() {  # horovod_for NCCL|MPI|cpu: whether a Horovod with these operations is there and loads
    local cached
    for _ in 1 2; do
        attempt "getting Horovod for $1: from the cache, or built in about 3 minutes" \
            "$root/scripts/build_horovod.sh" "$venv" "$cache" "$mpi_from" "$1" || return
        cached=$(log_of_step | grep '^cached: ' || true)
        install "installing Horovod" --force-reinstall --no-deps "$(cat "$venv/stemdl.horovod")"
        ! attempt "seeing that Horovod loads" "$venv/bin/python" -c 'import horovod.torch' || return 0
        rm -f -- "$(cat "$venv/stemdl.horovod")"
        [[ -n $cached ]] || return  # what was built here does not load here
    done
    return 1
}

wants_nccl() {  # torch is for CUDA, and there is a GPU
    "$venv/bin/python" -c 'import sys, torch; sys.exit(torch.version.cuda is None)' 2>>"$log" &&
        nvidia-smi -L 2>>"$log" | grep '^GPU ' >>"$log"
}

install_horovod() {  # sets no_horovod to the reason where none can be had
    install "installing what Horovod needs" cffi cloudpickle packaging psutil pyyaml
    if [[ -n ${HOROVOD_GPU_OPERATIONS:-} ]]; then
        horovod_for "$HOROVOD_GPU_OPERATIONS" || failed "getting Horovod for $HOROVOD_GPU_OPERATIONS, as was asked"
        return
    fi
    if wants_nccl; then
        ! horovod_for NCCL || return 0
        say "Horovod without NCCL: $(why); it joins CPUs, and GPUs are joined by torch.distributed (comm=torch)"
    fi
    horovod_for cpu || no_horovod=$(why)
}

do_without_horovod() {  # do_without_horovod REASON
    say "no Horovod: $1; ranks are joined by torch.distributed (comm=torch)." \
        "When that is mended: STEMDL_WITHOUT_HOROVOD=0 scripts/setup_env.sh"
    pip uninstall --yes horovod >>"$log" 2>&1 || true  # one of before, for another torch
    printf '%s\n' "$1" >"$venv/stemdl.without_horovod"
}
