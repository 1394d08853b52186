"""An import that is shared by processes, interrupted, repeated or refused: the same bytes, or one clear error."""

from __future__ import annotations

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
from hashes import hashes
from patience import HANG_SECONDS

from benchmark.cli.main import main
from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.data.verify import verify
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file
from benchmark.tasks.space_group import importer
from benchmark.tasks.space_group.importer import import_data
from benchmark.tasks.space_group.importing import planned

pytestmark = pytest.mark.usefixtures("small_shards")


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
