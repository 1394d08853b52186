"""Nine real ranks sharing the cores that are here, with uneven parts of everything: one metric, and a valid log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from space_groups import counts_of

from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.metrics.confusion import Confusion
from benchmark.validation.finding import Severity
from benchmark.validation.official import check_log
from benchmark.validation.validate import validate
from reference.samples import SamplesInMemory
from reference.tasks.space_group.model import SymmetryNet

pytestmark = [pytest.mark.mpi, pytest.mark.slow]
SCRIPT, RANKS, CPU = Path(__file__).with_name("many_ranks_script.py"), 9, torch.device("cpu")


@pytest.fixture(scope="module")
def run(mpirun: Callable, python: Path, smoke_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on nine ranks."""
    pytest.importorskip("horovod")
    folder = tmp_path_factory.mktemp("many") / "run"
    done = mpirun(
        RANKS,
        python,
        SCRIPT,
        smoke_data,
        folder,
        "global_batch_size=48",
        "learning_rate=0.004",
        "timeline=true",
        "gradient_groups=2",
        "threads_per_rank=1",
        "collective_timeout_seconds=600",
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def counts(run: Path) -> dict[str, np.ndarray]:
    """What the ranks counted with the weights that the run left."""
    with np.load(run / "counts.npz") as found:
        assert found["ranks"] == RANKS
        return dict(found)


@pytest.fixture(scope="module")
def logged(run: Path) -> dict[str, object]:
    """The last value of each key of the log."""
    return {event.key: event.value for event in read_events(run / "result_0.txt")}


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_the_same_weights_give_the_same_counts_as_on_one_rank(run: Path, counts: dict, smoke_data: Path, split: str):
    manifest = read_manifest(smoke_data)
    model = SymmetryNet(5)
    state = torch.load(run / "checkpoint.pt", weights_only=True)["averaged"]
    model.load_state_dict({name.removeprefix("module."): each for name, each in state.items() if "module." in name})
    assert np.array_equal(counts[split], counts_of(model, SamplesInMemory(Part(manifest, split), CPU)))


def test_the_log_says_what_the_ranks_counted(counts: dict, logged: dict):
    assert logged[keys.EVAL_ACCURACY] == Confusion(counts["dev"]).macro_f1() > 0.5
    assert logged[keys.TEST_F1_MACRO] == Confusion(counts["test"]).macro_f1()


def test_the_log_is_valid(run: Path, logged: dict):
    assert check_log(run / "result_0.txt").passed
    report = validate([run], official=False)
    assert not [finding for finding in report.findings if finding.severity is Severity.ERROR], report.findings
    settings = logged[keys.CONFIG]
    assert (settings["ranks"], settings["comm"], settings["gradient_groups"]) == (RANKS, "horovod", 2)
    assert logged[keys.GLOBAL_BATCH_SIZE] == 48


def test_the_timeline_shows_the_exchange_of_each_gradient(run: Path):
    events = json.loads((run / "timeline.json").read_text())
    exchanged = {event["args"].get("name", "") for event in events if event.get("name") == "process_name"}
    for name, _ in SymmetryNet(5).named_parameters():
        assert any(name in each for each in exchanged), name
