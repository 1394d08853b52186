"""`stemdl launch`: what it prints, what it keeps with the run, and that it becomes the launcher."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from patience import HANG_SECONDS

from benchmark.cli.main import main
from benchmark.launch import launchers

RUN = ["--", "--rung", "stemdl_smoke", "--set", "org=Some where"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command is called; data that look whole, and no launcher that pretends to have started it."""
    (tmp_path / "data" / "stemdl_smoke").mkdir(parents=True)
    (tmp_path / "data" / "stemdl_smoke" / "manifest.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.defpath)  # where sites have no launchers
    return tmp_path


def test_a_dry_run_prints_the_command_line_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.rglob("*"))
    assert main(["launch", "--profile", "summit", "--nodes", "4", "--dry-run", *RUN, "--output", "out dir"]) == 0
    words = shlex.split(capsys.readouterr().out)
    assert words[:14] == "jsrun -n 24 -r 6 -a 1 -c 7 -g 1 -b packed:7 -d".split()
    assert {"OMP_NUM_THREADS=7", "STEMDL_GPUS_PER_RANK=1"} <= set(words)
    root = Path(launchers.__file__).parents[3]
    assert words[-7:] == [str(root / "run_benchmark.sh"), *RUN[1:], "--output", "out dir"]
    assert sorted(folder.rglob("*")) == before


def test_json_tells_all_and_the_ranks_agree_on_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "launch",
        "--launcher",
        "srun",
        "--nodes",
        "4",
        "--ranks-per-node",
        "6",
        "--gpus-per-rank",
        "1",
        "--batch",
        "slurm",
        "--walltime",
        "0:20",
        "--queue",
        "q",
        "--account",
        "a",
        "--dry-run",
        "--format",
        "json",
    ]
    assert main([*arguments, *RUN]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["layout"] == {
        "ranks": 24,
        "nodes": 4,
        "ranks_per_node": 6,
        "cores_per_rank": None,
        "gpus_per_rank": 1,
        "cpus_per_core": 1,
        "cores": [],
    }
    assert told["argv"][-2:] == ["--output", told["output"]] and told["output"].startswith("runs/")
    assert "#SBATCH --partition=q\n" in told["script"] and shlex.join(told["argv"]) in told["script"]
    assert (told["launcher"], told["batch"], told["profile"]) == ("srun", "slurm", None)


def test_a_script_is_kept_with_the_run_and_nothing_started(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["launch", "--profile", "frontier", "--nodes", "2", "--batch", "slurm", *RUN, "--output", "out"]
    assert main(arguments) == 0
    output = capsys.readouterr()
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["batch.sh", "launch.json"]
    script = (folder / "out" / "batch.sh").read_text()
    assert output.out == script and output.err == "Next: sbatch out/batch.sh\n"
    assert f"--output={folder}/out/batch.out" in script and f"cd {shlex.quote(str(folder))} " in script
    kept = json.loads((folder / "out" / "launch.json").read_text())
    assert shlex.join(kept["argv"]) in script and kept["layout"]["ranks"] == 16
    assert main(arguments) == 0, "a script may be written again before the run has begun"
    (folder / "out" / "result_0.txt").touch()
    assert main(arguments) == 2
    assert "the folder is not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--profile", "summit", "--nodes", "4", "--cores-per-rank", "8", "--ranks-per-node", "6"],
            "24 ranks do not fit 4 nodes x 5 slots",
        ),
        (["--profile", "sumit"], "did you mean 'summit'"),
        (["--launcher", "local", "--ranks", "2"], "local starts one rank"),
        (["--launcher", "jsrun", "--batch", "slurm"], "jsrun does not work under slurm"),
        (["--launcher", "srun", "--batch", "slurm", "--walltime", "soon"], "--walltime"),
        (["--launcher", "jsrun"], "there is no jsrun here"),
        (["--launcher", "jsrun", "--", "--rung", "stemdl_smok"], "did you mean 'stemdl_smoke'"),
        (["--launcher", "jsrun", "--", "--rung", "stemdl_mini"], "stemdl data generate stemdl_mini"),
        (["--launcher", "jsrun", "--", "--rung", "stemdl_smoke", "--ranks", "2"], "write it before --"),
    ],
)
def test_what_cannot_be_is_one_message(
    arguments: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = arguments if "--" in arguments else [*arguments, *RUN]
    assert main(["launch", *arguments]) == 2
    output = capsys.readouterr()
    assert says in output.err and output.out == "" and "Traceback" not in output.err


def test_wrong_options_of_the_run_are_found_before_it_is_queued(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["launch", "--batch", "slurm", "--", "--rang", "x"])
    assert left.value.code == 2 and "--rang" in capsys.readouterr().err
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(("code", "form"), [(0, []), (5, ["--format", "json"])])
def test_it_becomes_the_launcher(code: int, form: list[str], folder: Path, environment: dict[str, str]) -> None:
    """With a program called srun that tells its words, and with its exit code."""
    program = folder / "bin" / "srun"
    program.parent.mkdir()
    program.write_text(f'#!/bin/bash\necho "$$ $*"\nexit {code}\n')
    program.chmod(0o755)
    argv = [
        sys.executable,
        "-m",
        "benchmark",
        "launch",
        "--launcher",
        "srun",
        "--nodes",
        "2",
        *form,
        *RUN,
        "--output",
        "out",
    ]
    with subprocess.Popen(
        argv,
        env=environment | {"PATH": f"{program.parent}:{os.environ['PATH']}"},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        output, errors = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == code, errors
    assert output.startswith(f"{process.pid} --nodes=2 --ntasks=2 "), "the process itself: signals reach the launcher"
    kept = json.loads((folder / "out" / "launch.json").read_text())
    assert kept["argv"][-4:] == ["--output", "out", *form] or not form
    assert output.split(maxsplit=1)[1] == " ".join(kept["argv"][1:]) + "\n"


@pytest.mark.parametrize("profile", ["summit", "frontier", "perlmutter", "aurora", "dgx", "laptop"])
def test_every_profile_makes_a_command_line(profile: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["launch", "--profile", profile, "--dry-run", *RUN]) == 0
    assert shlex.split(capsys.readouterr().out)
