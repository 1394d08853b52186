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
Once = Callable[[str, Callable[[Path], None]], Path]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def wheel(once: Once) -> Path:
    """A folder of packages in which the toys are installed from their wheel."""

    def make(folder: Path) -> None:
        source = shutil.copytree(HERE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        for step in (
            ["wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, source],
            ["install", "--no-deps", "--no-index", "--find-links", folder, "--target", folder / "site", "stemdl-toys"],
        ):
            subprocess.run([*pip, *map(str, step)], check=True, timeout=HANG_SECONDS)

    return once("toys_wheel", make) / "site"


class Toy:
    """One toy, as `place` has it; what its commands have left lies in `folder`."""

    def __init__(self, name: str, place: str, folder: Path, environment: dict[str, str], once: Once) -> None:
        self.name, self.rung, self._folder, self._environment = name, f"{name}_60", folder, environment
        self._options = ["--tasks", TASKS] if place == "folder" else []
        self._once = lambda made, *argv: once(f"{name}_{place}_{made}", lambda folder: self.done(*argv, folder / made))

    def done(self, *arguments: object, code: int = 0) -> str:
        """What a command prints, which has to end with this code."""
        argv = [sys.executable, "-m", "benchmark", *map(str, (*self._options, *arguments))]
        done = subprocess.run(
            argv,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def said(self, *arguments: object, code: int = 0) -> Any:
        """What it answers in JSON."""
        return json.loads(self.done(*arguments, "--format", "json", code=code))

    @property
    def data(self) -> Path:
        return self._once("data", "data", "generate", self.rung, "-o") / "data"

    @property
    def runs(self) -> Path:
        """A closed run set of twice as many runs as a score needs, as reference points do."""
        said = ["run", "--rung", self.rung, "--data", self.data, "--runs", 2 * RUNS, "--ranks", 1]
        said += ["--set", "division=closed", "--set", "org=Somewhere"]
        return self._once("set", *said, "--output") / "set"

    @property
    def submission(self) -> Path:
        said = ["submit", self.runs, "--system", "a-machine"]
        unknown = ("cooling", "host_memory_configuration", "host_networking_topology")
        said += [word for field in unknown for word in ("--describe", f"{field}=N/A")]
        said += ["--describe", "system_type=on-premise"]
        return self._once("submission", *said, "-o") / "submission"


@pytest.fixture(scope="module", params=[("toy_line", "folder"), ("toy_fit", "folder"), ("toy_line", "wheel")])
def toy(request: pytest.FixtureRequest, environment: dict[str, str], once: Once, tmp_path_factory: Any) -> Toy:
    name, place = request.param
    if place == "wheel":
        installed = f"{environment['PYTHONPATH']}:{request.getfixturevalue('wheel')}"
        environment = environment | {"PYTHONPATH": installed}
    return Toy(name, place, tmp_path_factory.mktemp(name), environment, once)


def test_data_are_made_to_the_same_bytes_and_verified(toy: Toy, tmp_path: Path) -> None:
    counts = toy.said("data", "info", toy.data)["splits"]
    assert {split: each["samples"] for split, each in counts.items()} == {"train": 40, "dev": 10, "test": 10}
    toy.done("data", "verify", toy.data)
    toy.done("data", "generate", toy.rung, "-o", tmp_path / "again", "--ranks", 2, "--oversubscribe")
    again = toy.said("data", "info", tmp_path / "again")
    assert again["manifest_sha256"] == toy.said("data", "info", toy.data)["manifest_sha256"]
    toy.done("data", "generate", toy.rung, "--dry-run")
    shard = next((tmp_path / "again" / "test").glob("*.h5"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    toy.done("data", "verify", tmp_path / "again", code=1)


def test_its_rung_is_listed(toy: Toy) -> None:
    (rung,) = (each for each in toy.said("list", "--rungs") if each["rung"] == toy.rung)
    assert rung["samples"] == {"train": 40, "dev": 10, "test": 10}
    assert "stemdl_mini" in toy.done("list", "--rungs")


def test_runs_reach_a_goal_of_which_less_is_better(toy: Toy) -> None:
    records = toy.said("list", toy.runs)
    assert [each["status"] for each in records] == ["success"] * 2 * RUNS
    for record in records:
        *missed, reached = record["evaluations"].values()
        assert reached <= 0.1 and all(value > 0.1 for value in missed) and record["test"] <= 0.2
    assert "at most 0.1" in toy.done("show", toy.runs)


@pytest.mark.mpi
def test_two_ranks_measure_what_one_does(toy: Toy, tmp_path: Path) -> None:
    said = ["run", "--rung", toy.rung, "--data", toy.data, "--output", tmp_path / "two", "--ranks", 2]
    toy.done(*said, "--oversubscribe")
    (two,), one = toy.said("list", tmp_path / "two"), toy.said("list", toy.runs)[0]
    assert two["evaluations"] == pytest.approx(one["evaluations"], rel=1e-4)


def test_runs_are_valid(toy: Toy) -> None:
    """Whatever else the machine does meanwhile: findings about time are warnings."""
    report = toy.said("validate", toy.runs)
    assert report["verdict"] == "CLOSED"
    assert {each["rule"] for each in report["findings"] if each["severity"] != "note"} <= OF_TIME | {"R4.5"}


def test_reference_points_are_those_that_it_ships(toy: Toy, tmp_path: Path) -> None:
    toy.done("rcp", "record", toy.runs, "-o", tmp_path / "points.json")
    shipped = json.loads((TASKS / toy.name / "reference_points" / f"{toy.rung}.json").read_text(encoding="utf-8"))
    recorded = json.loads((tmp_path / "points.json").read_text(encoding="utf-8"))
    assert recorded.keys() == shipped.keys()
    for name, point in shipped.items():
        assert recorded[name]["Epochs to converge"] == point["Epochs to converge"]
    assert toy.said("rcp", "show", toy.rung)["runs"] == RUNS


def test_a_submission_is_made_reviewed_and_scored(toy: Toy, tmp_path: Path) -> None:
    assert toy.said("validate", toy.submission)["verdict"] == "CLOSED"
    toy.done("review", toy.submission, "-o", tmp_path / "review")
    assert toy.rung in (tmp_path / "review" / "index.html").read_text(encoding="utf-8")
    (row,) = toy.said("score", toy.submission)
    assert (row["benchmark"], row["runs"]) == (toy.rung, RUNS) and row["score_minutes"] == row["raw_minutes"] > 0
    packed = {path.parent.name for path in toy.submission.rglob("task.py")}
    assert toy.name in packed  # and its source is what the ledger says ran, or the submission were not valid


def test_the_ledger_names_its_source(toy: Toy) -> None:
    ledger = toy.said("ledger", toy.runs.parent / "ledger.jsonl")
    assert [each["rung"] for each in ledger["runs"]] == [toy.rung] * 2 * RUNS
    assert toy.name in ledger["runs"][0]["source"]


def test_a_model_of_ones_own_takes_the_place_of_its(toy: Toy, tmp_path: Path) -> None:
    own = shutil.copy(TASKS / toy.name / "task.py", tmp_path / "own.py")
    said = ["run", "--rung", toy.rung, "--data", toy.data, "--output", tmp_path / "own", "--ranks", 1]
    toy.done(*said, "--trainer", f"{own}:make_task")
    (record,) = toy.said("list", tmp_path / "own")
    assert (record["division"], record["status"]) == ("open", "success")
