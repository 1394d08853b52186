"""Measures what needs a GPU: each step in a process of its own, each item recorded when it is done.

    python -m performance.gpu [--dry] [--steps NAME ...] [--seconds 480] [--output DIR]
    python -m performance.gpu --list
    python -m performance.gpu --page

Steps are taken in the order of their worth. Ends well within `--seconds`; called again, it goes on where it stopped,
and tries again what failed. Records are in performance/records/CARD. A dry run (`--dry`) does every step on the CPU at
toy sizes and needs an `--output` of its own. `--page` writes docs/gpu.md out of the records. Where the machine lacks
the environment or a network, `performance/gpu/run.sh` makes the one without the other, then calls this.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmark.cli.output import print_table
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_text
from performance.gpu.page import PAGE, page
from performance.gpu.record import RECORDS, Record, machine, measure, read_record, read_records, slug
from performance.gpu.step import Step, StepSetting, process
from performance.gpu.steps import STEPS, all_steps

MARGIN_SECONDS = 5.0
"""Left for a step's process to end by itself, before it is ended."""


def main(argv: list[str] | None = None) -> int:
    """The exit code: 0 when all is measured, 1 when something is left, 2 for wrong use."""
    parser = argparse.ArgumentParser(
        prog="python -m performance.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry", action="store_true", help="on the CPU, at toy sizes")
    parser.add_argument("--steps", nargs="+", metavar="NAME", help="only these, in this order")
    parser.add_argument("--seconds", type=float, default=480.0, help="of this call (default: %(default)g)")
    parser.add_argument("--output", type=Path, help="for the records (default: performance/records/CARD)")
    parser.add_argument("--work", type=Path, default=Path("data/gpu"), help="for data and runs (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="the steps with their seconds")
    parser.add_argument("--page", action="store_true", help="write docs/gpu.md")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    try:
        return _done(arguments)
    except StemdlError as error:
        print(f"performance.gpu: {error}", file=sys.stderr)
        return 2


def _done(arguments: argparse.Namespace) -> int:
    if arguments.list:
        print_table(("step", "seconds", "what"), [(step.name, f"{step.seconds:.0f}", step.title) for step in STEPS])
        return 0
    if arguments.page:
        write_text(PAGE, page(read_records()))
        print(PAGE)
        return 0
    setting = StepSetting(arguments.dry, arguments.work.resolve(), time.monotonic() + arguments.seconds)
    steps = _chosen(arguments.steps)
    about = _about(setting)
    if arguments.output is None and arguments.dry:
        raise StemdlError("a dry run is not a measurement", where="--output", remedy="--output to a folder of its own")
    folder = arguments.output or RECORDS / slug(about["card"])
    if arguments.child:
        return 0 if measure(steps[0], setting, folder, about).complete else 1
    return _lead(steps, setting, folder, arguments)


def _chosen(names: list[str] | None) -> list[Step]:
    known = {step.name: step for step in all_steps()}
    if names is None:
        return list(known.values())
    unknown = [name for name in names if name not in known]
    if unknown:
        raise StemdlError("there is no such step", where="--steps", expected=", ".join(known), found=", ".join(unknown))
    return [known[name] for name in names]


def _about(setting: StepSetting) -> dict:
    import torch

    if not setting.dry and not torch.cuda.is_available():
        raise StemdlError("no GPU is seen here", expected="a CUDA device of torch", remedy="--dry for a dry run")
    return machine(setting)


def _lead(steps: list[Step], setting: StepSetting, folder: Path, arguments: argparse.Namespace) -> int:
    """Each step in a process of its own: one that hangs, or breaks the card's context, leaves the others be."""
    folder.mkdir(parents=True, exist_ok=True)
    failed = False
    for step in steps:
        path = folder / f"{step.name}.json"
        if path.exists() and read_record(path).complete:
            _say(step, "done before")
            continue
        reason = step.lacks(setting)
        if reason:
            _say(step, f"left out: {reason}")
            continue
        left = min(setting.seconds_left() - 2 * MARGIN_SECONDS, step.seconds * (10 if setting.dry else 1.5))
        if left < 10.0:
            _say(step, "no time is left in this call")
            failed = True
            continue
        argv = [
            sys.executable,
            "-m",
            "performance.gpu",
            "--child",
            "--steps",
            step.name,
            "--seconds",
            f"{left:.0f}",
            "--work",
            str(setting.work),
            "--output",
            str(folder),
            *(["--dry"] if setting.dry else []),
        ]
        started = time.monotonic()
        with process(argv) as child:
            try:
                child.wait(left + MARGIN_SECONDS)
            except subprocess.TimeoutExpired:
                _say(step, "ended: it hung")
        _tell(step, read_record(path) if path.exists() else None, time.monotonic() - started)
        failed |= not (path.exists() and read_record(path).complete)
    rest = "./performance/gpu/run.sh, on a GPU machine" if setting.dry else "python -m performance.gpu --page"
    print(f"next: {'the same command again, for what is left' if failed else rest}")
    return 1 if failed else 0


def _tell(step: Step, record: Record | None, seconds: float) -> None:
    items = record.items if record else {}
    faults = {name: item["fault"] for name, item in items.items() if "fault" in item}
    _say(
        step,
        f"{'complete' if record and record.complete else 'not complete'}: {len(items) - len(faults)} items "
        f"measured, {len(faults)} failed, in {seconds:.1f} s",
    )
    for name, fault in faults.items():
        print(f"    {name}: {fault}", flush=True)


def _say(step: Step, words: str) -> None:
    print(f"{step.name:12} {words}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
