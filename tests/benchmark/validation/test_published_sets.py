"""The sets of the reference's results: what one of them alone can be spoiled by, and what relates the two."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from corpus import REFERENCE

from benchmark.events import keys
from benchmark.validation.validate import validate

DENSITY, GROUPS = "results/1-core-x86-horovod/strong/density_mini", "results/2-cores-x86-horovod/strong/stemdl_mini"
Event = dict[str, Any]


def changed(path: Path, change: Callable[[Event], Any]) -> None:
    """Each event of a log changed; nothing that follows from the log is."""
    events = [json.loads(line.removeprefix(":::MLLOG ")) for line in path.read_text().splitlines()]
    for event in events:
        change(event)
    path.write_text("".join(f":::MLLOG {json.dumps(event)}\n" for event in events))


def losses_by(share: float) -> Callable[[Event], Any]:
    return lambda event: (
        event["value"].update(loss=event["value"]["loss"] * share) if event["key"] == keys.TRACKED_STATS else None
    )


def value_by(key: str, share: float) -> Callable[[Event], Any]:
    return lambda event: event.update(value=event["value"] * share) if event["key"] == key else None


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REFERENCE, tmp_path / "reference"))


def found(results: Path, of: str = "") -> set[tuple[str, str]]:
    report = validate([results], official=False)
    return {(each.rule, each.message) for each in report.findings if of in each.file and each.severity.name != "NOTE"}


def test_they_are_closed_without_a_finding(results: Path) -> None:
    assert found(results) == set()


@pytest.mark.parametrize(
    ("change", "rule", "message"),
    [
        (losses_by(1 / 3), "R3.11", "the loss of epoch 8 is far below that of the reference"),
        (losses_by(-1), "R3.11", "the loss is below the least that there is"),
        (losses_by(1.6), "R3.11", "the loss is far above that of the reference at the target"),
        (value_by("test_error", 0.7), "R3.11", "the test score is far below that of the dev split"),
        (value_by("eval_error", 0.4), "R3.11", "the score after epoch 1 is far below that of the reference"),
        (value_by("eval_error", 1 + 1e-10), "R1.2", "no counts of the samples come to this score"),
    ],
)
def test_errors_are_held_to_recorded_runs_and_to_their_counts(
    results: Path, change: Callable[[Event], Any], rule: str, message: str
) -> None:
    changed(results / DENSITY / "result_1.txt", change)
    assert (rule, message) in found(results, "result_1.txt")


def test_epochs_are_not_quick_in_turn(results: Path) -> None:
    for path in sorted((results / DENSITY).glob("result_*.txt")):
        events = [json.loads(line.removeprefix(":::MLLOG ")) for line in path.read_text().splitlines()]
        began, earlier = 0, 0
        for event in events:
            quick = event["metadata"].get("epoch_num", 1) % 2 == 0
            if event["key"] == keys.EPOCH_START:
                began = event["time_ms"]
            elif event["key"] == keys.EPOCH_STOP and quick:
                earlier += (event["time_ms"] - began) // 4
            event["time_ms"] -= earlier
        path.write_text("".join(f":::MLLOG {json.dumps(event)}\n" for event in events))
    assert ("R3.9", "epoch 2 is quicker than the others in most runs") in found(results)


def test_counts_are_of_the_rungs_samples_and_are_not_left_out(results: Path) -> None:
    for path in sorted((results / DENSITY / "tallies").iterdir()):
        path.write_text(path.read_text().replace("electrons/Angstrom^3", "electrons"))
    assert ("R4.16", "what was counted is of samples that are not the rung's") in found(results)
    shutil.rmtree(results / DENSITY / "tallies")
    assert found(results) == {("R4.16", "what the runs counted is left out, and the trainer that is packed keeps it")}


def test_runs_of_two_rungs_are_not_made_on_the_same_cores_at_one_time(results: Path) -> None:
    def began(path: Path) -> int:
        return json.loads(path.read_text().splitlines()[0].removeprefix(":::MLLOG "))["time_ms"]

    both = [results / folder / "result_0.txt" for folder in (GROUPS, DENSITY)]
    apart = began(both[1]) - began(both[0]) + 20_000
    changed(both[0], lambda event: event.update(time_ms=event["time_ms"] + apart))
    told = ("R5.4", "two runs of strong scaling were made at one time, on the same cores")
    assert told in found(results)
    changed(both[0], lambda event: event.update(time_ms=event["time_ms"] + 3_600_000))
    assert told not in found(results)


def retimed(results: Path, wanted: Callable[[int, int, int], int], first: str, last: tuple[str, ...]) -> None:
    """All intervals from one event to the next of others of other lengths, by run, place and milliseconds."""
    for run, path in enumerate(sorted((results / DENSITY).glob("result_*.txt"))):
        events = [json.loads(line.removeprefix(":::MLLOG ")) for line in path.read_text().splitlines()]
        began, place, moved = None, 0, 0
        for event in events:
            if began is not None and event["key"] in last:
                moved += wanted(run, place, event["time_ms"] - began) - (event["time_ms"] - began)
                began, place = None, place + 1
            if event["key"] == first:
                began = event["time_ms"]
            event["time_ms"] += moved
        path.write_text("".join(f":::MLLOG {json.dumps(event)}\n" for event in events))


def test_no_run_has_the_rhythm_of_another(results: Path) -> None:
    def rhythm(run: int, place: int, ms: int) -> int:
        return round((16000 + 317 * (place * 5 % 7)) * (1 + 0.013 * run))

    retimed(results, rhythm, keys.EPOCH_START, (keys.EPOCH_STOP,))
    told = ("R3.9", "the epochs take as long as those of other runs, one after another")
    assert told in found(results)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (lambda run, place, ms: 100, "all checkpoints took one time, to the millisecond"),
        (lambda run, place, ms: ms if place < (8 if run == 0 else 7) else 0, "checkpoints were written in no time"),
    ],
)
def test_every_checkpoint_takes_its_own_time(
    results: Path, wanted: Callable[[int, int, int], int], message: str
) -> None:
    retimed(results, wanted, "eval_error", (keys.EPOCH_START, keys.RUN_STOP))
    assert ("R3.9", message) in found(results)


def test_what_was_counted_is_not_rounded(results: Path) -> None:
    for path in sorted((results / DENSITY / "tallies").iterdir()):
        counted = json.loads(path.read_text())
        counted["splits"]["dev"][0] &= ~0xFFFF
        path.write_text(json.dumps(counted))
    assert ("R4.16", "what the runs counted of dev was rounded") in found(results)


def test_rates_have_the_bits_of_seconds(results: Path) -> None:
    def single(event: Event) -> None:
        if event["key"] == keys.TRACKED_STATS:
            told = event["value"]
            told["throughput"] = struct.unpack("f", struct.pack("f", told["throughput"]))[0]

    changed(results / DENSITY / "result_1.txt", single)
    assert ("R4.6", "samples/s were rounded, and the trainer rounds none") in found(results, "result_1.txt")
