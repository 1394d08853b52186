"""Scripts for batch systems: they ask for nodes, start the launcher, and hand on the warning before the time is up."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from benchmark.foundation.errors import StemdlError
from benchmark.launch.launcher import Launcher
from benchmark.launch.machine import Machine
from benchmark.launch.resources import Layout

TEMPLATES = Path(__file__).with_name("templates")
"""A file for each batch system, whose first line says which command takes a script; and what they share."""

SUFFIX = ".sh.j2"
LONGEST_WARNING_MINUTES = 5


@dataclass(frozen=True)
class BatchJob:
    """One job for a batch system.

    Attributes
    ----------
    argv : the launcher's command line. folder : where it is called; output : what it prints goes there.
    minutes : the time limit, 2 or more. The ranks are warned `warning_minutes` before it.
    queue, account : None leaves them to the site's defaults.
    """

    name: str
    layout: Layout
    machine: Machine
    launcher: Launcher
    argv: tuple[str, ...]
    folder: Path
    output: Path
    minutes: int
    queue: str | None = None
    account: str | None = None

    @property
    def warning_minutes(self) -> int:
        """Minutes between the warning and the limit: a tenth of the limit, at least one and at most five."""
        return max(1, min(LONGEST_WARNING_MINUTES, self.minutes // 10))

    @property
    def clock(self) -> str:
        """The limit as HH:MM:SS."""
        return f"{self.minutes // 60:02d}:{self.minutes % 60:02d}:00"


def batch_systems() -> list[str]:
    """Those that there is a template of."""
    return sorted(path.name.removesuffix(SUFFIX) for path in TEMPLATES.glob(f"*{SUFFIX}") if _submitted_by(path))


def submit_command(system: str) -> str:
    """The command of a batch system that takes a script."""
    return _submitted_by(TEMPLATES / f"{system}{SUFFIX}")


def _submitted_by(template: Path) -> str:
    """Empty for a template that is of no batch system."""
    with template.open(encoding="utf-8") as lines:
        match = re.fullmatch(r"\{# submitted by: (.+) #\}\n", lines.readline())
    return match[1] if match else ""


def batch_script(system: str, job: BatchJob) -> str:
    """The script for one of `batch_systems`; raises StemdlError where its launcher does not work there."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    if system not in job.launcher.batch_systems:
        raise StemdlError(
            f"{job.launcher.name} does not work under {system}",
            where=f"--batch {system}",
            expected=" or ".join(job.launcher.batch_systems),
            remedy="choose another with --launcher",
        )
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    template = environment.get_template(f"{system}{SUFFIX}")
    return template.render(
        job=job,
        layout=job.layout,
        machine=job.machine,
        launch=shlex.join(job.argv),
        folder=shlex.quote(str(job.folder)),
    )


def read_minutes(text: str) -> int:
    """A time limit written as minutes, HH:MM or HH:MM:SS, in whole minutes; raises StemdlError for another form, and
    for less than 2 minutes, which leave no time for a warning."""
    match = re.fullmatch(r"(?:([0-9]{1,4}):)?([0-9]{1,5})(?::([0-9]{2}))?", text)
    if match is None or (match[3] is not None and match[1] is None):
        raise StemdlError(
            "a time limit cannot be read", where="--walltime", expected="minutes, HH:MM or HH:MM:SS", found=repr(text)
        )
    minutes = int(match[1] or 0) * 60 + int(match[2]) + (1 if int(match[3] or 0) else 0)
    if minutes < 2:
        raise StemdlError("the time limit is too short", where="--walltime", expected="2 minutes or more", found=text)
    return minutes
