"""Settings: what is unknown or wrong is refused by name, later sources win, and a task adds its own as data."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.definition.benchmark import Benchmark
from benchmark.definition.finder import load_benchmark
from benchmark.definition.setting import Setting
from benchmark.definition.settings import FREE, OF_TRAINERS, Settings, read_settings, settings_of
from benchmark.foundation.errors import StemdlError

NO_RUNG = "a rung without settings of its own"
STEMDL = load_benchmark("space_group")
KNOWN = settings_of(STEMDL)


def test_every_setting_says_what_it_is_and_its_default_is_allowed():
    fields = {field.name: field.type for field in dataclasses.fields(Settings)}
    assert {name: type(each.default).__name__ for name, each in OF_TRAINERS.items()} | {
        "task": fields["task"],
        "by_gradients": "bool",
    } == fields
    for name, each in KNOWN.items():
        assert each.about and each.name == name
        assert each.checked(each.default, name) == each.default
    assert read_settings(STEMDL, NO_RUNG).to_dict() == {name: each.default for name, each in KNOWN.items()}


def test_the_flat_form_and_back():
    settings = read_settings(STEMDL, "stemdl_smoke", None, ("width=4",))
    assert Settings.of(settings.to_dict()) == settings and settings.task["width"] == settings.to_dict()["width"] == 4


def test_every_rung_s_settings_are_sound_and_its_own():
    files = {path.stem for path in STEMDL.task_folder.glob("*.yaml")} - {"settings"}
    assert "stemdl_smoke" in files <= STEMDL.rungs.keys()
    for name in STEMDL.rungs:
        read_settings(STEMDL, name)


def test_what_is_free_is_said_where_the_setting_is_and_nowhere_else():
    assert {"stage", "device", "eval_batch_size"} <= set(FREE) <= set(STEMDL.closed.free)
    assert not set(FREE) & {*STEMDL.closed.tunable, *STEMDL.closed.fixed_at("stemdl_mini")}
    text = (Path(__file__).parents[3] / "benchmark/tasks/space_group/definition.yaml").read_text().split("rungs:")[0]
    assert not [name for name in FREE if f" {name}," in text or f"[{name}" in text]


def test_settings_are_known_without_importing_a_trainer_a_task_or_torch():
    program = (
        "import sys\nfrom benchmark.definition.finder import load_benchmark\n"
        "from benchmark.definition.settings import read_settings\n"
        "read_settings(load_benchmark('space_group'), 'stemdl_smoke')\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'reference', 'torch', 'numpy'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def value_of(text: str) -> object:
    return read_settings(STEMDL, NO_RUNG, None, (text,)).to_dict()[text.partition("=")[0].strip()]


def test_later_sources_win(tmp_path: Path):
    default, rung = read_settings(STEMDL, NO_RUNG), read_settings(STEMDL, "stemdl_smoke")
    assert rung.global_batch_size == 8 != default.global_batch_size
    file = tmp_path / "mine.yaml"
    file.write_text("global_batch_size: 12\nwidth: 24\n", encoding="utf-8")
    from_file = read_settings(STEMDL, "stemdl_smoke", file)
    assert (from_file.global_batch_size, from_file.task["width"], from_file.max_epochs) == (12, 24, rung.max_epochs)
    both = read_settings(STEMDL, "stemdl_smoke", file, ("width=32", "width=48"))
    assert (both.global_batch_size, both.task["width"]) == (12, 48)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("learning_rate=4e-3", "learning_rate", 0.004),
        ("learning_rate=1", "learning_rate", 1.0),
        ("max_epochs=1e2", "max_epochs", 100),
        ("symmetry=false", "symmetry", False),
        ("platform=", "platform", ""),
        ("org=A group: of two", "org", "A group: of two"),
        ("org=1", "org", "1"),
        (" width = 8 ", "width", 8),
    ],
)
def test_values_are_read_as_they_are_meant(text: str, key: str, value: object):
    found = value_of(text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("learning_rat=1e-3", "did you mean 'learning_rate'?"),
        ("zzz=1", "known: autotune"),
        ("width", "key=value"),
        ("width=wide", "expected: int"),
        ("width=1.5", "expected: int"),
        ("width=true", "expected: int"),
        ("width=[1]", "expected: int"),
        ("symmetry=1", "expected: bool"),
        ("width=", "expected: int"),
        ("learning_rate=fast", "expected: float"),
        ("learning_rate=nan", "not a finite number"),
        ("learning_rate=inf", "not a finite number"),
        ("learning_rate=0", "at least 1e-12"),
        ("comm=mpi", "auto or horovod or torch or solo"),
    ],
)
def test_wrong_settings_are_refused_by_name(text: str, says: str):
    with pytest.raises(StemdlError) as caught:
        read_settings(STEMDL, NO_RUNG, None, (text,))
    assert says in str(caught.value) and f"--set{' ' + text if '=' in text else ''}" in str(caught.value)


@pytest.mark.parametrize("key", [name for name, each in KNOWN.items() if each.at_least is not None])
def test_what_is_too_small_is_refused(key: str):
    least = KNOWN[key].at_least
    assert value_of(f"{key}={least}") == least
    with pytest.raises(StemdlError, match=f"{key} is too small"):
        value_of(f"{key}={least - 1}")


@pytest.mark.parametrize("key", [name for name, each in KNOWN.items() if each.below is not None])
def test_what_is_too_large_is_refused(key: str):
    with pytest.raises(StemdlError, match=f"{key} is too large"):
        value_of(f"{key}={KNOWN[key].below}")


@pytest.mark.parametrize("key", [name for name, each in KNOWN.items() if each.choices])
def test_every_choice_is_taken_and_no_other(key: str):
    for choice in KNOWN[key].choices:
        assert value_of(f"{key}={choice}") == choice
    with pytest.raises(StemdlError, match="no such choice"):
        value_of(f"{key}=other")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"- a\n- list\n", "not a mapping"),
        (b"width: [\n", "cannot be read"),
        (b"width: \xff\n", "cannot be read"),
        (b"widht: 8\n", "did you mean 'width'?"),
        (b"5: 8\n", "the name of a setting is not a word"),
        (b"width: narrow\n", "wrong type"),
    ],
)
def test_wrong_files_are_refused_by_name(tmp_path: Path, text: bytes, says: str):
    file = tmp_path / "mine.yaml"
    file.write_bytes(text)
    with pytest.raises(StemdlError) as caught:
        read_settings(STEMDL, NO_RUNG, file)
    assert says in str(caught.value) and str(file) in str(caught.value)
    with pytest.raises(StemdlError, match="cannot be read"):
        read_settings(STEMDL, NO_RUNG, tmp_path / "absent.yaml")


def with_task(folder: Path, text: str) -> Benchmark:
    """The benchmark with a task whose settings.yaml has this text, in a folder outside of the repository."""
    (folder / "settings.yaml").write_text(text, encoding="utf-8")
    return dataclasses.replace(STEMDL, task_folder=folder)


def test_a_task_adds_settings_and_gives_the_trainer_s_other_values(tmp_path: Path):
    benchmark = with_task(tmp_path, "depth: {default: 3, at_least: 1, about: layers}\nbias: true\nmax_epochs: 7\n")
    (tmp_path / "small.yaml").write_text("depth: 2\n")
    known = settings_of(benchmark)
    assert known["depth"] == Setting("depth", 3, "layers", at_least=1) and known["max_epochs"].default == 7
    assert known["bias"] == Setting("bias", True) and "width" not in known
    settings = read_settings(benchmark, "large")
    assert (settings.max_epochs, dict(settings.task)) == (7, {"depth": 3, "bias": True})
    assert read_settings(benchmark, "small").task["depth"] == 2
    assert read_settings(benchmark, "small", None, ("depth=4",)).task["depth"] == 4
    with pytest.raises(StemdlError, match="depth is too small"):
        read_settings(benchmark, "small", None, ("depth=0",))
    with pytest.raises(StemdlError, match="there is no setting 'width'"):
        read_settings(benchmark, "small", None, ("width=4",))


def test_what_is_fitted_without_gradients_has_no_settings_of_them(tmp_path: Path):
    benchmark = dataclasses.replace(with_task(tmp_path, "ridge: 0.5\n"), by_gradients=False)
    settings = read_settings(benchmark, "any", None, ("ridge=2",))
    shared = {name for name, each in OF_TRAINERS.items() if not each.by_gradients}
    assert settings.to_dict().keys() == shared | {"ridge"}
    assert Settings.of(settings.to_dict()) == settings and not settings.by_gradients
    with pytest.raises(StemdlError, match="there is no setting 'learning_rate'"):
        read_settings(benchmark, "any", None, ("learning_rate=1",))
    with pytest.raises(StemdlError, match="a setting has no name of its own"):
        settings_of(dataclasses.replace(with_task(tmp_path, "max_epochs: 3\n"), by_gradients=False))


def test_a_task_needs_no_settings(tmp_path: Path):
    assert read_settings(dataclasses.replace(STEMDL, task_folder=tmp_path), "any") == Settings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("max_epochs: many\n", "max_epochs has the wrong type"),
        ("max_epochs: {default: 3}\n", "max_epochs has the wrong type"),
        ("depth: {at_least: 1}\n", "depth: default has the wrong type"),
        ("depth: [1]\n", "depth: default has the wrong type"),
        ("depth: null\n", "depth: default has the wrong type"),
        ("depth: {default: 0, at_least: 1}\n", "depth is too small"),
        ("depth: {default: 1, atleast: 1}\n", "unknown key 'atleast'"),
        ("depth: {default: 1, at_least: one}\n", "depth: at_least has the wrong type"),
        ("depth: {default: wide, choices: narrow}\n", "depth: choices has the wrong type"),
        ("depth: {default: 1, free: true}\n", "unknown key 'free'"),
        ("two words: 1\n", "a setting has no name"),
        ("task: 1\n", "a setting has no name of its own"),
        ("ranks: 1\n", "a setting has no name of its own"),
        ("3: 1\n", "a setting has no name"),
        ("- 1\n", "the settings cannot be read"),
    ],
)
def test_a_task_s_file_that_is_wrong_is_refused_by_name(tmp_path: Path, text: str, says: str):
    with pytest.raises(StemdlError) as caught:
        settings_of(with_task(tmp_path, text))
    assert says in str(caught.value) and str(tmp_path / "settings.yaml") in str(caught.value)
