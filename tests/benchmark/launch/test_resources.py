"""The arithmetic of nodes, ranks, cores and GPUs: what is filled in, what does not fit, and nothing is given twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.foundation.errors import StemdlError
from benchmark.launch.machine import UNKNOWN, Machine, load_machine, profile_names
from benchmark.launch.resources import Layout, lay_out

SUMMIT = load_machine("summit")


@pytest.mark.parametrize(
    ("machine", "asked", "expected"),
    [
        ("summit", {"nodes": 4}, Layout(24, 4, 6, 7, 1)),
        ("summit", {"ranks": 22}, Layout(22, 4, 6, 7, 1)),
        ("summit", {"ranks": 22, "nodes": 11}, Layout(22, 11, 2, 21, 1)),
        ("summit", {"ranks": 4}, Layout(4, 1, 4, 10, 1)),
        ("summit", {"nodes": 2, "ranks_per_node": 1}, Layout(2, 2, 1, 42, 1)),
        ("summit", {"nodes": 1, "gpus_per_rank": 0}, Layout(42, 1, 42, 1, 0)),
        ("summit", {"nodes": 1, "gpus_per_rank": 3}, Layout(2, 1, 2, 21, 3)),
        ("summit", {"nodes": 1, "cores_per_rank": 8}, Layout(5, 1, 5, 8, 1)),
        ("frontier", {"nodes": 2}, Layout(16, 2, 8, 7, 1)),
        ("perlmutter", {"nodes": 6}, Layout(24, 6, 4, 16, 1, cpus_per_core=2)),
        ("aurora", {"nodes": 2}, Layout(24, 2, 12, 8, 1)),
        ("dgx", {"nodes": 3}, Layout(24, 3, 8, 14, 1)),
    ],
)
def test_what_is_not_said_is_filled_in(machine: str, asked: dict[str, int], expected: Layout) -> None:
    found = lay_out(load_machine(machine), **asked)
    assert (
        found.ranks,
        found.nodes,
        found.ranks_per_node,
        found.cores_per_rank,
        found.gpus_per_rank,
        found.cpus_per_core,
    ) == (
        expected.ranks,
        expected.nodes,
        expected.ranks_per_node,
        expected.cores_per_rank,
        expected.gpus_per_rank,
        expected.cpus_per_core,
    )


def test_the_cores_of_a_rank_are_those_that_the_site_names() -> None:
    """The list that the Aurora guide gives for 12 ranks per node, and for 6."""
    twelve = lay_out(load_machine("aurora"), nodes=1).cores
    assert ":".join(f"{first}-{last}" for first, last in twelve) == (
        "1-8:9-16:17-24:25-32:33-40:41-48:53-60:61-68:69-76:77-84:85-92:93-100"
    )
    six = lay_out(load_machine("aurora"), nodes=1, gpus_per_rank=2, cores_per_rank=16).cores
    assert ":".join(f"{first}-{last}" for first, last in six) == "1-16:17-32:33-48:53-68:69-84:85-100"


def test_on_an_unknown_machine_all_is_taken_as_said() -> None:
    assert lay_out(UNKNOWN, nodes=4, ranks_per_node=6, gpus_per_rank=1) == Layout(24, 4, 6, None, 1)
    assert lay_out(UNKNOWN, nodes=4, ranks_per_node=6, cores_per_rank=7) == Layout(24, 4, 6, 7, 0)
    assert lay_out(UNKNOWN) == Layout(1, 1, 1)
    assert lay_out(UNKNOWN, ranks=5) == Layout(5, 1, 5)


@pytest.mark.parametrize(
    ("asked", "what", "more"),
    [
        (
            {"nodes": 4, "ranks_per_node": 6, "cores_per_rank": 8},
            "24 ranks do not fit 4 nodes x 5 slots",
            [
                "at most 5 ranks on a node, which has 42 cores and 6 GPUs",
                "6 ranks with 8 cores and 1 GPU each",
                "--nodes 5",
            ],
        ),
        ({"nodes": 4, "ranks_per_node": 7}, "28 ranks do not fit 4 nodes x 6 slots", ["--nodes 5 --ranks-per-node 6"]),
        ({"nodes": 1, "ranks_per_node": 4, "gpus_per_rank": 2}, "4 ranks do not fit 1 node x 3 slots", ["2 GPUs each"]),
        (
            {"nodes": 4, "ranks_per_node": 5, "ranks": 24},
            "24 ranks do not fit 4 nodes x 5 slots",
            ["at most 20 ranks", "--nodes 5, or --ranks-per-node 6"],
        ),
        ({"nodes": 4, "ranks_per_node": 6, "ranks": 18}, "18 ranks leave a node of 4 without any", ["3 nodes"]),
        ({"nodes": 1, "gpus_per_rank": 7}, "one rank does not fit on a node", ["42 cores and 6 GPUs", "7 GPUs"]),
        ({"nodes": 1, "cores_per_rank": 43}, "one rank does not fit on a node", ["43 cores"]),
        ({"nodes": 4601}, "summit has fewer nodes", ["at most 4600"]),
        ({"nodes": 0}, "a number above 0 is needed", ["--nodes"]),
        ({"ranks_per_node": -1}, "a number above 0 is needed", ["--ranks-per-node"]),
        ({"gpus_per_rank": -1}, "a number of 0 or more is needed", ["--gpus-per-rank"]),
    ],
)
def test_what_does_not_fit_is_told_exactly(asked: dict[str, int], what: str, more: list[str]) -> None:
    with pytest.raises(StemdlError) as caught:
        lay_out(SUMMIT, **asked)
    assert caught.value.what == what
    for words in more:
        assert words in str(caught.value)


OPTIONAL = st.none() | st.integers(1, 40)


@given(
    sockets=st.integers(1, 8),
    cores=st.integers(2, 64),
    reserved=st.integers(0, 1),
    gpus=st.integers(0, 16),
    nodes=OPTIONAL,
    ranks=OPTIONAL,
    ranks_per_node=OPTIONAL,
    gpus_per_rank=st.none() | st.integers(0, 4),
    cores_per_rank=OPTIONAL,
)
def test_no_core_and_no_gpu_is_given_twice(
    sockets: int,
    cores: int,
    reserved: int,
    gpus: int,
    nodes: int | None,
    ranks: int | None,
    ranks_per_node: int | None,
    gpus_per_rank: int | None,
    cores_per_rank: int | None,
) -> None:
    machine = Machine(
        "some", "", sockets=sockets, cores_per_socket=cores, reserved_cores_per_socket=reserved, accelerators=gpus
    )
    try:
        layout = lay_out(
            machine,
            nodes=nodes,
            ranks=ranks,
            ranks_per_node=ranks_per_node,
            gpus_per_rank=gpus_per_rank,
            cores_per_rank=cores_per_rank,
        )
    except StemdlError:
        return
    assert layout.ranks_per_node * (layout.nodes - 1) < layout.ranks <= layout.ranks_per_node * layout.nodes
    assert layout.cores_per_rank >= 1 and layout.ranks_per_node * layout.cores_per_rank <= machine.cores
    assert layout.ranks_per_node * layout.gpus_per_rank <= gpus
    for asked, found in (
        (nodes, layout.nodes),
        (ranks, layout.ranks),
        (ranks_per_node, layout.ranks_per_node),
        (gpus_per_rank, layout.gpus_per_rank),
        (cores_per_rank, layout.cores_per_rank),
    ):
        assert asked in (None, found)
    named = [core for first, last in layout.cores for core in range(first, last + 1)]
    assert len(named) == len(set(named))
    for first, last in layout.cores:
        assert last - first + 1 == layout.cores_per_rank and first // cores == last // cores, "within one socket"
        assert first % cores >= reserved


# ---- the profiles


def test_every_profile_is_whole() -> None:
    assert profile_names() == ["aurora", "dgx", "frontier", "laptop", "perlmutter", "summit"]
    for name in profile_names():
        machine = load_machine(name)
        assert machine.description and machine.launcher
        if name != "laptop":
            assert machine.sockets and machine.cores and machine.accelerators and machine.nics and machine.batch
            assert machine.accelerator and machine.nic and machine.visible_devices
            assert lay_out(machine).ranks_per_node == machine.accelerators


def test_an_unknown_profile_is_told_the_nearest() -> None:
    with pytest.raises(StemdlError, match="did you mean 'frontier'"):
        load_machine("fronteer")
    with pytest.raises(StemdlError, match="the profile cannot be read"):
        load_machine("../profiles/summit")


def test_a_wrong_key_in_a_profile_is_named(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text("description: x\nsocket: 2\n")
    monkeypatch.setattr("benchmark.launch.machine.PROFILES", tmp_path)
    with pytest.raises(StemdlError, match="unknown key 'socket'") as caught:
        load_machine("mine")
    assert "did you mean 'sockets'" in caught.value.remedy
