"""What helps a network to find extinction groups: experiments of the work that the benchmark follows, one command each.

    .venv/bin/python performance/powder_experiments.py measured --structures crystals.npz --measured rruff.npz
    .venv/bin/python performance/powder_experiments.py network

Trains the reference's networks outside the benchmark's clock, for so many steps and under each of so many seeds, on
patterns that are varied as measurements vary them, and prints what each way of training gives on each test set, in
percent: mean and standard deviation over the seeds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from benchmark.cli.output import print_table
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from benchmark.foundation.files import write_json
from benchmark.tasks.powder.extinction import extinction_groups, family
from performance.powder_sets import LABELS, Patterns, by_reflections, of_measured, of_structures, to_groups
from reference.average import average_of
from reference.optimizer import learning_rate_at, make_optimizer, set_learning_rate
from reference.tasks.powder.task import RANGE_DEGREES, WAVELENGTH_ANGSTROM, network_of
from reference.tasks.powder.vary import Variation

GROUPS = extinction_groups()
FAMILY = np.array([family(members[0]) for members in GROUPS])
RESAMPLED = 2000


@dataclass(frozen=True)
class Way:
    """A way to train: on which patterns, by which settings. `labels` are the classes that it learns: `groups`, or the
    230 space groups, whose probabilities are added up."""

    name: str
    train: Patterns
    settings: tuple[str, ...] = ()
    labels: str = "groups"
    balanced: float = 0.0


def trained(way: Way, steps: int, seed: int) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """Train a network; a function of profiles (n, points) that gives the probabilities of the 99 groups."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    settings = read_settings(load_benchmark("powder"), "", None, ("weight_averaging=0.995", *way.settings))
    points = way.train.profiles.shape[1]
    classes = LABELS[way.labels](way.train.space_groups)
    model = network_of(settings.to_dict(), len(GROUPS) if way.labels == "groups" else 230, points)
    measure = Variation(points, RANGE_DEGREES, WAVELENGTH_ANGSTROM, settings.task["augmentation"])
    averaged, optimizer = average_of(model, settings.weight_averaging), make_optimizer(model, settings)
    weight = np.bincount(classes)[classes] ** -way.balanced
    weight /= weight.sum()
    model.train()
    for step in range(steps):
        chosen = generator.choice(len(classes), settings.global_batch_size, p=weight)
        profiles = measure(torch.from_numpy(way.train.profiles[chosen]), generator)
        loss = F.cross_entropy(model(profiles[:, None]), torch.from_numpy(classes[chosen]), label_smoothing=0.05)
        set_learning_rate(optimizer, learning_rate_at(step, steps, settings.learning_rate, settings.warmup_fraction))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        averaged.update_parameters(model)

    def answer(profiles: NDArray[np.float32]) -> NDArray[np.float64]:
        with torch.inference_mode():
            pieces = [averaged(each[:, None]).softmax(dim=1) for each in torch.from_numpy(profiles).split(100)]
        found = torch.cat(pieces).double().numpy()
        return found if way.labels == "groups" else to_groups(found)

    return answer


def marks(probabilities: NDArray[np.float64], test: Patterns) -> dict[str, NDArray[np.bool_]]:
    """Of each pattern, whether its group is among the likeliest 1, 3 and 5, and whether the likeliest crystal family is
    its own."""
    right = LABELS["groups"](test.space_groups)
    hits = np.argsort(-probabilities, axis=1) == right[:, None]
    names = np.unique(FAMILY)
    families = np.stack([probabilities[:, name == FAMILY].sum(axis=1) for name in names], axis=1)
    return {
        **{f"top-{depth}": hits[:, :depth].any(axis=1) for depth in (1, 3, 5)},
        "family": names[families.argmax(axis=1)] == FAMILY[right],
    }


