"""Times that are another run's are seen, and honest ones are not taken for such; nor are machines that can be."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from changes import describe, every_log, setting
from corpus import Tree
from honest_run import at
from mutations_pairs import TAKEN, of_little_memory, twice_as_fast
from mutations_tallies import counted
from mutations_weak import at_once

from benchmark.events import keys
from benchmark.validation.checks.pairs import in_any_order
from benchmark.validation.checks.together import Told
from benchmark.validation.finding import Severity
from benchmark.validation.validate import validate


def runs(seed: int, epochs: int, busy: float) -> list[Told]:
    """Five runs of independent losses and lengths; on a busy machine some are twice as slow for a while."""
    draw, log = random.Random(seed), SimpleNamespace()

    def lengths(usual: float) -> tuple[float, ...]:
        slow = [2.0 if draw.random() < busy else 1.0 for _ in range(epochs)]
        return tuple(round(usual * each * (1 + draw.gauss(0, 0.01))) for each in slow)

    def losses() -> tuple[float, ...]:
        ahead = draw.gauss(0, 0.01)
        return tuple(2.5 / (1 + epoch) * (1 + ahead + draw.gauss(0, 0.01)) for epoch in range(epochs))

    told: Any = log
    return [Told(told, losses(), lengths(4000), lengths(400), True) for _ in range(5)]


@pytest.mark.parametrize("busy", [0.0, 0.3])
@pytest.mark.parametrize("epochs", [3, 8])
def test_honest_lengths_are_not_anothers(epochs: int, busy: float) -> None:
    for seed in range(400):
        told = runs(seed, epochs, busy)
        assert in_any_order(told) is None, seed


@pytest.mark.parametrize("epochs", [3, 8])
def test_lengths_of_another_run_turned_round_are_seen(epochs: int) -> None:
    told = runs(1, epochs, 0.3)
    turned = [tuple(round(0.93 * each) for each in values[::-1]) for values in (told[0].epochs, told[0].evaluations)]
    found = in_any_order([*told[:4], Told(told[0].log, told[4].losses, turned[0], turned[1], True)])
    assert found is not None and found[1] == (0, 4)


def messages(tree: Tree, folder: Path) -> list[str]:
    report = validate([tree.write(folder / "Somewhere")], official=False)
    return [finding.message for finding in report.findings if finding.severity > Severity.NOTE]


@pytest.mark.parametrize(
    "system",
    [
        "Red Hat Enterprise Linux 8.6 (Ootpa), kernel 4.18.0",
        "CentOS Stream 9, kernel 5.14.0",
        "Debian GNU/Linux 12.5 (bookworm), kernel 6.1.0",
        "Ubuntu 20.04.6 LTS, kernel 5.4.0",
        "Rocky Linux 9.2, kernel 5.14.0",
        "SUSE Linux Enterprise Server 15 SP5, kernel 5.14.21",
    ],
)
def test_systems_that_wheels_run_on(tmp_path: Path, system: str) -> None:
    tree = Tree.valid()
    describe(operating_system=system, host_processor_frequency="2450 MHz (max); 3240 MHz (current)")(tree)
    assert messages(tree, tmp_path) == []


def test_an_older_system_may_have_a_pytorch_that_was_built_there(tmp_path: Path) -> None:
    tree = Tree.valid()
    describe(
        operating_system="Red Hat Enterprise Linux 7.6, kernel 4.14.0", framework="PyTorch 2.13.0, Horovod 0.28.1"
    )(tree)
    for lines in tree.logs.values():
        lines[at(lines, keys.VERSIONS)]["value"]["torch"] = "2.13.0"
    assert messages(tree, tmp_path) == []


@pytest.mark.parametrize(
    ("torch", "found"),
    [
        ("2.6.0+cpu", False),
        ("2.6.0+cu118", False),
        ("2.6.0+cu124", False),
        ("2.6.0+cu126", True),
        ("2.6.0+rocm6.1", False),
        ("2.6.0+rocm6.2.4", True),
        ("2.6.0+xpu", True),
        ("2.7.0+cpu", True),
        ("2.13.0+cu130", True),
    ],
)
def test_the_c_library_that_wheels_need(tmp_path: Path, torch: str, found: bool) -> None:
    """By PyTorch's release notes: 2.6 changed to manylinux 2.28 for some kinds of wheel, 2.7 for all."""
    tree = Tree.valid()
    describe(
        operating_system="Red Hat Enterprise Linux 7.6, kernel 4.14.0", framework=f"PyTorch {torch}, Horovod 0.28.1"
    )(tree)
    for lines in tree.logs.values():
        lines[at(lines, keys.VERSIONS)]["value"]["torch"] = torch
    assert messages(tree, tmp_path) == ["the field operating_system cannot be"] * found


def test_data_that_just_fit_into_their_share(tmp_path: Path) -> None:
    """221 MB of both splits in a share of 0.01 of 24 GiB."""
    tree = Tree.valid()
    counted()(tree)
    every_log(setting("memory_share", 0.01))(tree)
    assert not [message for message in messages(tree, tmp_path) if "memory" in message]


@pytest.mark.parametrize(("accelerators", "found"), [("0", True), ("2", False)])
def test_instances_may_hold_their_data_on_accelerators(tmp_path: Path, accelerators: str, found: bool) -> None:
    tree = Tree.valid()
    of_little_memory(tree)
    describe(accelerators_per_node=accelerators, accelerator_memory_capacity="16 GiB")(tree)
    assert any("more data into memory than all nodes have" in each for each in messages(tree, tmp_path)) == found


def test_instances_may_be_faster_than_runs_on_a_busy_machine(tmp_path: Path) -> None:
    tree = Tree.valid()
    for index, lines in tree.logs.items():
        value = lines[at(lines, keys.PREFLIGHT)]["value"]
        value["figures"]["load"] = {**TAKEN, "average": 4.6 + 0.13 * index}
        value["warnings"] = ["load: other programs keep this machine busy"]
    at_once(twice_as_fast)(tree)
    assert not [each for each in messages(tree, tmp_path) if "faster than any run alone" in each]
