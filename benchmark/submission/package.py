"""A submission made of runs: their logs, records and ledger, the system, the code, and the scripts that repeat them."""

from __future__ import annotations

import filecmp
import json
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmark.definition.finder import benchmark_of
from benchmark.definition.request import LOG
from benchmark.events.power_log import POWER, power_logs
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.source import source_files, source_sha256
from benchmark.launch.launchers import launcher_names
from benchmark.metrics.tallies import TALLIES, submitted_tallies
from benchmark.submission.ledger import LEDGER, LedgerRun
from benchmark.submission.run_record import RUN, StoredRun

PRUNED = "pruned_results"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True)
class SubmissionDraft:
    """What goes into a submission: the runs of one system and rung.

    Attributes
    ----------
    organisation, system : names of folders.
    runs : in the order of the ledger, each with its line there. pruned : those that weak scaling leaves out.
    ledger : the file. description : of the system, all fields.
    package : the folder of the trainer's source, or its file.
    """

    organisation: str
    system: str
    scaling: str
    rung: str
    runs: tuple[tuple[StoredRun, LedgerRun], ...]
    ledger: Path
    description: Mapping[str, str]
    package: Path
    pruned: tuple[tuple[StoredRun, LedgerRun], ...] = ()

    def __post_init__(self) -> None:
        for what, name in (("organisation", self.organisation), ("system", self.system)):
            if not _NAME.fullmatch(name):
                raise StemdlError(
                    f"this is not a name of a folder for the {what}",
                    found=name,
                    expected="letters, digits and . _ + -, the first a letter or a digit",
                )

    @property
    def told(self) -> LedgerRun:
        """What the ledger says of the first run, as of all that have its configuration."""
        return self.runs[0][1]

    @property
    def implementation(self) -> str:
        """The name of the code's folder, another for other code."""
        return f"{self.package.stem}-{source_sha256(self.package)[:8]}"


def check_code(draft: SubmissionDraft) -> None:
    """Raises StemdlError where the code to be packed is not what ran: the ledger has its hash."""
    here = source_sha256(draft.package)
    for run, told in draft.runs:
        if told.source.get(draft.package.stem) != here:
            raise StemdlError(
                "this is not the code that ran",
                where=draft.package,
                expected=f"that of {run.folder}: {told.source.get(draft.package.stem)}",
                found=here,
                remedy=f"--code FOLDER, a checkout of commit {told.commit}",
            )


def pack_hpc(draft: SubmissionDraft, folder: Path) -> None:
    """Write the draft into the organisation's `folder` as MLPerf HPC lays it out (policies: submission_rules.adoc,
    "Directory structure"). What is there already stays; raises StemdlError where a set of results is, or a file that
    differs."""
    results = folder / "results" / draft.system / draft.scaling / draft.rung
    if results.exists():
        raise StemdlError(
            "these results are there already, and are never overwritten",
            where=f"results/{draft.system}/{draft.scaling}/{draft.rung}",
            remedy="another --system, or another tree",
        )
    put_runs(draft.runs, results, LOG)
    put_runs(draft.pruned, results / PRUNED, LOG)
    put(results / LEDGER, draft.ledger.read_bytes())
    put(folder / "systems" / f"{draft.system}.json", as_json(draft.description))
    implementations = folder / "benchmarks" / draft.rung / "implementations"
    put_code(draft, implementations / draft.implementation)
    put(implementations / draft.implementation / "README.md", _readme_of_code(draft))
    scripts = implementations / draft.system
    code = f"../{draft.implementation}"
    if draft.told.instances > 1:  # besides those of strong scaling, which are always there
        scripts, code = scripts / draft.scaling, f"../{code}"
    put_scripts(draft, scripts)
    put(scripts / f"{draft.system}_{draft.implementation}.json", as_json(facts(draft)))
    put(scripts / "README.md", readme(draft, code))
    put(scripts / "config.yaml", yaml.safe_dump(dict(draft.told.settings), sort_keys=False))


def put_runs(runs: Sequence[tuple[StoredRun, LedgerRun]], folder: Path, name: str) -> None:
    """Logs, records, power logs and what was counted, numbered from 0, byte for byte. `name` has a place for
    {index}."""
    for index, (run, _) in enumerate(runs):
        put(folder / name.format(index=index), run.log.read_bytes())
        put(folder / name.replace(".txt", ".json").format(index=index), (run.folder / RUN).read_bytes())
        if (counted := run.folder / TALLIES).exists():
            put(submitted_tallies(folder / name.format(index=index)), counted.read_bytes())
        for path in power_logs(run.log):
            put(folder / POWER / Path(name.format(index=index)).stem / path.name, path.read_bytes())


def put_code(draft: SubmissionDraft, folder: Path) -> None:
    """The trainer's source, and the task's where that lies elsewhere."""
    task = benchmark_of(draft.rung)
    sources = {draft.package.stem: draft.package} | ({} if task.shipped else {task.task: task.task_folder})
    for package, source in sources.items():
        for name, path in source_files(source).items():
            put(folder / package / name, path.read_bytes())


