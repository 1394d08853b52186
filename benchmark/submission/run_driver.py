"""One run from outside: start its ranks, wait for them, stand it in the ledger, and say how it ended."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.definition.request import RunRequest
from benchmark.definition.settings import read_settings
from benchmark.events import keys
from benchmark.foundation.errors import CheckFailed, Interrupted, StemdlError
from benchmark.foundation.files import remove_parts
from benchmark.foundation.interpreter import python
from benchmark.launch.last_words import LastWords, rank_that_ended
from benchmark.launch.launchers import Job, get_launcher
from benchmark.launch.launchers.mpirun import has_mpirun
from benchmark.launch.machine import Machine
from benchmark.launch.resources import Layout, lay_out, rank_environment
from benchmark.launch.share import Share
from benchmark.launch.supervise import start, was_warned
from benchmark.submission.ledger_entry import entered
from benchmark.submission.run_record import CRASHED, record_of_log

LAUNCHED_BY_US = "STEMDL_LAUNCHED"
"""Set for ranks that `stemdl run` started itself: it will report, and a missed target is not a failure of the rank."""
LAUNCHER_WORDS = "launcher.txt"
"""The file in the folder of a run that broke off with what its launcher said of that."""
STOP_SECONDS = 10.0
"""How long a launcher that is asked to end its ranks may take before it is killed."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    record : None where it left none. exit_code : the launcher's; None where the run was there before.
    ranks : of one made now. words : what its launcher said of a rank's end, which has not been printed.
    warned : this process was asked to end while it was made.
    """

    request: RunRequest
    record: dict[str, Any] | None
    exit_code: int | None = None
    ranks: int | None = None
    words: str = ""
    warned: bool = False

    @property
    def status(self) -> str:
        """success, aborted, interrupted or crashed."""
        return self.record["status"] if self.record else CRASHED

    @property
    def reached(self) -> bool:
        """Whether it ended with success."""
        return self.status == keys.SUCCESS

    @property
    def finished(self) -> bool:
        """Whether it finished on its own and unbroken, even short of the target."""
        return self.status in (keys.SUCCESS, keys.ABORTED) and not self.record["resumed"]

    def fault(self) -> StemdlError | None:
        """What to tell the user of a run that was asked to end, or left no record."""
        to_resume = f"{_to_resume(self.request, self.ranks)}, which cannot be scored"
        if self.exit_code == Interrupted.exit_code:
            return Interrupted(
                "the run was asked to end, and has kept its state", where=self.request.output, remedy=to_resume
            )
        if self.record is not None:
            return None
        if self.warned:
            return Interrupted(
                "the run was asked to end before it could keep its state",
                where=self.request.output,
                remedy="give the same command again: a set goes on, a single run needs another --output",
            )
        if self.exit_code == StemdlError.exit_code:
            return StemdlError("the run could not be made", where=self.request.output, remedy="see what its ranks said")
        # mpirun says which rank ended first; where it was ended itself (SIGTERM: exit code 1), it says nothing.
        ended = rank_that_ended(self.words)
        return CheckFailed(
            "the run ended before it was done: a rank died or failed"
            + ("" if ended else ", or something outside ended its launcher"),
            where=self.request.output,
            found=f"exit code {self.exit_code}" + (f"; {ended}" if ended else ""),
            remedy=f"see what its ranks said; start it again, or go on with {to_resume}",
        )


@dataclass(frozen=True)
class RunDriver:
    """What the runs of a set have in common.

    Attributes
    ----------
    ledger : the file that they are entered into. settings : the trainer's, as resolved. ranks : of each run.
    instances : how many runs there are at once.
    launcher : of the ranks. machine : whose nodes they are laid out on; None: all are on this one.
    ranks_per_node : on a machine; None for as many as fit.
    """

    ledger: Path
    settings: Mapping[str, Any]
    ranks: int
    instances: int = 1
    launcher: str = "mpirun"
    machine: Machine | None = None
    ranks_per_node: int | None = None

    @property
    def layout(self) -> Layout | None:
        """Where the ranks of a run stand on the machine. Raises StemdlError where they do not fit."""
        if self.machine is None:
            return None
        return lay_out(self.machine, ranks=self.ranks, ranks_per_node=self.ranks_per_node)

    def make(
        self,
        request: RunRequest,
        share: Share = Share(),
        *,
        output: Path | None = None,
        started: Callable[[subprocess.Popen[bytes]], None] = lambda process: None,
    ) -> Outcome:
        """Start the ranks of a run and wait until all have ended; the ledger has the run, however it ends.

        Parameters
        ----------
        share : the part of the system that the run has.
        output : a new file for what they print, in place of this process's own output.
        started : told the launcher's process.

        Raises StemdlError where there is no such launcher here.
        """
        argv = self._argv(request, share)
        if shutil.which(argv[0]) is None:
            raise StemdlError(
                f"there is no {argv[0]} here",
                where="PATH",
                remedy="call this inside an allocation of the batch system, or choose another --launcher",
            )
        with entered(self.ledger, request, self.settings, self.ranks, self.instances):
            code, words = _wait_for(argv, output, started)
        remove_parts(request.output)  # of a rank that was killed while it wrote
        if words and request.log.is_file():
            with open(request.output / LAUNCHER_WORDS, "a", encoding="utf-8") as kept:
                kept.write(words)
        return Outcome(request, record_of_log(request.output), code, self.ranks, words, was_warned())

    def _argv(self, request: RunRequest, share: Share) -> list[str]:
        environment, options, layout = {LAUNCHED_BY_US: "1", **share.environment()}, share.options, self.layout
        if self.machine is not None:
            environment = rank_environment(self.machine, layout) | environment
            options = (*self.machine.binding.get(self.launcher, ()), *options)
        # One rank on this host needs no launcher, and no MPI.
        alone = self.ranks == 1 and self.machine is None and self.launcher == "mpirun" and not has_mpirun()
        launcher = get_launcher("local" if alone else self.launcher)
        return launcher.argv(Job(self.ranks, run_command(request), environment, layout, options))


def trainer_settings(request: RunRequest) -> dict[str, Any]:
    """The settings of a run, as its ranks resolve them. Raises StemdlError where they are wrong, or the trainer cannot
    be called."""
    if request.own_trainer:
        request.load_trainer()
    return read_settings(request.benchmark, request.rung.name, request.config_file, request.overrides).to_dict()


def run_command(request: RunRequest) -> tuple[str, ...]:
    """The command line of one rank of this run."""
    command = [
        *python(),
        "-m",
        "benchmark",
        "run",
        *_what(request),
        "--data",
        str(request.data),
        "--output",
        str(request.output),
        "--index",
        str(request.index),
    ]
    command += ["--seed", str(request.seed)] if request.seed is not None else []
    command += ["--config", str(request.config_file)] if request.config_file is not None else []
    command += [part for override in request.overrides for part in ("--set", override)]
    command += [option for option, given in (("--resume", request.resume), ("--elastic", request.elastic)) if given]
    command += ["--partition", request.partition] if request.partition else []
    command += ["--start-gate", str(request.start_gate)] if request.start_gate is not None else []
    command += ["--power", request.power] if request.power is not None else []
    return tuple(command)


def _what(request: RunRequest) -> list[str]:
    """The options that say what is trained, and by what."""
    rung = ["--rung", str(request.rung_file or request.rung.name)]
    return rung + (["--trainer", request.benchmark.trainer] if request.own_trainer else [])


def _to_resume(request: RunRequest, ranks: int | None) -> str:
    """The command that goes on with a run."""
    words = ["stemdl", "run", "--resume", "--output", str(request.output), *_what(request), "--data", str(request.data)]
    words += ["--ranks", str(ranks)] if ranks else []
    words += ["--index", str(request.index)] if request.index else []
    words += ["--config", str(request.config_file)] if request.config_file is not None else []
    words += ["--partition", request.partition] if request.partition else []
    return shlex.join(words + [part for override in request.overrides for part in ("--set", override)])


def end(process: subprocess.Popen[bytes]) -> None:
    """Have a launcher end its ranks, and wait until it has."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for(
    argv: list[str], output: Path | None, started: Callable[[subprocess.Popen[bytes]], None]
) -> tuple[int, str]:
    """The launcher's exit code, and what it said of a rank's end, which is kept off the screen. It all goes into
    `output`, where that is given."""
    printed = open(output, "xb") if output else None
    # One rank without a launcher shows a bar where this process has a terminal.
    spoken = printed is None and Path(argv[0]).name == "mpirun"
    try:
        process = start(argv, printed, errors=subprocess.PIPE if spoken else None)
        words = LastWords(process.stderr) if spoken else None
        started(process)
        try:
            code = process.wait()
        except BaseException:  # interrupted: no rank outlives us, and the ledger's line comes after its last word
            end(process)
            raise
        return code, words.read() if words else ""
    finally:
        if printed:
            printed.close()
