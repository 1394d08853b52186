"""Which backend and which device a rank gets, and the errors where it cannot have them."""

from __future__ import annotations

import dataclasses
import importlib.util

import pytest
import torch

from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import ALONE
from reference.comm import Solo, make_comm, pick_device

CPU = torch.device("cpu")
SECOND = dataclasses.replace(ALONE, rank=1, size=4, local_rank=1, local_size=2, launcher="mpirun")


def test_one_rank_is_alone_and_changes_nothing():
    comm = make_comm("auto", ALONE, CPU, 60)
    assert isinstance(comm, Solo) and (comm.name, comm.rank, comm.size) == ("solo", 0, 1)
    values, model = torch.tensor([1.5]), torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters())
    assert comm.sum(values) is values and comm.distribute(model, optimizer) == (model, optimizer)
    comm.barrier()
    comm.close()


def test_solo_with_other_ranks_is_refused():
    with pytest.raises(StemdlError, match="solo trains on one rank"):
        make_comm("solo", SECOND, CPU, 60)


@pytest.mark.parametrize(("built", "launcher", "module"), [
    (True, "mpirun", "reference.comm_horovod"), (False, "mpirun", "reference.comm_torch"),
    (True, "torchrun", "reference.comm_torch"),  # which starts no MPI
])
def test_auto_takes_horovod_where_it_is_built(monkeypatch: pytest.MonkeyPatch, built: bool, launcher: str, module: str):
    import reference.comm_horovod
    import reference.comm_torch

    taken = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if built and name == "horovod" else None)
    for each, name in ((reference.comm_horovod, "HorovodComm"), (reference.comm_torch, "TorchComm")):
        monkeypatch.setattr(each, name, lambda *_, each=each: taken.append(each.__name__))
    make_comm("auto", dataclasses.replace(SECOND, launcher=launcher), CPU, 60)
    assert taken == [module]


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
