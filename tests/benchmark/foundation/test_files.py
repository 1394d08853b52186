"""Atomic files: whole or absent whatever happens, and hashes that are the standard ones."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmark.foundation import files
from benchmark.foundation.errors import StemdlError


def test_a_file_appears_whole_and_its_temporary_name_goes(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "a.txt"
    with files.atomic_path(path) as temporary:
        temporary.write_text("new")
        assert not path.exists() and temporary.parent == path.parent
    assert path.read_text() == "new"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(error), files.atomic_path(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_json_refuses_nan_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"f": 0.5})
    with pytest.raises(ValueError):
        files.write_json(path, {"f": float("nan")})
    assert json.loads(path.read_text()) == {"f": 0.5}
    with pytest.raises(ValueError):
        files.canonical_json(float("inf"))


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict) -> None:
    reversed_value = dict(reversed(value.items()))
    assert files.canonical_json(value) == files.canonical_json(reversed_value)
    assert json.loads(files.canonical_json(value)) == value


@given(st.dictionaries(st.integers(), st.dictionaries(st.integers(), st.integers())))
def test_canonical_json_is_that_of_the_value_written_and_read_again(value: dict) -> None:
    assert files.canonical_json(json.loads(json.dumps(value))) == files.canonical_json(value)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 21) + 7])
def test_hashes_are_the_standard_ones(tmp_path: Path, size: int) -> None:
    content = b"x\n\x00" * (size // 3) + b"y" * (size % 3)
    path = tmp_path / "a"
    path.write_bytes(content)
    expected = hashlib.sha256(content).hexdigest()
    assert files.sha256_of_file(path) == expected
    with open(path, "rb") as handle:  # what Python 3.10 runs
        assert files._sha256(handle) == expected


def test_the_hash_of_a_text_is_that_of_its_utf8_bytes() -> None:
    assert files.sha256_of_text("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.sha256_of_text("Å") == hashlib.sha256(b"\xc3\x85").hexdigest()


def test_a_lock_leaves_no_folder_that_only_it_was_made_for(tmp_path: Path) -> None:
    lock = tmp_path / "a" / "b" / ".lock"
    with files.exclusive(lock):
        assert lock.is_file()
        with pytest.raises(files.Busy, match="another process is at work here"), files.exclusive(lock):
            pass
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError), files.exclusive(lock):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    with files.exclusive(lock):
        (lock.parent / "made").touch()
    assert sorted(path.name for path in lock.parent.iterdir()) == [".lock", "made"]
    (tmp_path / "mine").mkdir()
    with files.exclusive(tmp_path / "mine" / ".lock"):
        pass
    assert (tmp_path / "mine").is_dir(), "a folder that was there stays"


def test_who_opened_a_lock_that_was_then_removed_holds_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, flock = tmp_path / "new" / ".lock", files.fcntl.flock
    removed = []

    def first_removed(handle: object, how: int) -> None:
        if not removed:  # whoever held it has just left
            removed.append(True)
            lock.unlink()
            lock.parent.rmdir()
        flock(handle, how)

    monkeypatch.setattr(files.fcntl, "flock", first_removed)
    with files.exclusive(lock):
        assert removed and lock.is_file()
        with pytest.raises(files.Busy), files.exclusive(lock):
            pass


def test_the_fast_loader_reads_what_the_other_one_does() -> None:
    folder = Path(files.__file__).parents[1]
    found = [*folder.glob("tasks/*/definition.yaml"), *folder.glob("validation/*/*.yaml")]
    assert len(found) > 4
    for path in found:
        assert files.shipped_yaml(path) == yaml.safe_load(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("error", [KeyboardInterrupt, StemdlError])
@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_was_not_filled_whole_is_as_it_was_before(
    tmp_path: Path, there: bool, error: type[BaseException]
) -> None:
    folder = tmp_path / "above" / "answers"
    if there:
        folder.mkdir(parents=True)
    outside = tmp_path / "mine"
    outside.mkdir()
    (outside / "note").touch()
    with pytest.raises(error), files.fresh_folder(folder, "answers"):
        (folder / "pictures").mkdir(parents=True)
        (folder / "pictures" / "one.png").touch()
        (folder / "linked").symlink_to(outside)
        raise error("no input is here")
    assert folder.exists() == folder.parent.exists() == there and not (there and any(folder.iterdir()))
    assert (outside / "note").exists()
    with files.fresh_folder(folder, "answers"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "one.png").touch()
    with pytest.raises(StemdlError, match="not empty"), files.fresh_folder(folder, "answers"):
        raise AssertionError
    assert [path.name for path in folder.iterdir()] == ["one.png"]


def test_two_processes_do_not_fill_one_folder_and_neither_removes_what_the_other_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    with files.fresh_folder(folder, "answers"):
        with pytest.raises(files.Busy, match="another process"), files.fresh_folder(folder, "answers"):
            raise AssertionError
        (folder / "one.png").touch()
        with pytest.raises(files.Busy), files.fresh_folder(folder, "answers"):
            raise AssertionError
    assert [path.name for path in folder.iterdir()] == ["one.png"]


def test_the_lock_of_a_process_that_was_killed_keeps_nobody_out(tmp_path: Path) -> None:
    (tmp_path / ".answers.lock").touch()
    with files.fresh_folder(tmp_path, "answers"):
        (tmp_path / "one.png").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["one.png"]
