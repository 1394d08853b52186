"""What honest descriptions, READMEs and scripts say in words has no finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from changes import add, describe
from corpus import CODE, Tree
from mutations_related import RUN, script
from mutations_visible import named, readme

from benchmark.validation.finding import Severity
from benchmark.validation.validate import validate


def warnings(tree: Tree, folder: Path) -> list[str]:
    report = validate([tree.write(folder / "Somewhere")], official=False)
    return [f"{each.rule} {each.message}" for each in report.findings if each.severity > Severity.NOTE]


@pytest.mark.parametrize("name", ["2-cores-x86", "1-node-epyc", "2-ranks", "amd64", "vm17", "0-gpus", "1-socket.2"])
def test_names_that_fit_have_no_finding(tmp_path: Path, name: str) -> None:
    tree = Tree.valid()
    named(name)(tree)
    assert warnings(tree, tmp_path) == []


@pytest.mark.parametrize(
    "notes",
    [
        "SMT disabled in the BIOS; 2 NUMA nodes; governor: performance",
        "one of the two cores; the host has 64 cores",
        "2 of the 2 cores, timeout 30 s, power cap 300 W, battery 50 Wh",
        "time to train 11.7 s by the mean",
        "trains with 1,090 samples/s",
        "generating stemdl_mini takes 40 s, an epoch of stemdl_mini 3.2 s",
        "stemdl_mini needs 24 GiB and a minute of setup",
    ],
)
def test_notes_that_fit_have_no_finding(tmp_path: Path, notes: str) -> None:
    tree = Tree.valid()
    describe(hw_notes=notes)(tree)
    assert warnings(tree, tmp_path) == []


@pytest.mark.parametrize(
    "lines",
    [
        (f"taskset -c 0,1 {RUN}",),
        (f"taskset 0x3 {RUN}",),
        (f"numactl -C 0-1 --cpunodebind=0 {RUN}",),
        ("cat /proc/cpuinfo > cpu.txt", RUN),
        ("export OMP_PROC_BIND=close", f"{RUN} --hosts node"),
    ],
)
def test_scripts_that_fit_have_no_finding(tmp_path: Path, lines: tuple[str, ...]) -> None:
    tree = Tree.valid()
    script(*lines)(tree)
    assert warnings(tree, tmp_path) == []


def test_versions_that_ran_have_no_finding(tmp_path: Path) -> None:
    tree = Tree.valid()
    add(f"{CODE}/requirements.txt", b"torch==2.13.0\nnumpy==2.4.6\nhorovod==0.28.1\nmpi4py>=4.1\n")(tree)
    readme(b"With PyTorch 2.13, Open MPI 5.0.11 and Python 3.10 or later.\n")(tree)
    assert warnings(tree, tmp_path) == []
