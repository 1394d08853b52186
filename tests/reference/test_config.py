"""Settings: what is unknown or wrong is refused by name, and later sources win."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from benchmark.foundation.errors import StemdlError
from reference.config import _AT_LEAST, _BELOW, _CHOICES, CONFIGS, Config, read_config

NO_RUNG = "a rung without settings of its own"


def test_default_yaml_and_config_have_the_same_keys_and_types():
    defaults = yaml.safe_load((CONFIGS / "default.yaml").read_text(encoding="utf-8"))
    fields = {field.name: field.type for field in dataclasses.fields(Config)}
    assert {key: type(value).__name__ for key, value in defaults.items()} == fields
    assert dataclasses.asdict(read_config(NO_RUNG)) == defaults


def test_every_rung_s_settings_are_sound_and_its_own():
    from benchmark.definition.benchmark import load_benchmark

    assert {path.stem for path in CONFIGS.glob("*.yaml")} - {"default"} <= load_benchmark().rungs.keys()
    for name in load_benchmark().rungs:
        read_config(name)


def test_later_sources_win(tmp_path: Path):
    default, rung = read_config(NO_RUNG), read_config("stemdl_smoke")
    assert rung.global_batch_size == 8 != default.global_batch_size
    file = tmp_path / "mine.yaml"
    file.write_text("global_batch_size: 12\nwidth: 24\n", encoding="utf-8")
    from_file = read_config("stemdl_smoke", file)
    assert (from_file.global_batch_size, from_file.width, from_file.max_epochs) == (12, 24, rung.max_epochs)
    both = read_config("stemdl_smoke", file, ("width=32", "width=48"))
    assert (both.global_batch_size, both.width) == (12, 48)


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
    found = getattr(read_config(NO_RUNG, None, (text,)), key)
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
        read_config(NO_RUNG, None, (text,))
    assert says in str(caught.value) and f"--set{' ' + text if '=' in text else ''}" in str(caught.value)


@pytest.mark.parametrize("key", _AT_LEAST)
def test_what_is_too_small_is_refused(key: str):
    least = _AT_LEAST[key]
    assert getattr(read_config(NO_RUNG, None, (f"{key}={least}",)), key) == least
    with pytest.raises(StemdlError, match=f"{key} is too small"):
        read_config(NO_RUNG, None, (f"{key}={least - 1}",))


@pytest.mark.parametrize("key", _BELOW)
def test_what_is_too_large_is_refused(key: str):
    with pytest.raises(StemdlError, match=f"{key} is too large"):
        read_config(NO_RUNG, None, (f"{key}={_BELOW[key]}",))


@pytest.mark.parametrize("key", _CHOICES)
def test_every_choice_is_taken_and_no_other(key: str):
    for choice in _CHOICES[key]:
        assert getattr(read_config(NO_RUNG, None, (f"{key}={choice}",)), key) == choice
    with pytest.raises(StemdlError, match="no such choice"):
        read_config(NO_RUNG, None, (f"{key}=other",))


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
        read_config(NO_RUNG, file)
    assert says in str(caught.value) and str(file) in str(caught.value)
    with pytest.raises(StemdlError, match="cannot be read"):
        read_config(NO_RUNG, tmp_path / "absent.yaml")
