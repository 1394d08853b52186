"""Nodes that are alike are put together, and in what the others differ is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmark.foundation.errors import StemdlError
from benchmark.launch.exchange import Exchange
from benchmark.launch.nodes import Kind, collect_nodes, differences, kinds_of, nodes_check, read_nodes, write_nodes
from benchmark.launch.system import UNKNOWN, describe_system

FACTS: dict[str, Any] = {
    "processor": "CPU A",
    "sockets": 2,
    "memory_gib": 503,
    "frequency": "2900 MHz (current)",
    "accelerators": ["GPU"] * 4,
    "accelerator_driver": "535",
    "numa_nodes": 8,
}


def test_alike_are_nodes_whose_memory_and_clock_differ_a_little() -> None:
    kinds = kinds_of(
        [
            ("n0", FACTS),
            ("n1", FACTS | {"memory_gib": 502, "frequency": "3311 MHz (current)"}),
            ("n2", FACTS | {"memory_gib": 251}),
            ("n3", FACTS | {"accelerators": ["GPU"] * 3}),
            ("n4", FACTS | {"memory_gib": 251}),
        ]
    )
    assert [kind.hosts for kind in kinds] == [("n0", "n1"), ("n2", "n4"), ("n3",)]
    assert differences(kinds) == [
        "n2, n4: memory_gib 251 instead of 503",
        "n3: accelerators 3 x GPU instead of 4 x GPU",
    ]
    check = nodes_check(kinds)
    assert check.ok and check.remedy and check.detail.startswith("3 kinds of nodes; n2, n4: memory_gib 251")
    assert nodes_check(kinds[:1]).detail == "2 nodes alike: CPU A, 4 x GPU"


def test_a_fact_that_one_node_lacks_is_a_difference() -> None:
    kinds = kinds_of([("n0", FACTS), ("n1", {name: FACTS[name] for name in FACTS if name != "accelerator_driver"})])
    assert differences(kinds) == ["n1: accelerator_driver none instead of 535"]


def test_the_description_of_a_system_is_of_the_first_kind_and_tells_the_others(tmp_path: Path) -> None:
    kinds = kinds_of([("n0", FACTS), ("n1", FACTS | {"memory_gib": 251})])
    write_nodes(tmp_path, kinds)
    assert read_nodes(tmp_path) == kinds
    told = describe_system(8, 2, 4, "Lab", "open", "onprem", None, read_nodes(tmp_path))
    assert told["host_memory_capacity"] == "503 GiB" and told["host_processors_per_node"] == "2"
    assert told["accelerator_model_name"] == "GPU" and told["accelerator_memory_capacity"] == UNKNOWN
    assert (
        told["hw_notes"] == "8 NUMA nodes; accelerator driver 535; nodes differ from n0: n1: memory_gib 251 "
        "instead of 503"
    )
    assert told["host_processor_core_count"] == told["host_networking"] == UNKNOWN, "what is not known is not made up"


def test_file_systems_are_told_once_each() -> None:
    storage = {
        "data": {"type": "lustre", "size_gib": 1000},
        "output": {"type": "lustre", "size_gib": 1000},
        "stage": {"type": "xfs", "device": "/dev/nvme1n1", "size_gib": 800},
    }
    told = describe_system(1, 1, 0, "", "open", "onprem", None, [Kind(("n0",), {"storage": storage})])
    assert told["host_storage_type"] == "lustre (data, output); xfs on nvme1n1 (stage)"
    assert told["host_storage_capacity"] == "1000 GiB (data, output); 800 GiB (stage)"


class Silent(Exchange):
    """Rank 0 of three, of which the last says nothing."""

    def gather(self, value: Any, seconds: float) -> dict[int, Any]:
        return {0: value, 1: {"host": "n1", "facts": FACTS}}


def test_ranks_that_do_not_describe_their_node_are_named() -> None:
    with pytest.raises(StemdlError, match=r"ranks \[2\] said nothing"):
        collect_nodes(Silent(0, 3, None), "n0", FACTS, 1.0)
    assert collect_nodes(Silent(0, 2, None), "n0", FACTS, 1.0) == [Kind(("n0", "n1"), FACTS)]


def test_a_file_of_nodes_that_is_none_is_refused(tmp_path: Path) -> None:
    assert read_nodes(tmp_path) is None
    (tmp_path / "nodes.json").write_text('[{"hosts": 1}]')
    with pytest.raises(StemdlError, match="cannot be read"):
        read_nodes(tmp_path)
