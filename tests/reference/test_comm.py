"""Which backend and which device a rank gets, and the errors where it cannot have them."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from patience import HANG_SECONDS

from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import ALONE, Rank
from reference.comm import Comm, Solo, make_comm, pick_device
from reference.comm_horovod import _unused, _variables

CPU = torch.device("cpu")
HERE = Path()
ROOT = Path(__file__).resolve().parents[2]
SECOND = dataclasses.replace(ALONE, rank=1, size=4, local_rank=1, local_size=2, launcher="mpirun")


def of(rank: Rank, *settings: str, device: torch.device = CPU) -> Comm:
    """The backend that a rank gets by some settings."""
    return make_comm(
        read_settings(load_benchmark("space_group"), "stemdl_smoke", None, settings), rank, device, HERE, 60
    )


def test_one_rank_is_alone_and_changes_nothing():
    comm = of(ALONE)
    assert isinstance(comm, Solo) and (comm.name, comm.rank, comm.size) == ("solo", 0, 1)
    values, model = torch.tensor([1.5]), torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters())
    assert comm.sum(values) is values and comm.distribute(model, optimizer) == (model, optimizer)
    comm.barrier()
    comm.close()


def test_solo_with_other_ranks_is_refused():
    with pytest.raises(StemdlError, match="solo trains on one rank"):
        of(SECOND, "comm=solo")


@pytest.mark.parametrize(
    ("built", "launcher", "module"),
    [
        (True, "mpirun", "reference.comm_horovod"),
        (False, "mpirun", "reference.comm_torch"),
        (True, "torchrun", "reference.comm_torch"),  # which starts no MPI
    ],
)
def test_auto_takes_horovod_where_it_is_built(monkeypatch: pytest.MonkeyPatch, built: bool, launcher: str, module: str):
    import reference.comm_horovod
    import reference.comm_torch

    taken = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if built and name == "horovod" else None)
    for each in (reference.comm_horovod, reference.comm_torch):
        monkeypatch.setattr(each, "make", lambda *_, each=each: taken.append(each.__name__))
    of(dataclasses.replace(SECOND, launcher=launcher))
    assert taken == [module]


@pytest.mark.parametrize("for_gpus", [True, False])
def test_a_horovod_for_cpus_alone_is_kept_from_gpus(monkeypatch: pytest.MonkeyPatch, for_gpus: bool):
    import reference.comm_horovod as comm_horovod
    import reference.comm_torch as comm_torch

    built = SimpleNamespace(
        cuda_built=lambda: for_gpus,
        rocm_built=lambda: False,
        nccl_built=lambda: for_gpus,
        init=lambda: None,
        rank=lambda: 1,
        size=lambda: 4,
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(comm_horovod, "_horovod", lambda: built)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(comm_torch, "make", lambda *_: SimpleNamespace(name="torch"))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    gpu = torch.device("cuda", 0)
    assert of(SECOND, device=gpu).name == ("horovod" if for_gpus else "torch")
    if for_gpus:
        assert of(SECOND, "comm=horovod", device=gpu).name == "horovod"
    else:
        with pytest.raises(StemdlError, match="built for CPUs alone"):
            of(SECOND, "comm=horovod", device=gpu)


@pytest.mark.parametrize(("visible", "local_rank", "index"), [(1, 3, 0), (4, 3, 3), (2, 3, 1)])
def test_gpus_are_dealt_out_to_the_ranks_of_a_node(monkeypatch, visible: int, local_rank: int, index: int):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: visible)
    rank = dataclasses.replace(ALONE, rank=local_rank, size=4, local_rank=local_rank, local_size=4)
    assert pick_device("auto", rank) == pick_device("cuda", rank) == torch.device("cuda", index)
    assert pick_device("cpu", rank) == CPU


def test_without_a_gpu_auto_is_the_processor_and_cuda_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert pick_device("auto", SECOND) == CPU
    with pytest.raises(StemdlError, match="rank 1: this rank sees no GPU"):
        pick_device("cuda", SECOND)


FOREIGN = {"gradient_groups": "2", "cycle_ms": "1", "hierarchical": "true", "autotune": "true", "timeline": "true"}


@pytest.mark.parametrize("setting", FOREIGN)
def test_torch_refuses_what_only_horovod_can_do(setting: str):
    with pytest.raises(StemdlError, match=f"torch.distributed knows no {setting}"):
        of(SECOND, "comm=torch", f"{setting}={FOREIGN[setting]}")


def test_what_a_backend_cannot_do_is_refused(monkeypatch: pytest.MonkeyPatch):
    from torch import distributed

    with pytest.raises(StemdlError, match="Horovod knows no torch_backend"):
        of(SECOND, "comm=horovod", "torch_backend=gloo")
    monkeypatch.setattr(distributed, "is_mpi_available", lambda: False)
    with pytest.raises(StemdlError, match="built without mpi"):
        of(SECOND, "comm=torch", "torch_backend=mpi")
    monkeypatch.setattr(distributed, "is_nccl_available", lambda: True)
    with pytest.raises(StemdlError, match="NCCL joins GPUs alone"):
        of(SECOND, "comm=torch", "torch_backend=nccl")


def test_hierarchical_needs_horovod_with_nccl_and_gpus(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("horovod")
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with pytest.raises(StemdlError, match="only between GPUs, by NCCL"):
        of(SECOND, "comm=horovod", "hierarchical=true")


def test_an_environment_that_contradicts_the_settings_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "environ", os.environ | {"HOROVOD_FUSION_THRESHOLD": "1"})
    with pytest.raises(StemdlError, match="HOROVOD_FUSION_THRESHOLD is set to something else"):
        of(SECOND, "comm=horovod")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((), {"HOROVOD_FUSION_THRESHOLD": str(25 * 2**20), "HOROVOD_CYCLE_TIME": "5"}),
        (
            ("fusion_mib=0.5", "timeline=true"),
            {"HOROVOD_FUSION_THRESHOLD": str(2**19), "HOROVOD_CYCLE_TIME": "5", "HOROVOD_TIMELINE": "DYNAMIC"},
        ),
        (("autotune=true", "hierarchical=true"), {"HOROVOD_AUTOTUNE": "1", "HOROVOD_HIERARCHICAL_ALLREDUCE": "1"}),
    ],
)
def test_horovod_reads_the_settings_from_its_variables(settings: tuple[str, ...], expected: dict[str, str]):
    assert _variables(read_settings(load_benchmark("space_group"), "stemdl_smoke", None, settings), 5.0) == expected


def test_a_timeline_takes_the_place_of_no_other(tmp_path: Path):
    for name in ("timeline.json", "timeline_2.json", "timeline_3.json"):
        path = _unused(tmp_path / "run")
        assert path.name == name
        path.touch()


TOY = """
from reference.comm import Solo

