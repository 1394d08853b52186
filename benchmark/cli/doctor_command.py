"""Check that this machine can run the benchmark, and that the ranks of a job are fit to train together: one line for
each check, with a remedy where one fails."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli.arguments import count, place
from benchmark.cli.output import add_format, next_step, print_json
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.interpreter import python

if TYPE_CHECKING:
    from benchmark.launch.check import CheckResult
    from benchmark.launch.rank import Rank
    from benchmark.launch.rank_report import Subject

EXAMPLE = """Examples:
  stemdl doctor
  stemdl doctor --ranks 2 --rung stemdl_smoke --data data/stemdl_smoke
  mpirun -n 4 stemdl doctor --ranks"""

WAIT_SECONDS = 30.0
"""Seconds that rank 0 waits for each answer of the other ranks."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl doctor`."""
    parser.add_argument("--folder", type=place, default=Path("."), help="where data and runs will be (default: here)")
    parser.add_argument(
        "--ranks",
        type=count,
        nargs="?",
        const=0,
        metavar="N",
        help="check N ranks together, started here by mpirun (without N: one for each core); a process "
        "that a launcher started does this, and this alone, in any case",
    )
    parser.add_argument("--oversubscribe", action="store_true", help="allow more ranks than cores")
    parser.add_argument("--rung", default="stemdl_mini", help="whose settings the ranks compare (default: %(default)s)")
    parser.add_argument("--config", type=place, metavar="FILE", help="settings of the trainer, as for stemdl run")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting of the trainer")
    parser.add_argument(
        "--data", type=place, metavar="DIR", help="the data, whose manifest and files the ranks compare"
    )
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0 when all is well, 1 when a check failed."""
    from benchmark.launch.cores import require_cores
    from benchmark.launch.doctor import run_checks
    from benchmark.launch.rank import detect_rank, require_asked, under_launcher

    if not arguments.folder.is_dir():
        raise StemdlError(
            "there is no such folder", where=arguments.folder, remedy=f"mkdir -p {shlex.quote(str(arguments.folder))}"
        )
    if under_launcher():
        require_asked(detect_rank(), arguments.ranks)
        return _be_a_rank(arguments, detect_rank())
    if arguments.ranks:
        require_cores(arguments.ranks, where="--ranks", oversubscribe=arguments.oversubscribe)
    # Wrong settings and data are refused, and not passed over where no ranks are started.
    _require_possible(_subject(arguments), arguments)
    checks = run_checks(arguments.folder)
    figures: dict[str, Any] = {}
    if arguments.ranks is not None:
        of_ranks, figures = _start_ranks(arguments)
        checks += of_ranks
    return _tell(checks, figures, arguments)


def _tell(checks: list[CheckResult], figures: dict[str, Any], arguments: argparse.Namespace) -> int:
    from benchmark.launch.check import check_lines

    good = all(check.ok for check in checks)
    if arguments.format == "json":
        print_json({"ok": good, "checks": [check.to_dict() for check in checks], "figures": figures})
        return 0 if good else 1
    print("\n".join(check_lines(checks)))
    if good:
        next_step("stemdl run --rung stemdl_smoke")
    return 0 if good else 1


def _start_ranks(arguments: argparse.Namespace) -> tuple[list[CheckResult], dict[str, Any]]:
    """What the ranks found that were started here."""
    from benchmark.launch.check import CheckResult
    from benchmark.launch.cores import affordable_cores
    from benchmark.launch.last_words import LastWords, rank_that_ended
    from benchmark.launch.launchers import Job, get_launcher
    from benchmark.launch.preflight import PreflightResult

    command = [
        *python(),
        "-m",
        "benchmark",
        "doctor",
        "--format",
        "json",
        "--folder",
        str(arguments.folder),
        "--rung",
        arguments.rung,
    ]
    command += ["--config", str(arguments.config)] if arguments.config else []
    command += ["--data", str(arguments.data)] if arguments.data else []
    command += [part for override in arguments.set for part in ("--set", override)]
    argv = get_launcher("mpirun").argv(Job(arguments.ranks or affordable_cores(), tuple(command)))
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    words = LastWords(process.stderr)
    answer, _ = process.stdout.read(), process.wait()
    ended = rank_that_ended(words.read())
    try:
        result = PreflightResult.of(json.loads(answer))
    except (ValueError, KeyError, TypeError):
        found = f"mpirun ended with status {process.returncode} and no answer" + (f"; {ended}" if ended else "")
        return [CheckResult("ranks", False, found, "see its messages above")], {}
    return list(result.checks), dict(result.figures)


def _be_a_rank(arguments: argparse.Namespace, rank: Rank) -> int:
    """One of the ranks that are checked; the first of them tells what was found."""
    try:
        from benchmark.launch.exchange import MpiLink, join
        from benchmark.launch.network import FULL, MpiReducer, torch_reducer
        from benchmark.launch.node import describe_node
        from benchmark.launch.nodes import collect_nodes, nodes_check
        from benchmark.launch.preflight import PreflightLimits, preflight
        from benchmark.launch.rank_report import RankReport

        exchange = join(rank)
        by_mpi = exchange.name == MpiLink.name
        report = RankReport(_subject(arguments), rank.local_rank)
        result = preflight(
            report,
            exchange,
            MpiReducer if by_mpi else lambda: torch_reducer(rank, WAIT_SECONDS),
            PreflightLimits(seconds=WAIT_SECONDS, ping_rounds=50),
            FULL,
        )
        checks = list(result.checks)
        if result.ok:
            facts = describe_node({"output": arguments.folder}) if report.leads else None
            kinds = collect_nodes(exchange, report.host, facts, WAIT_SECONDS)
            checks += [nodes_check(kinds)] if rank.rank == 0 else []
    except StemdlError as error:
        print(f"stemdl: rank {rank.rank}: {error}", file=sys.stderr, flush=True)
        os._exit(error.exit_code)  # returning would wait in MPI's finalisation for ranks that wait for this one
    code = _tell(checks, dict(result.figures), arguments) if rank.rank == 0 else 0
    if not result.ok:
        sys.stdout.flush()
        os._exit(code)
    return code


def _require_possible(subject: Subject, arguments: argparse.Namespace) -> None:
    from benchmark.definition.own_rung import find_rung
    from benchmark.definition.trainer import Trainer

    benchmark, rung, _ = find_rung(arguments.rung)
    Trainer.named(benchmark.trainer).require_possible(subject.settings, rung.total("train"), arguments.ranks or 1)


def _subject(arguments: argparse.Namespace) -> Subject:
    from benchmark.data.manifest import read_manifest
    from benchmark.definition.own_rung import find_rung
    from benchmark.definition.request import RunRequest
    from benchmark.launch.rank_report import DiskNeed, Subject
    from benchmark.launch.room import GIB
    from benchmark.submission.ledger_entry import ROOT, packages
    from benchmark.submission.run_driver import trainer_settings

    benchmark, rung, _ = find_rung(arguments.rung)
    folder, data = arguments.folder, arguments.data
    settings = trainer_settings(
        RunRequest(
            benchmark, rung, data or folder, folder, config_file=arguments.config, overrides=tuple(arguments.set)
        )
    )
    needs = [DiskNeed("data and runs", folder, 2 * GIB)]
    if settings.get("stage"):
        needs.append(DiskNeed("the node's copy of the data", Path(os.path.expandvars(settings["stage"])), 2 * GIB))
    return Subject(
        ROOT,
        tuple(packages(benchmark)),
        folder,
        settings,
        read_manifest(data).sha256 if data is not None else None,
        data,
        tuple(needs),
        GIB // 2,
        settings.get("device", "auto"),
    )
