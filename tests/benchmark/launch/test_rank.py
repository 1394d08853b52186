"""Rank detection: every launcher's table, conflicts, batch scripts that are not ranks, and garbage."""

from __future__ import annotations

import pytest

from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import ALONE, Rank, detect_rank, starters, under_launcher

JSRUN = {
    "JSM_NAMESPACE_RANK": "7",
    "JSM_NAMESPACE_SIZE": "24",
    "JSM_NAMESPACE_LOCAL_RANK": "1",
    "JSM_NAMESPACE_LOCAL_SIZE": "6",
}
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "7",
    "OMPI_COMM_WORLD_SIZE": "24",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "6",
}
SRUN = {
    "SLURM_PROCID": "7",
    "SLURM_STEP_NUM_TASKS": "24",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_ID": "0",
    "SLURM_NODEID": "1",
    "SLURM_STEP_TASKS_PER_NODE": "6(x4)",
    "SLURM_STEP_NUM_NODES": "4",
}
FLUX = {"FLUX_TASK_RANK": "7", "FLUX_JOB_SIZE": "24", "FLUX_TASK_LOCAL_ID": "1", "FLUX_JOB_NNODES": "4"}
INTEL = {"PMI_RANK": "7", "PMI_SIZE": "24", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "6"}
PALS = {"PMI_RANK": "7", "PMI_SIZE": "24", "PALS_LOCAL_RANKID": "1", "PALS_LOCAL_SIZE": "6"}
TORCHRUN = {"RANK": "7", "WORLD_SIZE": "24", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "6"}
PALS_BY_PMIX = {"PALS_RANKID": "7", "PMI_SIZE": "24", "PALS_LOCAL_RANKID": "1", "PALS_LOCAL_SIZE": "6"}
ALL = {"jsrun": JSRUN, "mpirun": OPEN_MPI, "srun": SRUN, "flux": FLUX, "mpiexec": INTEL, "torchrun": TORCHRUN}


@pytest.mark.parametrize(("launcher", "environ"), [*ALL.items(), ("mpiexec", PALS), ("mpiexec", PALS_BY_PMIX)])
def test_each_launcher_is_read(launcher: str, environ: dict[str, str]) -> None:
    assert detect_rank(environ) == Rank(7, 24, 1, 6, launcher)
    assert under_launcher(environ)


def test_without_a_launcher_it_is_rank_0_of_1() -> None:
    environ = {"PATH": "/usr/bin", "LOCAL_RANK": "3"}
    assert detect_rank(environ) is ALONE
    assert detect_rank(environ) == Rank(0, 1, 0, 1, "alone")
    assert not under_launcher(environ)


def test_one_stray_word_is_no_launcher() -> None:
    assert detect_rank({"RANK": "3"}) is ALONE and detect_rank({"WORLD_SIZE": "4"}) is ALONE
    with pytest.raises(StemdlError, match="WORLD_SIZE"):
        detect_rank({"RANK": "3", "LOCAL_RANK": "1"})


def test_pmix_alone_tells_no_size() -> None:
    with pytest.raises(StemdlError, match="PMIX_RANK=3 says that this is a rank") as caught:
        detect_rank({"PMIX_RANK": "3"})
    assert "jsrun, mpirun, srun" in str(caught.value) and "unset the stale PMIX_RANK" in caught.value.remedy


@pytest.mark.parametrize("launcher", ALL)
def test_pmix_beside_a_launcher_must_say_the_same(launcher: str) -> None:
    assert detect_rank(ALL[launcher] | {"PMIX_RANK": "7"}) == Rank(7, 24, 1, 6, launcher)
    with pytest.raises(StemdlError, match=f"{launcher} and PMIx disagree") as caught:
        detect_rank(ALL[launcher] | {"PMIX_RANK": "8"})
    assert "PMIX_RANK=8" in str(caught.value)


def test_the_only_rank_of_a_launcher_is_under_it() -> None:
    environ = dict.fromkeys(("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"), "1")
    environ |= dict.fromkeys(("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK"), "0")
    assert detect_rank(environ) == Rank(0, 1, 0, 1, "mpirun")
    assert under_launcher(environ)


