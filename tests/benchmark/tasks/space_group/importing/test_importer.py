"""A whole import: every stack where it belongs, the same bytes whatever the workers, kills and restarts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from patience import HANG_SECONDS

from benchmark.cli.main import main
from benchmark.crystals import cbed_stack
from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.data import layout
from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.data.verify import verify
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import SPLITS, Storage
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file
from benchmark.tasks.space_group import importer
from benchmark.tasks.space_group.importer import import_data
from benchmark.tasks.space_group.importing import planned

ROOT = Path(__file__).resolve().parents[4]
STACKS = {"train": 48, "dev": 19, "test": 20}


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for 20 stacks of the miniature files."""
    monkeypatch.setattr(planned, "SHARD_BYTES", 20 * 3 * 16 * 16 * 4)


@pytest.fixture(scope="module")
def imported(real_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The miniature set, imported by one process. To be read only."""
    folder = tmp_path_factory.mktemp("imported") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planned, "SHARD_BYTES", 20 * 3 * 16 * 16 * 4)
        import_data(real_set, folder)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256_of_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def materials_of(folder: Path, split: str) -> list[str]:
    """Of every sample, in the order to be read."""
    found = []
    for path, name in layout.iter_samples(folder, split):
        with h5py.File(path) as shard:
            found.append(cbed_stack.read_material(shard[name]))
    return found


def script(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "script.py"
    path.write_text(
        "import resource, sys\nfrom pathlib import Path\n"
        "from benchmark.tasks.space_group import importer\n"
        "from benchmark.tasks.space_group.importing import planned\n"
        "from benchmark.foundation.errors import StemdlError\n"
        "planned.SHARD_BYTES = 20 * 3 * 16 * 16 * 4\n"
        "source, folder = map(Path, sys.argv[1:])\n\nif __name__ == '__main__':\n"
        + "".join(f"    {line}\n" for line in body.splitlines())
    )
    return path


# ---- what is imported


def test_every_stack_arrives_once_as_it_was(
    real_set: Path, imported: Path, real_patterns: Callable[..., np.ndarray]
) -> None:
    assert verify(imported).faults == []
    seen, numbers = set(), {}
    for split in SPLITS:
        for path, name in layout.iter_samples(imported, split):
            with h5py.File(path) as shard:
                group = shard[name]
                source, where = group.attrs["source"].split(":")
                with h5py.File(real_set / source) as original:
                    theirs = original[where]
                    assert source.startswith(f"{split}/")
                    assert cbed_stack.read_label(group) == cbed_stack.read_label(theirs)
                    material = cbed_stack.read_material(group)
                    assert material == cbed_stack.read_material(theirs)
                    assert set(group.attrs) == {*theirs.attrs, "source"}
                    for key in theirs.attrs:
                        np.testing.assert_array_equal(group.attrs[key], theirs.attrs[key])
                m, e = map(int, name.split("_")[1:])
                np.testing.assert_array_equal(cbed_stack.read_patterns(group), real_patterns(material, e))
                assert numbers.setdefault(m, material) == material
                seen.add((source, where))
    assert len(seen) == sum(STACKS.values())
    assert sorted(numbers) == list(range(9)) and len(set(numbers.values())) == 9  # no gaps, one number a material


def test_the_manifest_tells_what_is_there(imported: Path) -> None:
    manifest = read_manifest(imported)
    assert (manifest.rung, manifest.standard, space_groups_of(manifest)) == ("stemdl_olcf", False, (2, 62, 225))
    assert manifest.samples == STACKS
    assert manifest.values["splits"]["dev"]["groups"] == {"2": 10, "62": 9, "225": 0}
    assert manifest.values["source"]["form"] == "olcf" and manifest.values["source"]["name"] == "1510313"
    assert manifest.values["import"] == {"imported": 87, "repaired": 0, "dropped": 0, "reasons": {}}
    assert len(manifest.shards) > 3 and all(shard["samples"] <= 20 for shard in manifest.shards)


def test_materials_are_not_in_the_order_of_the_source(imported: Path) -> None:
    order = list(dict.fromkeys(materials_of(imported, "train")))
    assert sorted(order) == sorted(["mp-20", "mvc-21", "mp-22", "mp-620", "mp-2250"])
    _, labels = Part(read_manifest(imported), "train").read_whole().values()
    assert len(labels) == 48 and list(labels) != sorted(labels)


@pytest.mark.parametrize(
    ("part", "stacks"),
    [("train", {"train": 48}), ("train/batch_train_0.h5", {"train": 28}), ("dev/batch_dev_0.h5", {"dev": 19})],
)
def test_a_single_folder_and_a_single_file_are_enough(
    real_set: Path, tmp_path: Path, part: str, stacks: dict[str, int]
) -> None:
    done = import_data(real_set / part, tmp_path / "data")
    assert done.manifest.samples == {"train": 0, "dev": 0, "test": 0} | stacks
    assert space_groups_of(done.manifest) == ((2, 62) if "dev" in part else (2,) if "batch" in part else (2, 62, 225))


@pytest.mark.parametrize(
    "storage", [Storage(pixels=8, encoding="log_uint8", filter="gzip"), Storage(encoding="float16")]
)
def test_another_storage_holds_the_same_within_its_loss(
    imported: Path, real_set: Path, tmp_path: Path, storage: Storage
) -> None:
    stored, labels = (
        Part(import_data(real_set, tmp_path / "data", storage=storage).manifest, "dev").read_whole().values()
    )
    expected, expected_labels = Part(read_manifest(imported), "dev").read_whole().values()
    np.testing.assert_array_equal(labels, expected_labels)
    assert materials_of(tmp_path / "data", "dev") == materials_of(imported, "dev")
    if storage.pixels:
        expected = expected.reshape(-1, 3, 8, 2, 8, 2).sum(axis=(3, 5))
    np.testing.assert_allclose(stored, expected, rtol=0.052 if storage.pixels else 1e-3, atol=4.4e-8)
    assert not np.array_equal(stored, expected)


def test_the_standard_set_is_told_by_its_counts_and_storage(
    real_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "REAL_RUNG", "stemdl_smoke")
    monkeypatch.setattr(importer, "PUBLISHED", {"train": (48, 3), "dev": (19, 2), "test": (20, 2)})
    manifest = import_data(real_set, tmp_path / "whole").manifest
    assert (
        manifest.standard and manifest.recipe_sha256 == load_benchmark("space_group").rung("stemdl_smoke").recipe_sha256
    )
    assert not import_data(real_set, tmp_path / "other", storage=Storage(filter="gzip")).manifest.standard
    monkeypatch.setattr(importer, "PUBLISHED", {"train": (49, 3), "dev": (19, 2), "test": (20, 2)})
    assert not import_data(real_set, tmp_path / "short").manifest.standard


# ---- the same bytes


def test_two_processes_write_the_same_bytes(real_set: Path, imported: Path, tmp_path: Path) -> None:
    import_data(real_set, tmp_path / "data", processes=2)
    assert hashes(tmp_path / "data") == hashes(imported)


@pytest.mark.mpi
def test_two_mpi_ranks_write_the_same_bytes(
    real_set: Path, imported: Path, tmp_path: Path, mpirun: Callable[..., subprocess.CompletedProcess]
) -> None:
    program = script(
        tmp_path,
        "from mpi4py import MPI\n"
        "done = importer.import_data(source, folder, ranks=MPI.COMM_WORLD)\n"
        "print(f'rank {MPI.COMM_WORLD.Get_rank()}: {done.manifest.sha256} {done.tally.imported}')",
    )
    done = mpirun(2, sys.executable, program, real_set, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    for rank in range(2):
        assert f"rank {rank}: {sha256_of_file(imported / 'manifest.json')} 87" in done.stdout
    assert hashes(tmp_path / "data") == hashes(imported)


def test_a_killed_import_is_finished_to_the_same_bytes(
    real_set: Path, imported: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Killed by itself in the middle of its third shard, at the system call that would have put it in its place."""
    program = script(
        tmp_path,
        "import os, signal\nfrom benchmark.foundation import files\n"
        "rename, calls = os.replace, []\ndef replace(*paths):\n"
        "    calls.append(paths)\n"
        "    if len(calls) == 4:\n"  # the first one puts recipe.json
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    rename(*paths)\n"
        "files.os.replace = replace\n"
        "importer.import_data(source, folder)",
    )
    folder = tmp_path / "data"
    killed = subprocess.run([sys.executable, program, real_set, folder], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("batch*.h5")}
    assert len(kept) == 2 and len(list(folder.rglob(".*.part"))) == 1
    with pytest.raises(StemdlError, match="not finished"):
        read_manifest(folder)
    time.sleep(0.01)
    import_data(real_set, folder)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "finished shards were made again"
    assert hashes(folder) == hashes(imported)


def test_a_finished_import_is_only_read(real_set: Path, imported: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in imported.rglob("*")}
    again = import_data(real_set, imported)
    assert again.manifest == read_manifest(imported) and again.tally.imported == 87
    assert {path: path.stat().st_mtime_ns for path in imported.rglob("*")} == before


# ---- what goes wrong


def test_a_source_that_has_changed_since_is_refused(real_set: Path, tmp_path: Path) -> None:
    source = shutil.copytree(real_set, tmp_path / "source")
    import_data(source, tmp_path / "data")
    before = hashes(tmp_path / "data")
    with h5py.File(source / "dev" / "batch_dev_0.h5", "a") as file:
        del file["sample_0_4"]
    with pytest.raises(StemdlError, match="the folder holds other data"):
        import_data(source, tmp_path / "data")
    assert hashes(tmp_path / "data") == before


def test_a_source_that_changes_meanwhile_is_one_clear_error(
    real_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = shutil.copytree(real_set, tmp_path / "source")
    known = importer.sift

    def sift(*arguments: object) -> object:
        with h5py.File(source / "test" / "batch_test_7.h5", "a") as file:
            del file["sample_3_4"]
        return known(*arguments)

    monkeypatch.setattr(importer, "sift", sift)
    with pytest.raises(StemdlError, match="source cannot be read any more") as caught:
        import_data(source, tmp_path / "data")
    assert "batch_test_7.h5: sample_3_4" in str(caught.value)
    assert not (tmp_path / "data" / "manifest.json").exists()


@pytest.mark.parametrize("limit_bytes", [30_000, 65_000])
def test_a_full_disk_is_one_clear_error_and_leaves_no_part_of_a_shard(
    real_set: Path, imported: Path, tmp_path: Path, environment: dict[str, str], limit_bytes: int
) -> None:
    """A limit on the size of files stands for the full disk: the same failed write, of the same system call."""
    program = script(
        tmp_path,
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes}))\n"
        "try:\n"
        "    importer.import_data(source, folder)\n"
        "except StemdlError as error:\n"
        "    print(error)",
    )
    done = subprocess.run(
        [sys.executable, program, real_set, tmp_path / "data"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    message = done.stdout.splitlines()
    assert len(message) == 3 and "the data cannot be written" in message[0] and "make room" in message[2]
    left = hashes(tmp_path / "data")
    assert "manifest.json" not in left and not any(name.endswith(".part") for name in left)
    assert left.items() <= hashes(imported).items()  # the shards that fitted are whole, and nothing else is there


def test_a_folder_that_cannot_be_written_is_one_clear_error(real_set: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o555)
    if os.geteuid() == 0:  # root, who may write everywhere, still cannot here
        folder = Path("/proc/sys/stemdl")
    with pytest.raises(StemdlError, match="the data cannot be written"):
        import_data(real_set, folder)


def test_an_import_into_its_own_source_is_refused(real_set: Path) -> None:
    before = hashes(real_set)
    for folder in (real_set, real_set / "imported"):
        with pytest.raises(StemdlError, match="into their own source"):
            import_data(real_set, folder)
    assert hashes(real_set) == before


def test_nothing_to_import_is_an_error_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "train"
    source.mkdir()
    (source / "batch_train_0.h5").write_bytes(b"no HDF5")
    assert main(["data", "import", str(source), "-o", str(tmp_path / "data")]) == 2
    error = capsys.readouterr().err
    assert "no stack can be imported" in error and "batch_train_0.h5: it is not an HDF5 file" in error
    (source / "batch_train_0.h5").unlink()
    for missing in (source, tmp_path / "nowhere"):
        assert main(["data", "import", str(missing), "-o", str(tmp_path / "data")]) == 2
    error = capsys.readouterr().err
    assert "nothing here can be imported" in error and "there is no such folder or file" in error
    assert not (tmp_path / "data").exists()


def test_a_rung_that_is_not_known_is_refused(real_set: Path, tmp_path: Path) -> None:
    with pytest.raises(StemdlError, match="no rung 'stemdl_smok'"):
        import_data(real_set, tmp_path / "data", rung="stemdl_smok")


def test_a_shard_of_which_nothing_is_left_does_no_harm(
    real_set: Path, tmp_path: Path, write_real: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every material in a shard of its own, one of them blown up at all energies."""
    monkeypatch.setattr(planned, "SHARD_BYTES", 1)
    source = shutil.copytree(real_set, tmp_path / "source")
    bad = {"patterns": np.full((3, 16, 16), 1e9, dtype=np.float32)}
    write_real(source / "train" / "batch_train_3.h5", [(0, e, 62, "mp-666", bad) for e in range(3)])
    done = import_data(source, tmp_path / "data")
    assert (done.tally.imported, done.tally.dropped) == (87, 3)
    assert len(done.manifest.shards) == 9 == len(list((tmp_path / "data").rglob("*.h5")))
    assert import_data(source, tmp_path / "data") == done
    assert verify(tmp_path / "data").faults == []
    assert [len(Part(done.manifest, "train", rank, 6).read_whole()["space_group"]) for rank in range(6)] == [8] * 6


# ---- the command, and what follows it


def test_the_command_tells_what_it_did(real_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = shutil.copytree(real_set, tmp_path / "source")
    cut = source / "train" / "batch_train_0.h5"
    cut.write_bytes(cut.read_bytes()[:-1])
    arguments = [
        "data",
        "import",
        str(source),
        "-o",
        str(tmp_path / "data"),
        "--pixels",
        "8",
        "--encoding",
        "log_uint8",
        "--filter",
        "gzip",
        "--ranks",
        "1",
    ]
    assert main([*arguments, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "imported": 49,
        "repaired": 0,
        "dropped": 10,
        "reasons": {
            "dropped: train has no stack of its space group": 10,
            "file skipped: train/batch_train_0.h5: it is truncated": 1,
        },
    }
    assert main(arguments) == 0
    output = capsys.readouterr()
    assert "imported 49 stacks, of which repaired 0; dropped 10" in output.out and "stemdl data verify" in output.err
    assert main(["data", "verify", str(tmp_path / "data"), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    assert main(["data", "info", str(tmp_path / "data")]) == 0
    assert "imported from source: not the rung's own" in capsys.readouterr().out


@pytest.mark.slow
def test_an_imported_set_is_trained_on(
    real_set: Path, tmp_path: Path, stemdl: Callable[..., subprocess.CompletedProcess]
) -> None:
    """One epoch on one rank, from the real layout to a log; far from the target, and so exit code 1."""
    data = tmp_path / "data"
    done = stemdl("data", "import", real_set, "-o", data, "--rung", "stemdl_smoke", "--encoding", "float16")
    assert done.returncode == 0, done.stderr
    done = stemdl(
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        data,
        "--output",
        tmp_path / "run",
        "--ranks",
        1,
        "--seed",
        1,
        "--set",
        "max_epochs=1",
        "--set",
        "global_batch_size=16",
        "--set",
        "threads_per_rank=1",
        "--format",
        "json",
    )
    assert done.returncode == 1, done.stderr
    record = json.loads(done.stdout)["records"][0]
    assert record["status"] == "aborted" and record["epochs"] == 1
    assert record["data"]["manifest_sha256"] == sha256_of_file(data / "manifest.json")
    assert (record["data"]["train_samples"], record["data"]["eval_samples"]) == (48, 19)
