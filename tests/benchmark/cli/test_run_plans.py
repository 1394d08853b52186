"""`stemdl run` of several runs, its trainer pretended: what is made, printed, gone on with, and the exit codes."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.cli import run_checks, run_command
from benchmark.cli.main import main
from benchmark.submission import run_set
from benchmark.submission.ledger import read_ledger
from benchmark.validation import official

Run = Callable[..., int]


@pytest.fixture
def run(pretend: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run(fates, *options)`: the exit code of `stemdl run` into tmp_path/runs/set on data that are there; the logs
    pass the official checker."""
    monkeypatch.setattr(official, "check_log", lambda path: SimpleNamespace(passed=True, output=""))
    monkeypatch.setattr(run_command, "_accelerators", lambda: 0)
    monkeypatch.setattr(run_checks, "read_manifest", run_set.read_manifest)
    monkeypatch.setattr(run_command, "_make_data", lambda request, processes: None)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "manifest.json").write_text("{}")

    def execute(fates: str, *options: str) -> int:
        pretend(fates)
        return main(
            [
                "run",
                "--rung",
                "stemdl_smoke",
                "--data",
                str(tmp_path / "data"),
                "--output",
                str(tmp_path / "runs" / "set"),
                "--oversubscribe",
                *options,
            ]
        )

    return execute


def test_a_set_with_a_crash_ends_with_1_and_is_gone_on_with(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run("1=killed", "--ranks", "1", "--runs", "3") == 1
    printed = capsys.readouterr()
    assert "2 of 2 runs reached the target" in printed.out and "1 more did not come to an end" in printed.out
    assert "the same command makes what is missing" in printed.out
    assert "run 2 of 3" in printed.err
    assert run("", "--ranks", "1", "--runs", "3", "--format", "json") == 0  # whole now; the crash stays, and is listed
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert (report["runs"], report["reached"], report["unfinished"]) == (3, 3, 1) and report["olympic_mean_seconds"]
    assert [record["status"] for record in report["records"]] == ["success", "crashed", "success", "success"]
    assert "has 2 of 3 runs already" in printed.err and "run 3 of 3" in printed.err
    assert len(read_ledger(tmp_path / "runs").runs) == 4


def test_a_whole_set_ends_with_0(run: Run):
    assert run("", "--ranks", "1", "--runs", "2") == 0


def test_an_instance_that_dies_is_told_and_ends_with_1(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run("1=dumb", "--ranks", "1", "--instances", "2") == 1
    printed = capsys.readouterr()
    assert "weak scaling: 1 of 2 models reached the target on 1 rank each" in printed.out
    assert "instance 1: crashed; see " in printed.err and "instance_1: crashed" in printed.out
    assert run("", "--ranks", "1", "--instances", "2") == 2  # trained at once or not at all
    assert "not empty" in capsys.readouterr().err


def test_a_scaling_study_is_made_once_and_shown(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run("", "--scale", "2,1,1", "--runs", "1") == 0
    table = capsys.readouterr().out
    folder = tmp_path / "runs" / "set"
    assert sorted(path.name for path in folder.iterdir()) == [
        "ranks_1",
        "ranks_2",
        "scaling.json",
        "scaling.png",
        "scaling.svg",
    ]
    assert run("", "--scale", "1,2", "--runs", "1", "--format", "json") == 0
    points = json.loads(capsys.readouterr().out)["points"]
    assert [point["ranks"] for point in points] == [1, 2] and len(read_ledger(tmp_path / "runs").runs) == 2
    assert main(["show", str(folder)]) == 0
    assert table[: table.index("drawn in")] in capsys.readouterr().out
    assert main(["show", str(folder), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["points"] == points


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--set", "seed=-1"), "'seed' is an option of its own"),
        (("--set", "ranks=3"), "--ranks 3"),
        (("--runs", "2", "--instances", "2"), "leave out --runs"),
        (("--runs", "2", "--seed", "1"), "--runs: runs of one set"),
        (("--instances", "2", "--seed", "1"), "--instances: runs of one set"),
        (("--scale", "1,2", "--resume"), "--scale: runs of one set"),
        (("--scale", "1,2", "--ranks", "2"), "leave out --ranks"),
        (("--hosts", "a,b"), "--hosts: only instances"),
        (("--instances", "2", "--launcher", "srun"), "--ranks: on nodes of an allocation"),
        (
            ("--instances", "3", "--ranks", "2", "--ranks-per-node", "1", "--hosts", "a,b,c,d,e"),
            "6: 2 for each of 3 jobs",
        ),
    ],
)
def test_what_does_not_go_together_is_said(
    run: Run, tmp_path: Path, options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
):
    assert run("", *options) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "runs").exists()


def test_instances_inside_an_allocation_get_nodes_of_their_own(
    run: Run, pretend: Callable, capsys: pytest.CaptureFixture[str]
):
    assert run("", "--instances", "2", "--ranks", "2", "--ranks-per-node", "1", "--hosts", "a,b,c,d") == 0
    assert sorted((job.layout.nodes, job.binding) for job in pretend.jobs) == [
        (2, ("--host", hosts)) for hosts in ("a:1,b:1", "c:1,d:1")
    ]
    assert "2 of 2 models reached the target on 2 ranks each" in capsys.readouterr().out


def test_a_study_is_laid_out_on_the_profile_s_nodes(run: Run, pretend: Callable):
    assert run("", "--scale", "6,24", "--profile", "summit", "--set", "global_batch_size=24") == 0
    assert [(job.ranks, job.layout.nodes, job.layout.gpus_per_rank) for job in pretend.jobs] == [(6, 1, 1), (24, 4, 1)]


@pytest.mark.parametrize("scale", ["", "1,", "0", "1,x"])
def test_a_scale_is_numbers_of_ranks(run: Run, scale: str):
    with pytest.raises(SystemExit, match="2"):
        run("", "--scale", scale)


@pytest.mark.parametrize("option", [("--instances", "2"), ("--scale", "1,2")])
def test_a_launcher_s_ranks_start_no_others(
    run: Run, option: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)
    assert run("", *option) == 2
    assert "without a launcher" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "checkpoint", "to_go_on"),
    [([], True, "--resume"), ([], False, ", with another --output"), (["--runs", "3"], True, "")],
)
def test_an_interrupted_run_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], checkpoint: bool, to_go_on: str
) -> None:
    words = ["run", "--output", str(tmp_path), *options]
    monkeypatch.setattr(sys, "argv", ["stemdl", *words])
    parser = argparse.ArgumentParser()
    run_command.configure(parser)
    if checkpoint:
        (tmp_path / "checkpoint.pt").touch()
    request = SimpleNamespace(output=tmp_path, checkpoint=tmp_path / "checkpoint.pt")
    said = run_command._to_go_on(request, parser.parse_args(words[1:]))
    assert (
        said.startswith("stemdl " + shlex.join(words))
        and said.removeprefix("stemdl " + shlex.join(words)).strip() == to_go_on.strip()
    )
    monkeypatch.setattr(sys, "argv", ["stemdl", "run", *options])  # the folder was named by the program
    said = run_command._to_go_on(request, parser.parse_args(options))
    assert (f"--output {tmp_path}" in said) == (checkpoint or bool(options)) and "another" not in said