TITLE = "a toy"


class Toy(Solo):
    name = "toy"

    def __init__(self, settings, rank, device, output, timeout_seconds):
        self.rank, self.size = rank.rank, rank.size


def require_built():
    pass


make = Toy
"""
ASKED = """
import dataclasses
from pathlib import Path
import torch
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import ALONE
from benchmark.validation.checks.values import RESOLVED
from reference.comm import make_comm

def of(*settings):
    settings = read_settings(load_benchmark("space_group"), "stemdl_smoke", None, ("comm=toy", *settings))
    return make_comm(settings, dataclasses.replace(ALONE, size=4), torch.device("cpu"), Path(), 60)

comm = of()
print(comm.name, comm.size, RESOLVED["comm"][0]("toy"))
try:
    of("autotune=true")
except StemdlError as error:
    print(error.what, error.remedy, sep="; ")
"""


def test_a_backend_is_one_file(tmp_path: Path):
    """What adds one: the settings take its name, the ranks are joined by it, and a log that names it is sound."""
    for package in ("benchmark", "reference"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.npz"))
    (tmp_path / "reference" / "comm_toy.py").write_text(TOY)
    done = subprocess.run(
        [sys.executable, "-c", ASKED], cwd=tmp_path, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert done.stdout.splitlines() == [
        "toy 4 True",
        "a toy knows no autotune; --set comm=horovod, or leave out autotune",
    ], done.stderr
