"""Trainers and rungs of a user's own: found from any folder, and refused in a sentence where they are wrong."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
import yaml

from benchmark.cli.main import main
from benchmark.definition.finder import load_benchmark
from benchmark.definition.own_rung import find_rung
from benchmark.definition.request import RunRequest
from benchmark.definition.trainer import Trainer
from benchmark.foundation.errors import StemdlError
from benchmark.launch.machine import load_machine
from benchmark.simulation.cbed import CbedRung


@pytest.mark.parametrize(
    ("name", "module", "function", "file"),
    [
        ("reference.train:train", "reference.train", "train", None),
        ("reference.train", "reference.train", "train", None),
        ("some/where/mine.py:fit", "mine", "fit", "some/where/mine.py"),
        ("mine.py", "mine", "train", "mine.py"),
    ],
)
def test_a_trainer_is_a_module_or_a_file(name: str, module: str, function: str, file: str | None):
    trainer = Trainer.named(name)
    assert (trainer.module, trainer.function, trainer.file) == (module, function, None if file is None else Path(file))


def test_a_file_in_the_folder_that_python_looks_in_is_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "trainer_that_is_here.py").write_text("def train(request): return request\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert Trainer.named("trainer_that_is_here.py").load()(3) == 3
    assert Trainer.named("trainer_that_is_here:train").load()(4) == 4


def test_a_module_that_is_installed_comes_before_a_file_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    monkeypatch.delitem(sys.modules, "textwrap", raising=False)
    (tmp_path / "textwrap.py").write_text("raise RuntimeError('mine')")
    assert Trainer.named("textwrap:dedent").load()(" a") == "a"
    assert sys.path == before


def test_a_file_is_loaded_with_what_lies_beside_it_and_once(tmp_path: Path):
    (tmp_path / "my_layers_for_a_test.py").write_text("def answer(request): return request == 42\n")
    (tmp_path / "my_trainer_for_a_test.py").write_text("from my_layers_for_a_test import answer as train\nstate = []\n")
    trainer = Trainer.named(f"{tmp_path}/my_trainer_for_a_test.py")
    assert trainer.load()(42) is True and trainer.load() is trainer.load()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def trian(request): return True\n", "did you mean 'trian'?"),
        ("train = 3\n", "has no function 'train'"),
        ("def train(one, two, three): return True\n", "does not take a request, nor a schema and settings"),
        ("import no_such_module_anywhere\n", "ModuleNotFoundError"),
        ("x = 1\n\ny = x / 0\n", "bad_trainer_{number}.py:3"),
        ("def train(:\n", "bad_trainer_{number}.py:1"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
    ],
)
def test_a_trainer_that_cannot_be_called_is_refused_with_its_line(
    tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture, request
):
    number = abs(hash(text))
    path = tmp_path / f"bad_trainer_{number}.py"
    path.write_text(text)
    output = tmp_path / "run"
    assert (
        main(
            [
                "run",
                "--rung",
                "stemdl_smoke",
                "--output",
                str(output),
                "--data",
                str(tmp_path / "data"),
                "--trainer",
                str(path),
                "--ranks",
                "1",
            ]
        )
        == 2
    )
    assert said.format(number=number) in capsys.readouterr().err
    assert not output.exists() and not (tmp_path / "data").exists(), "refused before anything is made"


@pytest.mark.parametrize(
    ("trainer", "options", "said"),
    [
        ("nowhere.py:train", [], "there is no such file"),
        ("no_such_package_anywhere:train", [], "there is no module"),
        ("{folder}/own_modle_of_a_test.py:train", [], "did you mean 'own_model_of_a_test.py'?"),
        ("{folder}/json.py:train", [], "that of another module"),
        ("{folder}/own_model_of_a_test.py", ["--set", "division=closed"], "for the open division"),
    ],
)
def test_a_trainer_that_is_not_there_or_not_for_this_division(
    tmp_path: Path, trainer: str, options: list, said: str, capsys: pytest.CaptureFixture
):
    for name in ("json", "own_model_of_a_test"):
        (tmp_path / f"{name}.py").write_text("def train(request): return True\n")
    assert (
        main(
            [
                "run",
                "--rung",
                "stemdl_smoke",
                "--output",
                str(tmp_path / "run"),
                "--data",
                str(tmp_path / "data"),
                "--ranks",
                "1",
                "--trainer",
                trainer.format(folder=tmp_path),
                *options,
            ]
        )
        == 2
    )
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists() and not (tmp_path / "data").exists()


def test_a_file_that_makes_a_task_is_named_with_its_function(tmp_path: Path):
    path = tmp_path / "a_task_without_its_function.py"
    path.write_text("def make_task(schema, settings): ...\n")
    with pytest.raises(StemdlError, match=f"no function 'train'\n.*: --trainer {path}:make_task"):
        Trainer.named(str(path)).load()


def test_a_function_of_a_schema_and_settings_makes_a_task_for_the_benchmark_s_trainer(tmp_path: Path):
    from reference.train import train

    path = tmp_path / "my_task_for_a_test.py"
    path.write_text("class Task:\n    def __init__(self, schema, settings): ...\nmake_task = Task\n")
    shipped = load_benchmark("space_group")
    benchmark = dataclasses.replace(shipped, trainer=f"{path}:make_task")
    request = RunRequest(benchmark, benchmark.rung("stemdl_smoke"), tmp_path, tmp_path / "run")
    assert request.own_trainer and request.trainer.package == "my_task_for_a_test"
    assert str(request.loop) == shipped.trainer
    called = request.load_trainer()
    assert called.func is train and called.keywords == {"make_task": request.trainer.load()}


GOOD = {"like": "stemdl_smoke", "name": "mine"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, 2], "is not a mapping"),
        ({}, "like"),
        ({"like": "stemdl_smok"}, "did you mean 'stemdl_smoke'?"),
        (GOOD | {"name": "stemdl_mini"}, "no name of its own"),
        (GOOD | {"name": "../up"}, "no name of its own"),
        (GOOD | {"name": 3}, "no name of its own"),
        (GOOD | {"opticks": {}}, "unknown key 'opticks'"),
        (GOOD | {"optics": {"pixel": 3}}, "unknown key 'pixel'"),
        (GOOD | {"space_groups": [2, 1]}, "must rise"),
        (GOOD | {"space_groups": [2, 231]}, "must rise"),
        (GOOD | {"space_groups": ["a"]}, "must rise"),
        (GOOD | {"space_groups": []}, "must rise"),
        (GOOD | {"materials_per_group": {"training": 3}}, "each split"),
        (GOOD | {"materials_per_group": {"train": "many"}}, "needs whole numbers"),
        (GOOD | {"materials_per_group": {"train": -1}}, "needs whole numbers"),
        (GOOD | {"seed": "x"}, "seed has the wrong"),
        (GOOD | {"optics": {"mistilt_mrad": "a lot"}}, "mistilt_mrad has the wrong"),
        (GOOD | {"optics": {"thickness_angstrom": [1]}}, "thickness_angstrom has the wrong"),
    ],
)
def test_a_rung_with_a_fault_is_refused_by_its_key(tmp_path: Path, values: object, said: str):
    path = tmp_path / "rung.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(StemdlError, match=said.replace("?", r"\?")) as raised:
        find_rung(str(path))
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"a: [", b"[" * 5000])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes | None):
    path = tmp_path / "x.yaml"
    if content is not None:
        path.write_bytes(content)
    for read in (find_rung, load_machine):
        with pytest.raises(StemdlError, match="cannot be read"):
            read(str(path))


@pytest.mark.parametrize("like", load_benchmark("density").rungs)
def test_a_rung_has_the_goal_of_the_one_that_it_is_like(tmp_path: Path, like: str):
    path = tmp_path / "mine.yaml"
    path.write_text(f"like: {like}\nseed: 3\n")
    benchmark, rung, _ = find_rung(str(path))
    assert benchmark.goal_at(rung.name) == benchmark.goal_at(like) == load_benchmark("density").goal_at(like)


def test_a_rung_is_named_by_its_file_and_takes_groups_in_place_of_counts(tmp_path: Path):
    path = tmp_path / "few_of_the_full.yaml"
    path.write_text("like: stemdl_full\nspace_groups: [2, 62]\nmaterials_per_group: {train: 4, dev: 2, test: 2}\n")
    _, rung, _ = find_rung(str(path))
    understood = CbedRung.of(rung)
    assert (rung.name, understood.space_groups, understood.samples_per_group) == ("few_of_the_full", (2, 62), None)
    assert understood.samples(62) == {"train": 40, "dev": 20, "test": 20}
    assert rung.samples == {"train": 80, "dev": 40, "test": 40}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nodes: 3", "description"),
        ("description: a\ncores: 3", "unknown key 'cores'"),
        ("description: a\nnodes: many", "nodes has the wrong type"),
        ("description: a\nnodes: -1", "nodes has the wrong type"),
        ("description: a\nbinding: {srun: x}", "binding has the wrong type"),
        ("description: a\nenvironment: {OMP: 3}", "environment has the wrong type"),
        ("description: a\nwhole_nodes: 1", "whole_nodes has the wrong type"),
        ("description: a\ndirectives: [1]", "directives has the wrong type"),
    ],
)
def test_a_machine_with_a_fault_is_refused_by_its_key(tmp_path: Path, text: str, said: str):
    path = tmp_path / "machine.yaml"
    path.write_text(text)
    with pytest.raises(StemdlError, match=said):
        load_machine(str(path))
