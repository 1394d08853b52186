"""Make the data where needed, train until the target is reached, check the log, print the score.

Called by hand it starts the ranks itself; under a launcher (mpirun, srun, ...) it is one of the ranks.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli.arguments import count, counts, number, place
from benchmark.cli.output import add_format
from benchmark.cli.run_folder import own_folder, unnamed_folder
from benchmark.cli.run_rank import be_a_rank, driver_of
from benchmark.definition.request import RunRequest
from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    from benchmark.launch.share import Share
    from benchmark.submission.run_driver import RunDriver

EXAMPLE = """Examples:
  stemdl run
  stemdl run --rung stemdl_smoke --ranks 2 --runs 5 --output runs/five
  stemdl run --set learning_rate=2e-3 --set max_epochs=12
  stemdl run --trainer my_model.py:make_task
  stemdl run --instances 8 --ranks 2        # weak scaling: 8 models at once, on 2 ranks each
  stemdl run --instances 4 --ranks 8 --ranks-per-node 4 --launcher srun    # inside an allocation of 8 nodes
  stemdl run --scale 1,2,4 --runs 3         # a scaling study
  scripts/mpirun -n 2 ./run_benchmark.sh --rung stemdl_smoke

The same command with the --output of a set that was broken off makes the runs that are missing."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl run`."""
    from benchmark.launch.launchers import launcher_names

    parser.add_argument(
        "--rung", default="stemdl_mini", help="one of stemdl list --rungs, or a file of your own (default: %(default)s)"
    )
    parser.add_argument(
        "--trainer",
        metavar="FILE.py:FUNCTION",
        help="a model of your own (make_task) or a whole training (train), in the open division; also MODULE:FUNCTION "
        "(default: the reference's)",
    )
    parser.add_argument(
        "--ranks", type=count, help="of a run (default: one for each core, or each GPU, that the run has)"
    )
    parser.add_argument("--oversubscribe", action="store_true", help="allow more ranks than cores")
    parser.add_argument(
        "--runs", type=count, default=1, help="runs one after another, with a seed of their own each (default: 1)"
    )
    parser.add_argument(
        "--instances",
        type=count,
        default=1,
        metavar="M",
        help="weak scaling: M models at once, each on an equal part of the node (default: 1)",
    )
    parser.add_argument(
        "--scale",
        type=counts,
        metavar="RANKS,...",
        help="a scaling study: a set of --runs runs on each number of ranks, with one global batch",
    )
    parser.add_argument(
        "--launcher",
        choices=launcher_names(),
        help="of the ranks, inside an allocation (default: mpirun on this node, or the profile's)",
    )
    parser.add_argument(
        "--profile",
        metavar="MACHINE",
        help="what a node has, and its binding: see stemdl launch; or a file of your own",
    )
    parser.add_argument("--ranks-per-node", type=count, help="inside an allocation (default: as many as fit)")
    parser.add_argument(
        "--hosts",
        type=lambda text: text.split(","),
        metavar="HOST,...",
        help="for instances by mpirun: the nodes of the allocation, which they divide",
    )
    parser.add_argument("--seed", type=number, help="(default: fresh from the operating system for each run)")
    parser.add_argument("--config", type=place, metavar="FILE", help="settings of the trainer, as YAML")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting of the trainer")
    parser.add_argument("--data", type=place, metavar="DIR", help="(default: data/<rung>, made where it is missing)")
    parser.add_argument(
        "--partition",
        default="",
        metavar="NAME[/PART]",
        help="train by a partition of stemdl data split: standard, folds_5/fold_0 (the fold is dev), "
        "standard/test_unseen_types (the slice is test). Such a run cannot be scored",
    )
    parser.add_argument("--output", type=place, metavar="DIR", help="(default: runs/<time>-<rung>)")
    parser.add_argument(
        "--ledger",
        type=place,
        metavar="FILE",
        help="the list of all runs, which this one is added to (default: ledger.jsonl next to the run's "
        "or run set's folder)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint in --output; such a run cannot be scored"
    )
    parser.add_argument("--elastic", action="store_true", help="with --resume: on another number of ranks, if need be")
    parser.add_argument(
        "--power",
        metavar="rapl|nvml|FILE",
        help="measure the power of each node while the run lasts, by RAPL's counters, NVML, or both "
        "(rapl+nvml), or take it from a meter's file of lines time,watts",
    )
    parser.add_argument("--index", type=number, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--start-gate", type=place, help=argparse.SUPPRESS)
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0 when every run reached the target with a compliant log, 1 when one did not, 2 for wrong use."""
    from benchmark.cli.run_checks import refuse_what_does_not_go_together
    from benchmark.definition.own_rung import find_rung
    from benchmark.launch.rank import under_launcher
    from benchmark.launch.supervise import warnings_passed_on

    benchmark, rung, rung_file = find_rung(arguments.rung)
    if arguments.trainer is not None:
        benchmark = replace(benchmark, trainer=arguments.trainer)
    refuse_what_does_not_go_together(arguments)
    request = RunRequest(
        benchmark=benchmark,
        rung=rung,
        data=arguments.data or Path("data") / rung.name,
        output=arguments.output or unnamed_folder(rung.name),
        index=arguments.index,
        seed=arguments.seed,
        config_file=arguments.config,
        overrides=tuple(arguments.set),
        resume=arguments.resume,
        elastic=arguments.elastic,
        start_gate=arguments.start_gate,
        partition=arguments.partition,
        power=arguments.power,
        rung_file=rung_file,
    )
    if under_launcher():
        return be_a_rank(request, arguments)
    with warnings_passed_on():
        return _drive(request, arguments)


def _drive(request: RunRequest, arguments: argparse.Namespace) -> int:
    from benchmark.cli.run_checks import refuse_at_once, refuse_used_folder, what_multiplies
    from benchmark.launch.cores import affordable_cores, require_cores
    from benchmark.submission.run_set import runs_there
    from benchmark.submission.schedule import refuse_other_folder

    if arguments.output is None:
        pass  # the folder is new
    elif arguments.scale:
        refuse_other_folder(request, arguments.scale)
    elif arguments.runs > 1:
        runs_there(request)  # refuses a folder of something else
    else:
        refuse_used_folder(request.output, request.resume)
    driver, shares = _driver_and_shares(request, arguments)
    here = driver.machine is None
    most = max(arguments.scale or [driver.ranks])
    if here and (arguments.ranks or arguments.scale or arguments.instances > 1):
        require_cores(
            arguments.instances * most, where=what_multiplies(arguments), oversubscribe=arguments.oversubscribe
        )
    refuse_at_once(request, driver, most, _accelerators() if here else None)
    _make_data(request, min(driver.ranks * arguments.instances, affordable_cores()))
    with own_folder(request, arguments.output is None) as request:
        try:
            return _make_runs(request, arguments, driver, shares)
        except KeyboardInterrupt as error:
            error.remedy = _to_go_on(request, arguments)
            raise


def _to_go_on(request: RunRequest, arguments: argparse.Namespace) -> str:
    """What to type after an interruption: a set goes on in its folder, a run from its checkpoint."""
    same = ["stemdl", *sys.argv[1:]]
    there = [*same, "--output", str(request.output)] if arguments.output is None else same
    if arguments.runs > 1 or arguments.instances > 1 or arguments.scale or arguments.resume:
        return shlex.join(there)
    if request.checkpoint.is_file():
        return shlex.join([*there, "--resume"])
    return shlex.join(same) + (", with another --output" if arguments.output is not None else "")


def _make_runs(request: RunRequest, arguments: argparse.Namespace, driver: RunDriver, shares: list[Share]) -> int:
    from benchmark.cli.run_report import report_instances, report_runs, report_schedule
    from benchmark.launch.cores import usable_cores
    from benchmark.submission.run_set import make_runs
    from benchmark.submission.schedule import make_schedule
    from benchmark.submission.weak_set import make_instances

    if arguments.scale:
        # On a machine all ranks fit, or none is begun.
        cores = usable_cores() if driver.machine is None else driver.ranks
        made = make_schedule(request, arguments.scale, arguments.runs, driver, cores, _say)
        return report_schedule(made, request.output, arguments)
    if arguments.instances > 1:
        if shares[0].shared:
            _say(f"{arguments.instances} instances share too few cores or accelerators: this measures no system")
        return report_instances(make_instances(request, driver, shares, _say), request.output, arguments)
    if arguments.runs > 1:
        return report_runs(make_runs(request, arguments.runs, driver, _say), request.output, arguments)
    _say(f"{request.rung.name} on {driver.ranks} rank{'s' if driver.ranks > 1 else ''} into {request.output}")
    made = driver.make(request)
    if fault := made.fault():
        raise fault
    return report_runs([made], request.output, arguments)


def _driver_and_shares(request: RunRequest, arguments: argparse.Namespace) -> tuple[RunDriver, list[Share]]:
    """What the runs have in common, and for each instance its part of this node, or of the nodes of the allocation."""
    from benchmark.launch.cores import affordable_cores
    from benchmark.launch.launchers import get_launcher, names_keeping_jobs_apart
    from benchmark.launch.share import divide, divide_nodes
    from benchmark.launch.system import machine_of

    of_nodes = (arguments.launcher, arguments.profile, arguments.ranks_per_node, arguments.hosts)
    if all(each is None for each in of_nodes):
        shares = divide(arguments.instances, _accelerators())
        own_cores = min(len(shares[0].cores), max(1, affordable_cores() // arguments.instances))
        ranks = arguments.ranks or len(shares[0].accelerators) or own_cores
        return driver_of(request, arguments, ranks), shares
    if arguments.ranks is None and not arguments.scale:
        raise StemdlError("on nodes of an allocation the number of ranks has to be said", where="--ranks")
    if arguments.launcher and not get_launcher(arguments.launcher).keeps_jobs_apart:
        raise StemdlError(
            f"stemdl run does not start ranks by {arguments.launcher}",
            where="--launcher",
            expected=" or ".join(names_keeping_jobs_apart()),
            remedy="stemdl launch starts ranks by any launcher",
        )
    machine = machine_of(arguments.profile)
    driver = replace(
        driver_of(request, arguments, arguments.ranks or max(arguments.scale)),
        machine=machine,
        launcher=arguments.launcher or machine.launcher,
        ranks_per_node=arguments.ranks_per_node,
    )
    if arguments.instances == 1:
        return driver, []
    return driver, divide_nodes(arguments.instances, driver.launcher, driver.layout, arguments.hosts or ())


def _accelerators() -> int:
    from benchmark.launch.system import device_names

    return len(device_names())


def _make_data(request: RunRequest, processes: int) -> None:
    from benchmark.cli.run_checks import data_are_there
    from benchmark.data.generate import generate
    from benchmark.data.manifest import read_manifest
    from benchmark.data.recognise import recognised

    if not data_are_there(request):
        _say(f"making the data of {request.rung.name} in {request.data}")
        generate(request.rung, request.data, processes=processes)
    elif not request.own_rung:
        recognised(read_manifest(request.data))  # once: what was found is kept next to the manifest


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
