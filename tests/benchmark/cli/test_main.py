"""The command line in this process: help, wrong use, and one message for each foreseen error."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from benchmark.cli.main import COMMANDS, main

ALL_COMMANDS = [(name,) for name in COMMANDS] + [
    ("data", name) for name in ("generate", "split", "verify", "info", "explore")
]


def message_of(capsys: pytest.CaptureFixture[str]) -> str:
    """What went to stderr, when nothing went to stdout."""
    output = capsys.readouterr()
    assert output.out == "" and "Traceback" not in output.err
    return output.err


@pytest.mark.parametrize("command", ALL_COMMANDS, ids=" ".join)
def test_help_shows_an_example(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        main([*command, "--help"])
    output = capsys.readouterr()
    assert left.value.code == 0 and output.err == ""
    assert output.out.startswith(f"usage: stemdl {' '.join(command)}")
    assert f"  stemdl {' '.join(command)}" in output.out or f"Example: stemdl {' '.join(command)}" in output.out


def test_a_working_directory_that_is_gone_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for command in ("list", "doctor", "run"):
        assert main([command]) == 2
        said = message_of(capsys)
        assert "the working directory cannot be used" in said and "what to do: cd" in said


def test_help_names_every_command_and_imports_nothing_heavy(environment: dict[str, str]):
    program = (
        "import sys\nfrom benchmark.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'h5py', 'sklearn', 'matplotlib', 'mpi4py', 'reference'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    *text, heavy = done.stdout.splitlines()
    assert heavy == "[]"
    assert all(any(line.split()[:1] == [name] for line in text) for name in COMMANDS)
    assert any("stemdl run --rung stemdl_smoke" in line for line in text)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "COMMAND"),
        (["rnu"], "rnu"),
        (["data"], "COMMAND"),
        (["run", "--rang", "x"], "--rang"),
        (["run", "--rank", "2"], "--rank"),  # options may not be shortened
        (["run", "--ranks", "0"], "'0' is not a whole number above 0"),
        (["data", "generate", "stemdl_smoke", "--ranks", "0"], "'0' is not a whole number above 0"),
        (["run", "--runs", "two"], "'two' is not a whole number above 0"),
        (["run", "--seed", "-1"], "--seed"),
        (["run", "--seed", str(2**31)], "0 to 2147483647"),
        (["show"], "run"),
        (["list", "--format", "xml"], "xml"),
    ],
)
def test_wrong_options_are_one_message(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    message = message_of(capsys)
    assert left.value.code == 2
    assert message.count("error:") == 1 and says in message.partition("error:")[2]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["data", "generate", "stemdl_olcf"], "not simulated"),
        (["run", "--rung", "stemdl_smok"], "did you mean 'stemdl_smoke'?"),
        (["run", "--rung", "stemdl_smoke", "--set", "max_epoch=3"], "did you mean 'max_epochs'?"),
        (["run", "--rung", "stemdl_smoke", "--set", "width=wide"], "expected: int"),
        (["run", "--rung", "stemdl_smoke", "--config", "absent.yaml"], "absent.yaml"),
        (["run", "--runs", "2", "--seed", "1"], "leave out --seed"),
        (["run", "--resume"], "--output"),
        (["run", "--output", "used"], "the folder is not empty"),
        (["run", "--rung", "stemdl_smoke", "--data", "used"], "something else than data"),
        (["show", "nowhere"], "there is no run here"),
        (["data", "generate", "stemdl_max"], "stemdl_ma"),
        (["data", "split", "nowhere"], "no data here"),
        (["data", "verify", "nowhere"], "no data here"),
        (["data", "info", "nowhere"], "no data here"),
        (["data", "explore", "nowhere"], "no data here"),
    ],
)
def test_a_foreseen_error_is_one_message_and_leaves_nothing(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.txt").write_text("mine")
    assert main(arguments) == 2
    message = message_of(capsys)
    assert message.startswith("stemdl: ") and message.count("stemdl: ") == 1 and says in message
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["notes.txt", "used"]


def test_no_runs_is_an_answer_and_no_folder_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert main(["list"]) == 0
    output = capsys.readouterr()
    assert output.out.split() == ["run", "rung", "status", "seconds", "epochs", "dev", "ranks"]
    assert "stemdl run" in output.err
    assert main(["list", str(tmp_path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    (tmp_path / "file").touch()
    for name, says in (("nowhere", "there is no such folder"), ("file", "this is not a folder")):
        assert main(["list", name]) == 2
        assert says in message_of(capsys)


def test_the_rungs_are_listed_with_what_they_hold(capsys: pytest.CaptureFixture[str]):
    from benchmark.definition.finder import readable

    assert main(["list", "--rungs", "--format", "json"]) == 0
    listed = {each["rung"]: each for each in json.loads(capsys.readouterr().out)}
    assert list(listed) == [rung for benchmark in readable().values() for rung in benchmark.rungs]
    assert listed["stemdl_olcf"]["samples"] == {"train": 148006, "dev": 20400, "test": 18749}
    assert 548.3 < listed["stemdl_full"]["bytes"] / 2**30 < 549.0  # the real set takes 548.7 GiB
    assert main(["list", "--rungs"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    mini = lines.index(["stemdl_mini", "3,500", "1,000", "1,000", "0.29"])
    assert " ".join(lines[mini + 1]).startswith("25 space groups of all 7 crystal systems")


def test_a_dry_run_tells_time_and_size_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from benchmark.data import cost
    from benchmark.definition.finder import load_benchmark

    monkeypatch.setattr(cost, "MOST_UNITS", 5)
    monkeypatch.setattr(cost, "measure", partial(cost.measure, limit_seconds=math.inf))
    folder = tmp_path / "data"
    arguments = ["data", "generate", "stemdl_smoke", "-o", str(folder), "--ranks", "4", "--dry-run"]
    assert main([*arguments, "--format", "json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    rung = load_benchmark("space_group").rung("stemdl_smoke")
    assert (plan["units"], plan["samples"], plan["strata"], plan["shards"]) == (320, 320, 5, 8)
    assert plan["recipe_sha256"] == rung.recipe_sha256 and plan["ranks"] == 4 and plan["samples_timed"] == 5
    assert plan["seconds"] == pytest.approx(plan["core_seconds_per_sample"] * 320 / 4)
    assert main(arguments) == 0
    output = capsys.readouterr()
    assert "320 units, 320 samples in 8 shards" in output.out and "stemdl data generate" in output.err
    assert [line.split()[0] for line in output.out.splitlines()[2:]] == ["ranks", "1", "4", "40", "400"]
    assert not folder.exists()


def test_an_interruption_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    from benchmark.cli import list_command

    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(list_command, "execute", interrupted)
    assert main(["list"]) == 130
    assert "interrupted" in message_of(capsys)