@pytest.mark.parametrize(
    "step",
    [
        {},
        {"SLURM_STEP_ID": "4294967291"},
        {"SLURM_STEP_ID": "4294967290"},
        {"SLURM_STEP_ID": "4294967292"},
        {"SLURM_STEP_ID": "4294967293"},
    ],
)
def test_a_batch_script_or_the_shell_of_an_allocation_is_no_rank(step: dict[str, str]) -> None:
    environ = {"SLURM_PROCID": "0", "SLURM_NTASKS": "24", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", **step}
    assert detect_rank(environ) is ALONE


def test_torchrun_inside_a_batch_script_is_not_in_conflict_with_it() -> None:
    batch = {"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0"}
    assert detect_rank(batch | TORCHRUN).launcher == "torchrun"


def test_the_step_counts_before_the_allocation_in_slurm() -> None:
    environ = {**SRUN, "SLURM_NTASKS": "96"}
    assert detect_rank(environ).size == 24
    del environ["SLURM_STEP_NUM_TASKS"]
    assert detect_rank(environ).size == 96


@pytest.mark.parametrize(
    ("counts", "node", "local_size"),
    [("6(x4)", "3", 6), ("6(x2),4(x3)", "1", 6), ("6(x2),4(x3)", "2", 4), ("5,6,13", "2", 13)],
)
def test_slurms_tasks_per_node(counts: str, node: str, local_size: int) -> None:
    environ = {**SRUN, "SLURM_STEP_TASKS_PER_NODE": counts, "SLURM_NODEID": node}
    assert detect_rank(environ).local_size == local_size


@pytest.mark.parametrize(("counts", "node"), [("6(x4)", "4"), ("six", "0"), ("6(x4)", "-1"), ("", "0")])
def test_unreadable_tasks_per_node(counts: str, node: str) -> None:
    with pytest.raises(StemdlError, match="SLURM_STEP_TASKS_PER_NODE="):
        detect_rank({**SRUN, "SLURM_STEP_TASKS_PER_NODE": counts, "SLURM_NODEID": node})


@pytest.mark.parametrize(
    ("sizes", "cyclic"),
    [
        ([6, 6, 6, 6], False),
        ([1, 1, 1], False),
        ([4], False),
        ([3, 3, 2, 2], False),
        ([4, 2], False),
        ([2, 4], False),
        ([3, 1, 2], False),
        ([2, 2, 2], True),
    ],
)
def test_flux_counts_a_nodes_tasks_or_refuses_to(sizes: list[int], cyclic: bool) -> None:
    """Where they are not the same number on every node, in blocks, one of the ranks at least refuses, and ends all."""
    places = [(node, place) for node, size in enumerate(sizes) for place in range(size)]
    if cyclic:
        places.sort(key=lambda each: each[::-1])
    refused = 0
    for rank, (_, place) in enumerate(places):
        environ = {"FLUX_TASK_RANK": str(rank), "FLUX_TASK_LOCAL_ID": str(place)}
        environ |= {"FLUX_JOB_SIZE": str(len(places)), "FLUX_JOB_NNODES": str(len(sizes))}
        try:
            assert detect_rank(environ) == Rank(rank, len(places), place, len(places) // len(sizes), "flux")
        except StemdlError as error:
            assert "same number of tasks on every node" in error.what and f"FLUX_TASK_RANK={rank}" in str(error)
            refused += 1
    assert bool(refused) == (cyclic or len(set(sizes)) > 1)


def test_flux_with_pmi_or_pals_needs_no_local_numbers_of_theirs() -> None:
    assert detect_rank(FLUX | {"PMI_RANK": "7", "PMI_SIZE": "24", "PALS_RANKID": "7"}) == Rank(7, 24, 1, 6, "flux")
    with pytest.raises(StemdlError, match="flux and mpiexec disagree"):
        detect_rank(FLUX | {"PMI_RANK": "6", "PMI_SIZE": "24"})


@pytest.mark.parametrize("broken", [{"FLUX_JOB_NNODES": "0"}, {"FLUX_JOB_NNODES": "x"}, {"FLUX_JOB_SIZE": "0"}])
def test_numbers_of_flux_that_cannot_be(broken: dict[str, str]) -> None:
    with pytest.raises(StemdlError, match="FLUX_JOB_NNODES=|FLUX_JOB_NNODES is not a number"):
        detect_rank(FLUX | broken)
    with pytest.raises(StemdlError, match="FLUX_JOB_NNODES"):
        detect_rank({name: value for name, value in FLUX.items() if name != "FLUX_JOB_NNODES"})


JSRUN_BROKER = {
    "JSM_NAMESPACE_RANK": "3",
    "JSM_NAMESPACE_SIZE": "4",
    "JSM_NAMESPACE_LOCAL_RANK": "0",
    "JSM_NAMESPACE_LOCAL_SIZE": "1",
}
SRUN_BROKER = {
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "3",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_LOCALID": "0",
    "SLURM_STEP_NUM_NODES": "4",
}
FLUX_DAEMON = {"FLUX_TASK_RANK": "0", "FLUX_JOB_SIZE": "4", "FLUX_TASK_LOCAL_ID": "0", "FLUX_JOB_NNODES": "4"}


@pytest.mark.parametrize("broker", [JSRUN_BROKER, SRUN_BROKER])
def test_flux_inside_a_job_of_another_manager_counts(broker: dict[str, str]) -> None:
    assert detect_rank(broker | FLUX) == Rank(7, 24, 1, 6, "flux")
    assert detect_rank(broker | FLUX_DAEMON) == Rank(0, 4, 0, 1, "flux"), "one rank a node, on other nodes' brokers"
    assert detect_rank(broker | FLUX_DAEMON | TORCHRUN) == Rank(7, 24, 1, 6, "torchrun")


@pytest.mark.parametrize("inner", [OPEN_MPI, INTEL, TORCHRUN])
def test_a_launcher_that_flux_started_once_a_node_counts(inner: dict[str, str]) -> None:
    assert detect_rank(FLUX_DAEMON | inner) == detect_rank(inner)
    with pytest.raises(StemdlError, match="disagree"):
        detect_rank(FLUX | inner | {name: "5" for name in inner if name.endswith("RANK") and "LOCAL" not in name})


@pytest.mark.parametrize("outer", [SRUN_BROKER, FLUX_DAEMON])
def test_a_daemon_is_one_whose_nodes_are_known(outer: dict[str, str]) -> None:
    """Without the number of nodes a stale variable of another launcher is not taken for an inner launcher's."""
    unknown = {name: value for name, value in outer.items() if not name.endswith(("NODES", "JOB_SIZE", "NUM_TASKS"))}
    with pytest.raises(StemdlError, match="disagree"):
        detect_rank(unknown | OPEN_MPI)


def test_jsrun_starts_no_other_launchers_daemons() -> None:
    with pytest.raises(StemdlError, match="jsrun and mpirun disagree"):
        detect_rank(JSRUN_BROKER | OPEN_MPI)


def test_spectrum_mpi_under_jsrun_agrees() -> None:
    assert detect_rank(OPEN_MPI | JSRUN) == Rank(7, 24, 1, 6, "jsrun")


def test_srun_with_pmi2_needs_no_local_numbers_of_pmi() -> None:
    assert detect_rank(SRUN | {"PMI_RANK": "7", "PMI_SIZE": "24"}) == Rank(7, 24, 1, 6, "srun")


@pytest.mark.parametrize("inner", [OPEN_MPI, INTEL, TORCHRUN])
@pytest.mark.parametrize("nodes", [1, 4])
def test_a_launcher_that_srun_started_once_a_node_counts(inner: dict[str, str], nodes: int) -> None:
    daemon = {
        "SLURM_STEP_ID": "0",
        "SLURM_PROCID": "0",
        "SLURM_STEP_NUM_TASKS": str(nodes),
        "SLURM_LOCALID": "0",
        "SLURM_STEP_NUM_NODES": str(nodes),
        "SLURM_NODEID": "0",
        "SLURM_STEP_TASKS_PER_NODE": f"1(x{nodes})",
    }
    assert detect_rank(daemon | inner) == detect_rank(inner)


@pytest.mark.parametrize(("changed", "value"), [("OMPI_COMM_WORLD_RANK", "8"), ("OMPI_COMM_WORLD_SIZE", "48")])
@pytest.mark.parametrize("first", [JSRUN, SRUN])
def test_a_conflict_names_both_with_their_values(first: dict[str, str], changed: str, value: str) -> None:
    with pytest.raises(StemdlError, match="disagree") as caught:
        detect_rank(first | OPEN_MPI | {changed: value})
    message = str(caught.value)
    assert f"{changed}={value}" in message
    assert "PROCID=7" in message or "JSM_NAMESPACE_RANK=7" in message
    assert "mpirun" in message and ("srun" in message or "jsrun" in message)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("launcher", ALL)
def test_a_missing_partner_is_named(launcher: str) -> None:
    family = next(family for family in starters() if family.name == launcher)
    for names in (family.rank, family.size, family.local_rank, family.local_size):
        if launcher == "srun" and names in (family.rank, family.local_size):
            continue  # without SLURM_PROCID it is not a task of srun; the local size has a rule of its own
        for name in set(names) & set(ALL[launcher]):
            with pytest.raises(StemdlError, match=name):
                detect_rank({key: value for key, value in ALL[launcher].items() if key != name})


@pytest.mark.parametrize("garbage", ["", "x", "-1", "1.0", " 1", "1_0", "٣", "1\n", "9" * 40])
@pytest.mark.parametrize("name", ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"])
def test_garbage_is_refused_by_name(name: str, garbage: str) -> None:
    with pytest.raises(StemdlError, match=f"^{name} is not a number"):
        detect_rank({**TORCHRUN, name: garbage})


@pytest.mark.parametrize(
    "wrong", [{"RANK": "24"}, {"WORLD_SIZE": "0"}, {"LOCAL_RANK": "6"}, {"LOCAL_WORLD_SIZE": "25"}]
)
def test_numbers_that_cannot_be(wrong: dict[str, str]) -> None:
    with pytest.raises(StemdlError, match="cannot be"):
        detect_rank({**TORCHRUN, **wrong})
