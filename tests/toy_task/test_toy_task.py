"""A third party's benchmarks, from their data to their ledger: in a folder that is named, and in an installed wheel.

`tasks/toy_line` learns by gradients, `tasks/toy_fit` does not. Neither has classes, pictures or a score where more is
better, and nothing outside their folders knows them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pytest
from patience import HANG_SECONDS

HERE = Path(__file__).parent
TASKS = HERE / "tasks"
RUNS = 3
"""That a score needs, by the toys' definitions."""
OF_TIME = {"R3.9", "R3.10", "R4.13"}
"""Rules that runs of a millisecond on a busy machine are warned by."""
OF_THE_CHECKOUT = {"R8.2"}
"""What runs of a checkout with changes are warned by."""
pytestmark = pytest.mark.slow


class Toy:
    """One toy: where its data, its runs and its submission lie, which are made when they are first asked for."""

    made = RUNS
    """Runs in the ledger next to `runs`."""

    def __init__(self, name: str, folder: Path, command: Callable[..., subprocess.CompletedProcess]) -> None:
        self.name, self.rung, self.folder, self._command = name, f"{name}_60", folder, command

    def done(self, *arguments: object, code: int = 0) -> str:
        """What a command prints, which has to end with this code."""
        done = self._command(*arguments, cwd=self.folder)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def said(self, *arguments: object, code: int = 0) -> Any:
        """What it answers in JSON."""
        return json.loads(self.done(*arguments, "--format", "json", code=code))

    @cached_property
    def data(self) -> Path:
        self.done("data", "generate", self.rung, "-o", self.folder / "data")
        return self.folder / "data"

    @cached_property
    def runs(self) -> Path:
        """A closed run set of as many runs as a score needs."""
        said = ["run", "--rung", self.rung, "--data", self.data, "--runs", RUNS, "--ranks", 1]
        said += ["--set", "division=closed", "--set", "org=Somewhere"]
        self.done(*said, "--output", self.folder / "runs" / "closed")
        return self.folder / "runs" / "closed"

    @cached_property
    def submission(self) -> Path:
        said = ["submit", self.runs, "--system", "a-machine"]
        unknown = ("cooling", "host_memory_configuration", "host_networking_topology")
        said += [word for field in unknown for word in ("--describe", f"{field}=N/A")]
        said += ["--describe", "system_type=on-premise"]
        self.done(*said, "-o", self.folder / "submission")
        return self.folder / "submission"


class Added(Toy):
    """The toy of docs/add_a_benchmark.md, whose commands have made all of it, and recorded reference points of their
    own."""

    made = 1 + 2 * RUNS + RUNS
    data = property(lambda self: self.folder / "data" / self.rung)
    runs = property(lambda self: self.folder / "runs" / "closed")
    submission = property(lambda self: self.folder / "submission")


@pytest.fixture(scope="module")
def line(added: Path, stemdl: Callable) -> Toy:
    return Added("toy_line", added, partial(stemdl, "--tasks", added / "tasks"))


