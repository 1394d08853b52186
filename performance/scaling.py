"""What a step of training is made of on 1, 2, 4, ... ranks here, and what that makes of many ranks elsewhere.

    python performance/scaling.py --data data/stemdl_smoke [--ranks 1 2 4] [--set comm=torch ...]
    python performance/scaling.py --predict --compute-ms 120 --gradient-mb 400 --network summit
    python performance/scaling.py --data data/stemdl_smoke --tuning

Measured on each number of ranks, with one thread and the same batch each: a step without exchange (computing), how much
longer it is with exchange, an all-reduce of as many bytes alone, and the wait for a batch streamed from the shards.
All-reduces of several sizes give latency, bandwidth and the library's fixed cost; then the step's efficiency on many
ranks is predicted for a network that is named or given. --predict skips the measurement, --tuning compares what the
settings of the exchange do instead, as ratios of times taken in turns.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scaling_measure import Measurement, measure, print_measurements, print_tuning
from step_time import Link, ModelCluster, Step, overlap_of, predict

from benchmark.launch.cores import usable_cores

MANY_RANKS = (24, 384, 27_600)
LATENCY_US = 2.0
"""Assumed of every network that is named: one message between two processes, software included."""


@dataclass(frozen=True)
class Network:
    """GB/s each way of a node's links to others and of a rank's to its neighbours, and where that is said."""

    between_gb_s: float
    within_gb_s: float
    ranks_per_node: int
    source: str


NETWORKS = {
    "summit": Network(
        25.0,
        50.0,
        6,
        "dual-rail EDR, 200 Gbit/s per node; NVLink 2, two bricks of 25 GB/s between "
        "neighbours (OLCF, Summit user guide)",
    ),
    "frontier": Network(
        100.0,
        50.0,
        8,
        "four Slingshot NICs of 25 GB/s per node; Infinity Fabric, 50 GB/s at least "
        "between two GCDs (OLCF, Frontier user guide)",
    ),
}


def print_prediction(step: Step, cluster: ModelCluster, about: str) -> None:
    """The assumptions, and a line for each number of ranks: of the network alone, and with the step's fixed cost."""
    print(f"\nprediction for {about}")
    print(
        f"assumed: {1e3 * step.compute_seconds:.2f} ms of computing ({1e3 * step.backward_seconds:.2f} backward) and "
        f"{1e3 * step.input_seconds:.2f} ms of input on every rank, whose batch stays;"
        f"\n  {step.gradient_bytes / 1e6:.2f} MB of gradients; {100 * step.overlap:.0f} % of the exchange during the "
        f"backward pass;\n  computing varies by {100 * step.spread:.1f} % between ranks; "
        f"{1e6 * cluster.between.latency_seconds:g} us"
        f"\n  per message, {cluster.between.bytes_per_second / 1e9:g} GB/s per node, "
        f"{cluster.within.bytes_per_second / 1e9:g} GB/s within, {cluster.ranks_per_node} ranks per node; sums in two"
        "\n  levels, between nodes by the fastest of ring, recursive doubling and double tree; no congestion, no cost "
        "of\n  adding, and none of the library's coordination, but for the last column: there an exchange takes "
        f"{1e3 * step.fixed_seconds:.2f} ms"
        "\n  more, whatever the ranks"
    )
    print(" ranks  exchange ms  waiting ms  blocked ms  step ms  efficiency  with the fixed cost")
    for ranks in MANY_RANKS:
        found, dear = predict(replace(step, fixed_seconds=0.0), ranks, cluster), predict(step, ranks, cluster)
        print(
            f"{ranks:6}{1e3 * found.exchange_seconds:13.2f}{1e3 * found.waiting_seconds:12.2f}"
            f"{1e3 * found.blocked_seconds:12.2f}{1e3 * found.step_seconds:9.2f}{found.efficiency:12.3f}"
            f"{dear.efficiency:21.3f}"
        )


def print_published() -> None:
    """The model against the one published figure at scale: arXiv 1909.11150, 0.93 on 27,600 V100 of Summit.

    Its abstract has neither the network's number of weights nor a step's time. So the question is turned around: how
    many gradients of 2 bytes would the model allow at that efficiency?
    """
    network, ranks, published = NETWORKS["summit"], 27_600, 0.93
    cluster = cluster_of(network, LATENCY_US)
    print(
        f"\npublished: efficiency {published} on {ranks} GPUs of Summit (arXiv 1909.11150; weights and step time are "
        "not in its abstract)"
    )
    print("the model, with fp16 gradients: efficiency by millions of weights, and how many it allows at the published")
    print("step ms  overlap      10      50     100     500    1000   allowed")
    for step_seconds in (0.1, 0.3, 1.0):
        for overlap in (0.0, 0.9):

            def efficiency(millions: float, seconds: float = step_seconds, share: float = overlap) -> float:
                step = Step(seconds, seconds * 2 / 3, 0.0, 2e6 * millions, overlap=share)
                return predict(step, ranks, cluster).efficiency

            least, most = 0.0, 1e6
            while most - least > 1e-3 * most:  # efficiency falls with the weights
                middle = (least + most) / 2
                least, most = (middle, most) if efficiency(middle) > published else (least, middle)
            print(
                f"{1e3 * step_seconds:7.0f}{overlap:9.1f}"
                + "".join(f"{efficiency(each):8.3f}" for each in (10, 50, 100, 500, 1000))
                + f"{least:10.0f}"
            )


