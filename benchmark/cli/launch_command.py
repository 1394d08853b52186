"""Start the ranks of a run with a launcher, here or by a batch system, on the machine of a profile.

What follows `--` are options of `stemdl run`. The command line and the script are kept in the run's folder.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli.arguments import count
from benchmark.cli.output import add_format, next_step, print_json
from benchmark.cli.parser import Parser
from benchmark.definition.request import BATCH_OUTPUT, BATCH_SCRIPT, LAUNCH
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.interpreter import python
from benchmark.foundation.text import typed

if TYPE_CHECKING:
    from benchmark.launch.machine import Machine
    from benchmark.launch.resources import Layout

FORMAT = 1
"""Of launch.json."""
EXAMPLE = """Examples:
  stemdl launch --profile summit --nodes 4 --dry-run -- --rung stemdl_mini
  stemdl launch --launcher srun --nodes 4 --ranks-per-node 6 --gpus-per-rank 1 -- --rung stemdl_mini
  stemdl launch --profile frontier --nodes 8 --batch slurm --account ABC123 --walltime 0:30 -- --rung stemdl_mini"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl launch`."""
    from benchmark.launch.batch import batch_systems
    from benchmark.launch.launchers import launcher_names

    parser.add_argument("--launcher", choices=launcher_names(), help="(default: the profile's, else mpirun)")
    parser.add_argument(
        "--profile",
        metavar="MACHINE",
        help="what a node has, and what it needs: summit, frontier, perlmutter, aurora, dgx, laptop, or "
        "a file of your own",
    )
    parser.add_argument("--nodes", type=count, help="(default: as many as the ranks need, else 1)")
    parser.add_argument("--ranks", type=count, help="in all (default: all nodes full)")
    parser.add_argument("--ranks-per-node", type=count, help="(default: one for each GPU, or each core)")
    parser.add_argument("--gpus-per-rank", type=int, help="(default: 1 where the profile has GPUs, else 0)")
    parser.add_argument("--cores-per-rank", type=count, help="physical ones (default: an even share)")
    parser.add_argument("--batch", choices=batch_systems(), help="write a script for this batch system, start nothing")
    parser.add_argument("--queue", help="of the batch system; Slurm calls it partition")
    parser.add_argument("--account", help="that the batch system charges")
    parser.add_argument("--walltime", default="60", metavar="LIMIT", help="minutes or HH:MM (default: %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="print it, and write and start nothing")
    parser.add_argument("run", nargs="*", metavar="-- OPTIONS", help="options of stemdl run")
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """The launcher's exit code; 0 for a script and a dry run; 2 where the ranks do not fit the machine."""
    from benchmark.launch.launchers import Job, get_launcher
    from benchmark.launch.resources import lay_out, rank_environment
    from benchmark.launch.system import machine_of

    run, options = _run_options(arguments.run)
    if arguments.format == "json" and not (arguments.dry_run or arguments.batch):
        options += ["--format", "json"]  # then stdout is the run's
    machine = machine_of(arguments.profile)
    layout = lay_out(
        machine,
        nodes=arguments.nodes,
        ranks=arguments.ranks,
        ranks_per_node=arguments.ranks_per_node,
        gpus_per_rank=arguments.gpus_per_rank,
        cores_per_rank=arguments.cores_per_rank,
    )
    launcher = get_launcher(arguments.launcher or machine.launcher)
    job = Job(
        layout.ranks,
        (*_rank_command(), *options),
        rank_environment(machine, layout),
        layout,
        machine.binding.get(launcher.name, ()),
    )
    argv = launcher.argv(job)
    script = _script(arguments, machine, layout, launcher, argv, run.output) if arguments.batch else None
    record = {
        "format": FORMAT,
        "launcher": launcher.name,
        "profile": arguments.profile,
        "layout": asdict(layout),
        "argv": argv,
        "environment": dict(job.environment),
        "batch": arguments.batch,
        "output": str(run.output),
    }
    if arguments.dry_run:
        _print(arguments.format, record, script)
        return 0
    _keep(run, record, script)
    if script is not None:
        from benchmark.launch.batch import submit_command

        _print(arguments.format, record, script)
        next_step(f"{submit_command(arguments.batch)} {shlex.quote(str(run.output / BATCH_SCRIPT))}")
        return 0
    print(f"{layout.ranks} ranks by {launcher.name} into {run.output}", file=sys.stderr, flush=True)
    return _become(argv)


def _run_options(given: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options of `stemdl run`, read; and as the ranks get them, with the folder that all of them must agree on."""
    from benchmark.cli import run_command
    from benchmark.cli.run_folder import unnamed_folder
    from benchmark.definition.own_rung import find_rung

    parser = Parser(prog="stemdl run")
    run_command.configure(parser)
    run = parser.parse_args(given)
    _, rung, _ = find_rung(run.rung)
    if run.ranks is not None:
        raise StemdlError("the ranks are the launcher's matter", where="--ranks after --", remedy="write it before --")
    options = list(given)
    if run.output is None:
        run.output = unnamed_folder(rung.name)
        options += ["--output", str(run.output)]
    return run, options


def _rank_command() -> tuple[str, ...]:
    """What each rank is: run_benchmark.sh of this checkout, or without a checkout this Python."""
    import benchmark

    script = Path(benchmark.__file__).resolve().parents[1] / "run_benchmark.sh"
    return (str(script),) if script.is_file() else (*python(), "-m", "benchmark", "run")


def _script(
    arguments: argparse.Namespace, machine: Machine, layout: Layout, launcher: Any, argv: list[str], output: Path
) -> str:
    from benchmark.launch.batch import BatchJob, batch_script, read_minutes

    return batch_script(
        arguments.batch,
        BatchJob(
            name="stemdl",
            layout=layout,
            machine=machine,
            launcher=launcher,
            argv=tuple(argv),
            folder=Path.cwd(),
            output=output.absolute() / BATCH_OUTPUT,
            minutes=read_minutes(arguments.walltime),
            queue=arguments.queue,
            account=arguments.account,
        ),
    )


def _keep(run: argparse.Namespace, record: Mapping[str, object], script: str | None) -> None:
    """Write the command line and the script into the run's folder, once it is sure that the ranks can begin."""
    from benchmark.cli.run_checks import refuse_used_folder
    from benchmark.data.manifest import MANIFEST
    from benchmark.definition.own_rung import find_rung
    from benchmark.foundation.files import write_json, write_text

    data = run.data or Path("data") / find_rung(run.rung)[1].name
    if not (data / MANIFEST).is_file():
        raise StemdlError(
            "there are no data, and ranks of a launcher make none",
            where=data,
            remedy=f"stemdl data generate {run.rung} -o {typed(data)}",
        )
    refuse_used_folder(run.output, run.resume)
    write_json(run.output / LAUNCH, record)
    if script is not None:
        write_text(run.output / BATCH_SCRIPT, script)


def _print(form: str, record: Mapping[str, object], script: str | None) -> None:
    if form == "json":
        print_json({**record, "script": script})
    else:
        print(script if script is not None else shlex.join(record["argv"]), end="" if script is not None else "\n")


def _become(argv: list[str]) -> int:
    """Turn this process into the launcher: its exit code is ours, and signals are its own."""
    program = shutil.which(argv[0])
    if program is None:
        raise StemdlError(
            f"there is no {argv[0]} here",
            where="PATH",
            remedy="call this inside an allocation of the batch system, load the launcher's module, or "
            "choose another with --launcher",
        )
    os.execv(program, argv)