def put_scripts(draft: SubmissionDraft, folder: Path) -> None:
    """What repeats the runs, from the top of a checkout of the project."""
    commit = (draft.told.commit or "").removesuffix("-dirty")
    data = f"data/{draft.rung}"
    config = '--config "$(dirname -- "$0")/config.yaml"'
    for name, why, command in (
        (
            "setup.sh",
            "The software, at the commit that the logs name.",
            f"git checkout {shlex.quote(commit)}\nscripts/setup_env.sh",
        ),
        (
            "init_datasets.sh",
            "The data, by the rung's recipe; the logs have the hash of their manifest.",
            f"stemdl data generate {draft.rung} -o {data}",
        ),
        ("run_and_time.sh", "The runs.", f"{command_of(draft)} --data {data} {config}"),
    ):
        path = put(folder / name, f"#!/usr/bin/env bash\n# {why}\n\nset -euo pipefail\n\n{command}\n")
        path.chmod(0o755)


def command_of(draft: SubmissionDraft) -> str:
    """The command that makes such runs, without data and settings."""
    told, nodes = draft.told, draft.description["number_of_nodes"]
    rung = draft.rung
    if told.trainer is not None:
        rung += f" --trainer {shlex.quote(told.trainer)}"
    if told.instances > 1:
        return f"stemdl run --rung {rung} --ranks {told.ranks} --instances {told.instances}"
    if nodes == "1":
        return f"stemdl run --rung {rung} --ranks {told.ranks} --runs {len(draft.runs)}"
    launch = ["stemdl", "launch", "--nodes", nodes, "--ranks", str(told.ranks)]
    launcher = (draft.runs[0][0].record or {}).get("launcher")
    launch += ["--launcher", launcher] if launcher in launcher_names() else []
    return f"{shlex.join(launch)} -- --rung {rung} --runs {len(draft.runs)}"


def facts(draft: SubmissionDraft) -> dict[str, Any]:
    """Which code ran on this system, and how."""
    record = draft.runs[0][0].record or {}
    return {
        "implementation": draft.implementation,
        "commit": draft.told.commit,
        "source": dict(draft.told.source),
        "versions": record.get("versions"),
        "ranks": draft.told.ranks,
        "launcher": record.get("launcher"),
        "settings": dict(draft.told.settings),
        "manifest_sha256": draft.told.manifest_sha256,
    }


def readme(draft: SubmissionDraft, code: str) -> str:
    """How the runs were made, and how to repeat them. `code` is where the source lies."""
    commit = draft.told.commit or "unknown"
    dirty = (
        "\nTracked files were changed on top of that commit: the source here is what ran.\n"
        if commit.endswith("-dirty")
        else ""
    )
    return f"""# {draft.rung} on {draft.system}

{len(draft.runs)} runs of `{draft.package.stem}` (source: `{code}`) at commit {commit.removesuffix("-dirty")}, on
{draft.told.ranks} ranks. `{LEDGER}` next to the logs has all runs that were begun in their results folder.
{dirty}
From the top of a checkout of the project, its environment active:

```
setup.sh            # the software at that commit
init_datasets.sh    # the data; manifest {draft.told.manifest_sha256}
run_and_time.sh     # {command_of(draft)} ...
```

`config.yaml` has all settings. Each run takes a fresh seed from the operating system; evaluation is of the whole `dev`
split after every epoch.
"""


def _readme_of_code(draft: SubmissionDraft) -> str:
    return f"""# {draft.implementation}

The source of `{draft.package.stem}` as it ran: preprocessing, order of the samples, model, optimizer, evaluation. What
surrounds it (data, clock, log) is the package `benchmark` at the commit that the logs name. The command is in the
folder of the system, next to this one.
"""


def as_json(value: Mapping[str, Any]) -> str:
    """A JSON file's text."""
    return json.dumps(dict(value), indent=2, allow_nan=False) + "\n"


def put(path: Path, content: bytes | str) -> Path:
    """Write a file; one that is there already has to be the same. Returns the path."""
    content = content.encode("utf-8") if isinstance(content, str) else content
    if os.path.lexists(path):
        if path.is_symlink() or not path.is_file() or path.read_bytes() != content:
            raise StemdlError(
                "this is there already and is another, and nothing is overwritten",
                where=path,
                remedy="another --system, or another tree",
            )
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def publish(staged: Path, target: Path) -> None:
    """Move what is new under `staged` to `target`, on the same file system; what is there stays, and is the same.

    Each folder that is new appears whole, by one rename, results after the systems and benchmarks that they need: who
    is broken off leaves no half of a set, and can do it again. Raises StemdlError where somebody else put something
    there meanwhile.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(target):
        os.rename(staged, target)
        return
    if staged.is_dir() and target.is_dir():
        for each in sorted(staged.iterdir(), key=lambda path: (path.name == "results", path.name)):
            publish(each, target / each.name)
    elif not (staged.is_file() and target.is_file() and filecmp.cmp(staged, target, shallow=False)):
        raise StemdlError("another process has written this meanwhile", where=target, remedy="submit again")


def copy_of(folder: Path, to: Path) -> None:
    """What is at a place already, links as links, for what is added to be judged with it."""
    if folder.is_dir():
        shutil.copytree(folder, to, symlinks=True)


def order_runs(runs: Sequence[tuple[StoredRun, LedgerRun]]) -> tuple[tuple[StoredRun, LedgerRun], ...]:
    """The runs in the order of their starts, as the ledger has them; the same run given twice is one."""
    by_line = {told.line: (run, told) for run, told in runs}
    return tuple(by_line[line] for line in sorted(by_line))
