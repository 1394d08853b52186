"""Make the data where needed, train until the target is reached, check the log, print the score.

Called by hand it starts the ranks itself; under a launcher (jsrun, mpirun, srun, torchrun) it is one of the ranks.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from benchmark.cli.output import add_format, next_step, print_json
from benchmark.definition.request import RunRequest
from benchmark.foundation.errors import CheckFailed, StemdlError, TrainingDiverged

EXAMPLE = """Examples:
  stemdl run
  stemdl run --rung stemdl_smoke --ranks 2 --runs 5
  stemdl run --set learning_rate=2e-3 --set max_epochs=12
  mpirun -n 2 ./run_benchmark.sh --rung stemdl_smoke"""

LAUNCHED_BY_US = "STEMDL_LAUNCHED"
"""Set for ranks that `stemdl run` started itself: it will report, and a missed target is no failure of the rank."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl run`."""
    parser.add_argument("--rung", default="stemdl_mini", help="stemdl_mini or stemdl_smoke (default: %(default)s)")
    parser.add_argument("--ranks", type=_count, help="(default: one for each core, or each GPU)")
    parser.add_argument("--runs", type=_count, default=1, help="runs with a seed of their own each (default: 1)")
    parser.add_argument("--seed", type=_seed, help="(default: fresh from the operating system for each run)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings of the trainer, as YAML")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting of the trainer")
    parser.add_argument("--data", type=Path, metavar="DIR", help="(default: data/<rung>, made where it is missing)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="(default: runs/<time>-<rung>)")
    parser.add_argument("--ledger", type=Path, metavar="FILE",
                        help="the list of all runs, which this one is added to (default: ledger.jsonl beside the run's "
                        "or run set's folder)")
    parser.add_argument("--resume", action="store_true",
                        help="go on from the checkpoint in --output; such a run cannot be scored")
    parser.add_argument("--index", type=int, default=0, help=argparse.SUPPRESS)
    add_format(parser)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdigit() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to {2**31 - 1}")
    return int(text)


def execute(arguments: argparse.Namespace) -> int:
    """0 when every run reached the target with a compliant log, 1 when one did not, 2 for wrong use."""
    from benchmark.definition.benchmark import load_benchmark
    from benchmark.launch.rank import under_launcher

    benchmark = load_benchmark()
    rung = benchmark.rung(arguments.rung)
    if arguments.runs > 1 and (arguments.resume or arguments.seed is not None):
        raise StemdlError("runs of one set have seeds of their own and none is resumed", where="--runs",
                          remedy="leave out --seed and --resume")
    if arguments.resume and arguments.output is None:
        raise StemdlError("which run?", where="--resume", remedy="name its folder with --output")
    request = RunRequest(
        benchmark=benchmark,
        rung=rung,
        data=arguments.data or Path("data") / rung.name,
        output=arguments.output or Path("runs") / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{rung.name}",
        index=arguments.index,
        seed=arguments.seed,
        config_file=arguments.config,
        overrides=tuple(arguments.set),
        resume=arguments.resume,
    )
    if under_launcher():
        return _be_a_rank(request, arguments)
    return _lead(request, arguments)


def _trainer(request: RunRequest) -> Callable[[RunRequest], bool]:
    module, _, function = request.benchmark.trainer.partition(":")
    return getattr(importlib.import_module(module), function)


def _refuse_used_folder(request: RunRequest) -> None:
    if not request.resume and request.output.exists() and any(request.output.iterdir()):
        raise StemdlError("the folder is not empty", where=request.output,
                          remedy="choose another with --output, or go on with --resume")


# ---- one of the ranks


def _be_a_rank(request: RunRequest, arguments: argparse.Namespace) -> int:
    from benchmark.launch.rank import detect_rank

    rank = detect_rank()
    ours = os.environ.get(LAUNCHED_BY_US) == "1"
    reached, finished = [], []
    for index in range(arguments.runs):
        each = request if arguments.runs == 1 else _of_set(request, index)
        try:
            if rank.rank == 0:
                _refuse_used_folder(each)
            tells = rank.rank == 0 and not ours
            with _entered(each, arguments, rank.size) if tells else nullcontext():
                try:
                    reached.append(_trainer(each)(each))
                except TrainingDiverged:  # its log is whole, and is recorded as any other
                    if rank.rank == 0:
                        _record(each, rank)
                    raise
                if rank.rank == 0:
                    finished.append((each, _record(each, rank)))
        except BaseException as error:
            _leave(error, rank.rank)
    if rank.rank == 0 and not ours:
        return _report(finished, arguments)
    return 0 if ours or all(reached) else 1


def _leave(error: BaseException, rank: int) -> None:
    """End this rank at once after an error. Returning would wait in MPI's finalisation for ranks that wait for us;
    a status that is not 0 makes the launcher end those."""
    if isinstance(error, StemdlError):
        # Most faults are found by every rank: one message is enough. One that only this rank has names its rank.
        if rank == 0 or f"rank {rank}" in str(error):
            print(f"stemdl: {error}", file=sys.stderr)
        code = error.exit_code
    else:
        import traceback

        print(f"stemdl: rank {rank} failed:", file=sys.stderr)
        traceback.print_exception(error, file=sys.stderr)
        code = 1
    sys.stderr.flush()
    if rank != 0:
        time.sleep(1.0)  # let rank 0 say it first where all found the same
    os._exit(code)


# ---- alone: make the data, start the ranks, report


def _lead(request: RunRequest, arguments: argparse.Namespace) -> int:
    from benchmark.launch.launchers import usable_cores

    _refuse_used_folder(request)
    _settings(request)  # wrong ones are found before the data are made and ranks started
    ranks = arguments.ranks or _default_ranks()
    _make_data(request, min(ranks, usable_cores()))
    finished = []
    for index in range(arguments.runs):
        each = request if arguments.runs == 1 else _of_set(request, index)
        title = f"run {index + 1} of {arguments.runs}: " if arguments.runs > 1 else ""
        print(f"{title}{request.rung.name} on {ranks} rank{'s' if ranks > 1 else ''} into {each.output}",
              file=sys.stderr, flush=True)
        with _entered(each, arguments, ranks):
            record = _launch(each, ranks)
        finished.append((each, record))
    return _report(finished, arguments)


def _settings(request: RunRequest) -> dict[str, Any]:
    """The trainer's settings, as it resolves them itself. Raises StemdlError where they are wrong."""
    module = importlib.import_module(request.benchmark.trainer.partition(":")[0].rpartition(".")[0] + ".config")
    return dataclasses.asdict(module.read_config(request.rung.name, request.config_file, request.overrides))


def _entered(request: RunRequest, arguments: argparse.Namespace, ranks: int) -> AbstractContextManager[None]:
    """The run stands in the ledger of its results folder."""
    from benchmark.submission.ledger import LEDGER
    from benchmark.submission.ledger_entry import entered

    of_the_set = request.output if arguments.runs == 1 else request.output.parent
    return entered(arguments.ledger or of_the_set.absolute().parent / LEDGER, request, _settings(request), ranks)


def _default_ranks() -> int:
    from benchmark.launch.launchers import usable_cores
    from benchmark.launch.system import device_names

    return len(device_names()) or usable_cores()


def _make_data(request: RunRequest, processes: int) -> None:
    from benchmark.data.generate import generate
    from benchmark.data.manifest import MANIFEST

    if (request.data / MANIFEST).is_file():
        return
    if request.data.exists() and any(request.data.iterdir()) and not (request.data / "recipe.json").is_file():
        raise StemdlError("the folder holds something else than data", where=request.data, remedy="--data DIR")
    print(f"making the data of {request.rung.name} in {request.data}", file=sys.stderr, flush=True)
    generate(request.rung, request.data, processes=processes)


def _of_set(request: RunRequest, index: int) -> RunRequest:
    from dataclasses import replace

    return replace(request, output=request.output / f"run_{index}", index=index)


def _launch(request: RunRequest, ranks: int) -> dict[str, Any]:
    """Start the ranks of one run and wait for them; its record. Raises where they left none."""
    from benchmark.launch.launchers import Job, get_launcher
    from benchmark.submission.run_record import read_run

    command = [sys.executable, "-m", "benchmark", "run", "--rung", request.rung.name, "--data", str(request.data),
               "--output", str(request.output), "--index", str(request.index)]
    command += ["--seed", str(request.seed)] if request.seed is not None else []
    command += ["--config", str(request.config_file)] if request.config_file is not None else []
    command += [part for override in request.overrides for part in ("--set", override)]
    command += ["--resume"] if request.resume else []
    argv = get_launcher("mpirun").argv(Job(ranks, tuple(command), environment={LAUNCHED_BY_US: "1"}))
    code = subprocess.run(argv, stdin=subprocess.DEVNULL, check=False).returncode
    if code == 2:
        raise StemdlError("the run could not be made; see above")
    record = read_run(request.output).record if request.output.is_dir() else None
    if code != 0 or record is None:
        raise CheckFailed("the run ended before it was done: a rank died or failed", where=request.output,
                          found=f"exit code {code}", remedy="see the messages above; start it again, or go on with "
                          f"stemdl run --resume --output {request.output}, which cannot be scored")
    return record


# ---- after the run


def _record(request: RunRequest, rank: Any) -> dict[str, Any]:
    from benchmark.data.manifest import read_manifest
    from benchmark.submission.run_record import write_run_record

    return write_run_record(request, read_manifest(request.data), rank)


def _report(finished: list[tuple[RunRequest, dict[str, Any]]], arguments: argparse.Namespace) -> int:
    """Check each log with the official checker and print what was reached; the exit code."""
    from benchmark.foundation.files import write_json
    from benchmark.report.run_summary import curve_lines, summary_lines
    from benchmark.submission.run_record import summarise_set
    from benchmark.validation.official import check_log

    verdicts = [check_log(request.log) for request, _ in finished]
    records = [record for _, record in finished]
    summary = summarise_set(records)
    folder = finished[0][0].output if len(finished) == 1 else finished[0][0].output.parent
    if len(finished) > 1:
        write_json(folder / "runset.json", summary)
    good = (all(verdict.passed for verdict in verdicts) and summary["reached"] == summary["runs"]
            and summary["seeds_differ"])
    if arguments.format == "json":
        compliant = [{"folder": str(request.output), "compliant": verdict.passed, **record}
                     for (request, record), verdict in zip(finished, verdicts, strict=True)]
        print_json({**summary, "ok": good, "records": compliant})
        return 0 if good else 1
    for (request, record), verdict in zip(finished, verdicts, strict=True):
        print("\n".join(["", *curve_lines(record), *summary_lines(record)]))
        print(f"  official compliance checker: {'SUCCESS' if verdict.passed else 'FAILED'}   log {request.log}")
    if len(finished) > 1:
        mean = summary["olympic_mean_seconds"]
        if not summary["seeds_differ"]:
            print("\ntwo runs have the same seed: the set cannot be scored (R4.2)")
        print(f"\n{summary['reached']} of {summary['runs']} runs reached the target"
              + (f"; olympic mean {mean:.2f} s" if mean is not None else ""))
    next_step(f"stemdl show {folder}")
    return 0 if good else 1
