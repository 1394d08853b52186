"""The files of examples/ do what docs/your_own.md says of them, from any folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.definition.own_rung import find_rung
from benchmark.foundation.source import source_sha256
from benchmark.launch.machine import load_machine
from benchmark.simulation.cbed import CbedRung
from benchmark.submission.ledger import LEDGER, read_ledger

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_model_is_short():
    assert len((EXAMPLES / "my_model.py").read_text().splitlines()) <= 50


@pytest.mark.slow
@pytest.mark.mpi
def test_a_model_of_one_s_own_trains_on_two_ranks_and_is_told_everywhere(
    stemdl: Callable, smoke_data: Path, tmp_path: Path
):
    model = shutil.copy(EXAMPLES / "my_model.py", tmp_path / "a_model.py")
    done = stemdl(
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        smoke_data,
        "--output",
        tmp_path / "runs" / "one",
        "--ranks",
        2,
        "--oversubscribe",
        "--set",
        "max_epochs=1",
        "--trainer",
        f"{model}:make_task",
        "--format",
        "json",
    )
    assert done.returncode in (0, 1), done.stderr
    record = json.loads((tmp_path / "runs" / "one" / "run.json").read_text())
    assert record["status"] in ("success", "aborted") and record["epochs"] == 1 and record["division"] == "open"
    log = (tmp_path / "runs" / "one" / "result_0.txt").read_text()
    assert f'"trainer": "{model}:make_task"' in log
    (told,) = read_ledger(tmp_path / "runs" / LEDGER).runs
    assert told.trainer == f"{model}:make_task"
    assert told.source["a_model"] == source_sha256(Path(model)) and set(told.source) == {
        "a_model",
        "benchmark",
        "reference",
    }


@pytest.mark.slow
def test_a_rung_of_one_s_own_is_made_trained_on_and_never_scored(stemdl: Callable, tmp_path: Path):
    data, rung = tmp_path / "data", EXAMPLES / "my_rung.yaml"
    made = stemdl("data", "generate", rung, "-o", data)
    assert made.returncode == 0 and f"stemdl run --rung {rung} --data {data}" in made.stderr, made.stderr
    verified = stemdl("data", "verify", data)
    assert verified.returncode == 0, verified.stdout
    ran = stemdl(
        "run",
        "--rung",
        rung,
        "--data",
        data,
        "--output",
        tmp_path / "run",
        "--ranks",
        1,
        "--set",
        "max_epochs=1",
        "--set",
        "global_batch_size=8",
    )
    assert "my_rung: " in ran.stdout, ran.stderr
    assert "our own rules: runs of a rung of one's own are not scored (R1.5)" in ran.stdout
    assert json.loads((tmp_path / "run" / "run.json").read_text())["scorable"] is False


def test_the_rung_is_like_the_shipped_one_but_for_what_it_says():
    benchmark, rung, path = find_rung(str(EXAMPLES / "my_rung.yaml"))
    smoke, understood = CbedRung.of(benchmark.rung("stemdl_smoke")), CbedRung.of(rung)
    assert path is not None and benchmark.rung("my_rung") is rung
    assert (understood.space_groups, rung.seed, understood.optics.energy_kev) == ((62, 225), 7, 200.0)
    assert (understood.crystals, understood.limits) == (smoke.crystals, smoke.limits)
    assert understood.optics.accuracy == smoke.optics.accuracy


def test_the_machine_is_laid_out_on(stemdl: Callable):
    machine = load_machine(str(EXAMPLES / "my_machine.yaml"))
    assert (machine.name, machine.nodes, machine.cores) == ("my_machine", 8, 30)
    done = stemdl(
        "launch", "--profile", EXAMPLES / "my_machine.yaml", "--nodes", 2, "--dry-run", "--", "--rung", "stemdl_mini"
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert words[0] == "srun" and "--cpu-bind=cores" in words and "--ntasks-per-node=4" in done.stdout