@pytest.fixture(scope="module")
def fit(stemdl: Callable, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return Toy("toy_fit", tmp_path_factory.mktemp("toy_fit"), partial(stemdl, "--tasks", TASKS))


@pytest.fixture(scope="module")
def installed(python: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """One of a wheel, whose code is found by an entry point; what the code does is the same as in a folder."""
    folder = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(HERE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    for step in (
        ["wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, source],
        ["install", "--no-deps", "--no-index", "--find-links", folder, "--target", folder / "site", "stemdl-toys"],
    ):
        subprocess.run([*pip, *map(str, step)], check=True, timeout=HANG_SECONDS)

    def command(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
        return subprocess.run(
            [python, "-m", "benchmark", *map(str, arguments)],
            cwd=cwd,
            env=environment | {"PYTHONPATH": f"{environment['PYTHONPATH']}:{folder / 'site'}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
            check=False,
        )

    return Toy("toy_line", folder, command)


@pytest.fixture(scope="module", params=["line", "fit", "installed"])
def toy(request: pytest.FixtureRequest) -> Toy:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module", params=["line", "fit"])
def folder_toy(request: pytest.FixtureRequest) -> Toy:
    return request.getfixturevalue(request.param)


def test_data_are_made_to_the_same_bytes_and_verified(folder_toy: Toy, tmp_path: Path) -> None:
    counts = folder_toy.said("data", "info", folder_toy.data)["splits"]
    assert {split: each["samples"] for split, each in counts.items()} == {"train": 40, "dev": 10, "test": 10}
    folder_toy.done("data", "verify", folder_toy.data)
    folder_toy.done("data", "generate", folder_toy.rung, "-o", tmp_path / "again", "--ranks", 2, "--oversubscribe")
    again = folder_toy.said("data", "info", tmp_path / "again")
    assert again["manifest_sha256"] == folder_toy.said("data", "info", folder_toy.data)["manifest_sha256"]
    folder_toy.done("data", "generate", folder_toy.rung, "--dry-run")
    shard = next((tmp_path / "again" / "test").glob("*.h5"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    folder_toy.done("data", "verify", tmp_path / "again", code=1)


def test_its_rung_is_listed(toy: Toy) -> None:
    samples = {each["rung"]: each["samples"] for each in toy.said("list", "--rungs")}
    assert samples[toy.rung] == {"train": 40, "dev": 10, "test": 10} and "stemdl_mini" in samples


def test_runs_reach_a_goal_of_which_less_is_better(toy: Toy) -> None:
    records = toy.said("list", toy.runs)
    assert [each["status"] for each in records] == ["success"] * RUNS
    for record in records:
        *missed, reached = record["evaluations"].values()
        assert reached <= 0.1 and all(value > 0.1 for value in missed) and record["test"] <= 0.2
    assert "at most 0.1" in toy.done("show", toy.runs)


@pytest.mark.mpi
def test_two_ranks_measure_what_one_does(folder_toy: Toy, tmp_path: Path) -> None:
    said = ["run", "--rung", folder_toy.rung, "--data", folder_toy.data, "--output", tmp_path / "two", "--ranks", 2]
    folder_toy.done(*said, "--oversubscribe")
    (two,), one = folder_toy.said("list", tmp_path / "two"), folder_toy.said("list", folder_toy.runs)[0]
    assert two["evaluations"] == pytest.approx(one["evaluations"], rel=1e-4)


def test_runs_are_valid(toy: Toy) -> None:
    """Findings about time are warnings, whatever the machine does meanwhile; runs in no submission have no division."""
    report = toy.said("validate", toy.runs)
    assert report["verdict"] == "VALID"
    assert {each["rule"] for each in report["findings"] if each["severity"] != "note"} <= OF_TIME | OF_THE_CHECKOUT


def test_reference_points_are_those_that_it_ships(line: Toy) -> None:
    """Recorded from twice as many runs as a score needs, as the walk says."""
    shipped, recorded = (
        json.loads((tasks / "toy_line" / "reference_points" / "toy_line_60.json").read_text(encoding="utf-8"))
        for tasks in (TASKS, line.folder / "tasks")
    )
    assert recorded.keys() == shipped.keys()
    for name, point in shipped.items():
        assert recorded[name]["Epochs to converge"] == point["Epochs to converge"]
        assert len(point["Epochs to converge"]) == 2 * RUNS


def test_runs_converge_like_the_reference_points(toy: Toy) -> None:
    assert toy.said("rcp", "show", toy.rung)["runs"] == RUNS
    (points,) = json.loads((TASKS / toy.name / "reference_points" / f"{toy.rung}.json").read_text("utf-8")).values()
    assert {each["epochs"] for each in toy.said("list", toy.runs)} == set(points["Epochs to converge"])


def test_a_submission_is_made_reviewed_and_scored(toy: Toy, tmp_path: Path) -> None:
    assert toy.said("validate", toy.submission)["verdict"] == "CLOSED"
    toy.done("review", toy.submission, "-o", tmp_path / "review")
    assert toy.rung in (tmp_path / "review" / "index.html").read_text(encoding="utf-8")
    (row,) = toy.said("score", toy.submission)
    assert (row["benchmark"], row["runs"]) == (toy.rung, RUNS) and row["score_minutes"] == row["raw_minutes"] > 0
    assert len(list(toy.submission.rglob("tallies/result_*.json"))) == RUNS
    packed = {path.parent.name for path in toy.submission.rglob("task.py")}
    assert toy.name in packed  # and its source is what the ledger says ran, or the submission were not valid


def test_the_ledger_names_its_source(toy: Toy) -> None:
    ledger = toy.said("ledger", toy.runs.parent / "ledger.jsonl")
    assert [each["rung"] for each in ledger["runs"]] == [toy.rung] * toy.made
    assert toy.name in ledger["runs"][0]["source"]


def test_a_model_of_ones_own_takes_the_place_of_its(fit: Toy, tmp_path: Path) -> None:
    """Of one that is not trained by gradients; docs/bring_your_model.md has one that is."""
    own = shutil.copy(TASKS / fit.name / "task.py", tmp_path / "own.py")
    said = ["run", "--rung", fit.rung, "--data", fit.data, "--output", tmp_path / "own", "--ranks", 1]
    fit.done(*said, "--trainer", f"{own}:make_task")
    (record,) = fit.said("list", tmp_path / "own")
    assert (record["division"], record["status"]) == ("open", "success")
