"""How the reference learns the smoke rung with seed 7, on one rank and on two, however the loop is arranged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from processor import kind_of_processor

from benchmark.events.reader import read_events

RECORDED_ON = "AMD EPYC cc6175ad1873c94d"
LOSSES = {
    1: (1.5917449235916137, 1.197419104576111, 0.6552986967563629, 0.45853522181510925),
    2: (1.5955919051170349, 1.2514025509357452, 0.7228886330127716, 0.439693717956543),
}
SCORES = {
    1: (0.2344044215742329, 0.5705714285714285, 0.8178347016967706, 0.9327184892402285),
    2: (0.27542521994134894, 0.5075757575757576, 0.8039208352812841, 0.9492063492063492),
}
"""By the number of ranks, after each epoch: the mean loss, and the dev split's macro-F1."""
LOSS, SCORE = (1e-3, 1e-2, 0.05, 0.05), 0.06
"""How far another kind of machine may be from them, as last bits grow: with four sets of kernels, to those of SSE 4.1,
losses were by 6e-5, 0.0014, 0.014 and 0.013 of themselves, and scores by up to two of the dev split's 60 samples."""


def curve(folder: Path) -> tuple[list[float], list[float]]:
    """Losses and scores of the run in a folder, from its log."""
    events = read_events(folder / "result_0.txt")
    losses = [event.value["loss"] for event in events if event.key == "tracked_stats"]
    return losses, [event.value for event in events if event.key == "eval_accuracy"]


@pytest.fixture(scope="module")
def on_ranks(smoke_data: Path, smoke_run: Path, stemdl: Callable, tmp_path_factory: pytest.TempPathFactory) -> Callable:
    """`on_ranks(number)`: the folder of a run on so many."""

    def run(ranks: int) -> Path:
        if ranks == 1:
            return smoke_run
        folder = tmp_path_factory.mktemp("run") / f"on_{ranks}"
        said = ["run", "--rung", "stemdl_smoke", "--data", smoke_data, "--output", folder]
        said += ["--ranks", ranks, "--oversubscribe", "--seed", 7, "--set", "threads_per_rank=1"]
        done = stemdl(*said)
        assert done.returncode == 0, done.stderr
        return folder

    return run


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.mpi)])
def test_the_curve_is_that_of_before(on_ranks: Callable[[int], Path], ranks: int) -> None:
    """To the last bit on the kind of machine that it was recorded on, and close to it on any other."""
    losses, scores = curve(on_ranks(ranks))
    same = kind_of_processor() == RECORDED_ON
    expected = (
        LOSSES[ranks] if same else [pytest.approx(x, rel=rel) for x, rel in zip(LOSSES[ranks], LOSS, strict=True)]
    )
    assert losses == list(expected)
    assert scores == (list(SCORES[ranks]) if same else pytest.approx(SCORES[ranks], abs=SCORE))