def figures(probabilities: NDArray[np.float64], test: Patterns) -> dict[str, float]:
    """The shares of what is right, and that of the groups of the half that is answered most surely."""
    marked = marks(probabilities, test)
    surest = np.argsort(-probabilities.max(axis=1))[: max(1, len(probabilities) // 2)]
    return {name: float(each.mean()) for name, each in marked.items()} | {
        "half refused": float(marked["top-1"][surest].mean())
    }


def intervals(probabilities: NDArray[np.float64], test: Patterns) -> dict[str, tuple[float, float]]:
    """Between which 95 of 100 test sets, resampled from this one, have each share."""
    generator = np.random.default_rng(0)
    some = generator.integers(len(probabilities), size=(RESAMPLED, len(probabilities)))
    bounds = {
        name: np.quantile(each[some].mean(axis=1), (0.025, 0.975)) for name, each in marks(probabilities, test).items()
    }
    return {name: (float(low), float(high)) for name, (low, high) in bounds.items()}


def compare(ways: Sequence[Way], tests: Mapping[str, Patterns], given: argparse.Namespace) -> list[dict[str, Any]]:
    """Every way under every seed on every test set, printed and kept."""
    rows = []
    for way in ways:
        values: dict[str, list[dict[str, float]]] = {name: [] for name in tests}
        last: dict[str, NDArray[np.float64]] = {}
        for seed in range(given.seeds):
            started = time.process_time()
            answer = trained(way, given.steps, seed)
            for name, test in tests.items():
                last[name] = answer(test.profiles)
                values[name].append(figures(last[name], test))
            print(f"{way.name}, seed {seed}: {time.process_time() - started:.0f} s of processor time", file=sys.stderr)
        for name, found in values.items():
            mean = {key: float(np.mean([each[key] for each in found])) for key in found[0]}
            spread = {key: float(np.std([each[key] for each in found])) for key in found[0]}
            row = {
                "way": way.name,
                "test": name,
                "trained on": len(way.train.space_groups),
                "mean": mean,
                "std": spread,
            }
            row["confusions"] = confusions(last[name], tests[name])
            row["intervals"] = intervals(last[name], tests[name])
            rows.append(row)
    shown = [
        [row["way"], row["test"], *(f"{100 * row['mean'][key]:.1f}±{100 * row['std'][key]:.1f}" for key in row["mean"])]
        for row in rows
    ]
    print_table(["trained", "tested on", *rows[0]["mean"]], shown)
    write_json(given.output / f"{given.experiment}.json", {"steps": given.steps, "seeds": given.seeds, "rows": rows})
    return rows


def confusions(probabilities: NDArray[np.float64], test: Patterns) -> dict[str, float]:
    """Of wrong answers, the shares of another family, of one where the lines of one group are among those of the other
    (so that no line speaks against it), and of others."""
    right, found = LABELS["groups"](test.space_groups), probabilities.argmax(axis=1)
    wrong = np.flatnonzero(right != found)
    kinds = [_kind(int(right[each]), int(found[each])) for each in wrong]
    return {kind: kinds.count(kind) / max(1, len(kinds)) for kind in ("other family", "lines of the other", "other")}


def _kind(right: int, found: int) -> str:
    from benchmark.tasks.powder.extinction import absent

    if FAMILY[right] != FAMILY[found]:
        return "other family"
    grid = np.array(np.meshgrid(range(7), range(-6, 7), range(13))).reshape(3, -1).T[1:]
    one, other = (absent(GROUPS[each][0], grid) for each in (right, found))
    return "lines of the other" if not (one & ~other).any() or not (other & ~one).any() else "other"


def labels(given: argparse.Namespace) -> list[dict[str, Any]]:
    train, test = (by_reflections(given.patterns, given.points, seed) for seed in (1, 2))
    ways = [Way("extinction groups", train), Way("space groups", train, labels="space groups")]
    return compare(ways, {"balanced": test.first(2000)}, given)


def bias(given: argparse.Namespace) -> list[dict[str, Any]]:
    frequent = of_structures(given.structures, given.points, given.crystals).space_groups
    train, test = (by_reflections(given.patterns, given.points, seed) for seed in (1, 2))
    ways = [Way("balanced", train), Way("biased", train.as_frequent_as(frequent, 1))]
    return compare(ways, {"balanced": test.first(2000), "biased": test.as_frequent_as(frequent, 2).first(2000)}, given)


def duplicates(given: argparse.Namespace) -> list[dict[str, Any]]:
    every = of_structures(given.structures, given.points, given.crystals)
    once = every.once_each()
    ways, tests = [], {}
    for name, patterns in (("duplicates in", every), ("duplicates out", once)):
        train, test = patterns.split_at_random(0)
        ways.append(Way(name, train))
        tests[name] = test.first(2000)
    return compare(ways, tests, given)


def amount(given: argparse.Namespace) -> list[dict[str, Any]]:
    """With the fit of error = floor + scale n^-power over the numbers of patterns."""
    from scipy.optimize import curve_fit

    train, test = (by_reflections(given.patterns, given.points, seed) for seed in (1, 2))
    counts = [len(train.space_groups) // 2**halved for halved in range(4, -1, -1)]
    rows = compare([Way(f"{n} patterns", train.first(n)) for n in counts], {"balanced": test.first(2000)}, given)
    errors = [1.0 - row["mean"]["top-1"] for row in rows]
    bounds = ([0.0, 0.0, 0.0], [1.0, np.inf, 2.0])
    (floor, scale, power), _ = curve_fit(
        lambda n, a, b, c: a + b * n**-c, counts, errors, p0=(0.1, 1.0, 0.2), bounds=bounds, maxfev=10000
    )
    print(f"error = {floor:.3f} + {scale:.3g} n^-{power:.3f}")
    return rows


def resolution(given: argparse.Namespace) -> list[dict[str, Any]]:
    rows = []
    for points in (851, 1701, 3401, 8501):
        train, test = (by_reflections(given.patterns, points, seed) for seed in (1, 2))
        rows += compare([Way(f"{points} points", train)], {"balanced": test.first(2000)}, given)
    return rows


def network(given: argparse.Namespace) -> list[dict[str, Any]]:
    train, test = (by_reflections(given.patterns, given.points, seed) for seed in (1, 2))
    kinds = {"lines": (), "lines without positions": ("positions=false",), "resnet": ("network=resnet",)}
    return compare([Way(name, train, each) for name, each in kinds.items()], {"balanced": test.first(2000)}, given)


def measured(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Structures of one in ten formulas are held out."""
    train, held = of_structures(given.structures, given.points, given.crystals).split_by_formula(0)
    tests = {"unseen formulas": held.first(1500), "measured": of_measured(given.measured, given.points)}
    ways = [
        Way(f"varied {strength}", train, (f"augmentation={strength}",), balanced=0.5) for strength in given.strengths
    ]
    rows = compare(ways, tests, given)
    for row in rows:
        low, high = row["intervals"]["top-1"]
        print(f"{row['way']}, {row['test']}: top-1 from {100 * low:.1f} to {100 * high:.1f} in 95 of 100 resamplings")
    return rows


EXPERIMENTS = {each.__name__: each for each in (labels, bias, duplicates, amount, resolution, network, measured)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("--patterns", type=int, default=100, help="of each extinction group, to train on")
    parser.add_argument("--steps", type=int, default=2000, help="of 64 patterns")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--points", type=int, default=1701)
    parser.add_argument("--strengths", type=float, nargs="+", default=[1.0], help="of variation, of `measured`")
    parser.add_argument("--structures", type=Path, help="a table (.npz) of crystals: ids, cells, ns, Z, X, sg01")
    parser.add_argument("--crystals", type=int, default=100_000, help="of the table, at most, spread evenly over it")
    parser.add_argument("--measured", type=Path, help="measured patterns (.npz): intensity, space_group")
    parser.add_argument("-o", "--output", type=Path, default=Path("powder_experiments"))
    given = parser.parse_args()
    if given.structures is None and given.experiment in ("bias", "duplicates", "measured"):
        parser.error(f"{given.experiment} needs --structures")
    if given.measured is None and given.experiment == "measured":
        parser.error("measured needs --measured")
    given.output.mkdir(parents=True, exist_ok=True)
    EXPERIMENTS[given.experiment](given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