def cluster_of(network: Network, latency_us: float) -> ModelCluster:
    """The named network in the units of the model."""
    between, within = (Link(latency_us * 1e-6, gb_s * 1e9) for gb_s in (network.between_gb_s, network.within_gb_s))
    return ModelCluster(between, within, network.ranks_per_node)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="of any rung; stemdl data generate makes them")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--batch", type=int, default=16, help="samples of each rank (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the trainer")
    parser.add_argument("--tuning", action="store_true", help="on the last of --ranks, or 2")
    parser.add_argument("--rounds", type=int, default=5, help="of --tuning")
    parser.add_argument("--predict", action="store_true", help="without measuring: --compute-ms, --gradient-mb")
    parser.add_argument("--compute-ms", type=float, help="(default: as measured on one rank)")
    parser.add_argument("--gradient-mb", type=float, help="(default: the reference's)")
    parser.add_argument("--overlap", type=float, help="(default: as measured on two ranks, or 0)")
    parser.add_argument("--spread", type=float, default=0.0, help="of computing between ranks (default: 0)")
    parser.add_argument("--fixed-ms", type=float, help="of an exchange of any size (default: as fitted, or 0)")
    parser.add_argument("--network", choices=NETWORKS, default="summit")
    parser.add_argument("--latency-us", type=float, default=LATENCY_US)
    parser.add_argument("--bandwidth-gb-s", type=float, help="of a node, each way")
    parser.add_argument("--within-gb-s", type=float, help="between ranks of a node, each way")
    parser.add_argument("--ranks-per-node", type=int)
    arguments = parser.parse_args()
    if arguments.predict and None in (arguments.compute_ms, arguments.gradient_mb):
        parser.error("--predict needs --compute-ms and --gradient-mb")
    if not arguments.predict and arguments.data is None:
        parser.error("--data is needed to measure")
    return arguments


def main() -> None:
    arguments = parsed()
    if arguments.tuning:
        ranks = 2 if arguments.ranks == [1, 2, 4] else arguments.ranks[-1]
        print_tuning(arguments.data, ranks, arguments.batch, arguments.steps, arguments.rounds)
        return
    measurements = []
    for ranks in () if arguments.predict else sorted({1, *arguments.ranks}):
        measurements.append(measure(arguments.data, ranks, arguments.batch, arguments.steps, tuple(arguments.set)))
    fixed = print_measurements(measurements) if measurements else 0.0
    print_prediction(_step(arguments, measurements, fixed), *_network(arguments))
    print_published()


def _step(arguments: argparse.Namespace, measurements: list[Measurement], fixed_seconds: float) -> Step:
    """What is given on the command line, else what was measured: on one rank, the overlap on two, the fixed cost."""
    one = measurements[0] if measurements else None
    two = next((each for each in measurements if 1 < each.ranks <= usable_cores()), None)
    overlap = overlap_of(two.allreduce_seconds, two.blocked_seconds) if two else 0.0
    compute = one.alone_seconds if arguments.compute_ms is None else arguments.compute_ms * 1e-3
    backward = one.parts["backward"] / one.alone_seconds if one else 2 / 3  # twice the forward's products
    return Step(
        compute_seconds=compute,
        backward_seconds=backward * compute,
        input_seconds=one.parts["input"] if one else 0.0,
        gradient_bytes=one.gradient_bytes if arguments.gradient_mb is None else arguments.gradient_mb * 1e6,
        overlap=overlap if arguments.overlap is None else arguments.overlap,
        spread=arguments.spread,
        fixed_seconds=fixed_seconds if arguments.fixed_ms is None else arguments.fixed_ms * 1e-3,
    )


def _network(arguments: argparse.Namespace) -> tuple[ModelCluster, str]:
    """The named network with what is given on top, and its name and source."""
    named = NETWORKS[arguments.network]
    given: dict[str, Any] = {
        "between_gb_s": arguments.bandwidth_gb_s,
        "within_gb_s": arguments.within_gb_s,
        "ranks_per_node": arguments.ranks_per_node,
    }
    given = {name: value for name, value in given.items() if value is not None}
    network = Network(**{**vars(named), **given})
    about = f"{arguments.network}: {named.source}" + (f"; but {given}" if given else "")
    return cluster_of(network, arguments.latency_us), about


if __name__ == "__main__":
    main()
