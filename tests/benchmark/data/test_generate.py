"""Generation: the same bytes on any number of workers, after any kill, and one clear error for what goes wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.data import generate as module
from benchmark.data.claim import LOCK, RECIPE
from benchmark.data import plan as plan_module
from benchmark.data.generate import generate
from benchmark.data.plan import SAMPLES_PER_SHARD, drawn, plan_shards
from benchmark.data.manifest import read_manifest
from benchmark.data.verify import verify
from benchmark.definition.benchmark import SPLITS, Rung, load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import exclusive, sha256_of_file
from benchmark.launch.launchers import Job, get_launcher

ROOT = Path(__file__).resolve().parents[3]
PER_SHARD = 3
TINY = """
import dataclasses, resource, sys
from pathlib import Path
from benchmark.data import generate as module, plan
from benchmark.definition.benchmark import load_benchmark
from benchmark.foundation.errors import StemdlError

plan.SAMPLES_PER_SHARD = 3


def tiny(train=3):
    rung = load_benchmark().rung("stemdl_smoke")
    accuracy = dataclasses.replace(rung.optics.accuracy, most_strong_beams=60, directions_across=4)
    return dataclasses.replace(rung, space_groups=(2, 62), materials_per_group={"train": train, "dev": 2, "test": 2},
                               optics=dataclasses.replace(rung.optics, pixels=32, accuracy=accuracy))
"""
"""What the scripts that run in processes of their own begin with; the same rung as `tiny` here."""


def tiny(train: int = 3, **changes: object) -> Rung:
    rung = load_benchmark().rung("stemdl_smoke")
    accuracy = dataclasses.replace(rung.optics.accuracy, most_strong_beams=60, directions_across=4)
    return dataclasses.replace(rung, space_groups=(2, 62), materials_per_group={"train": train, "dev": 2, "test": 2},
                               optics=dataclasses.replace(rung.optics, pixels=32, accuracy=accuracy), **changes)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "SAMPLES_PER_SHARD", PER_SHARD)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny rung's data, made once by one process."""
    folder = tmp_path_factory.mktemp("made") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_module, "SAMPLES_PER_SHARD", PER_SHARD)
        generate(tiny(), folder)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    """Every file of a data set, hidden ones included, with its hash."""
    return {str(path.relative_to(folder)): sha256_of_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def script(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "script.py"
    path.write_text(TINY + "\nif __name__ == '__main__':\n" + "".join(f"    {line}\n" for line in body.splitlines()))
    return path


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_every_material_of_every_split_is_there_once(made: Path) -> None:
    materials: dict[str, list[str]] = {}
    for split in SPLITS:
        materials[split] = []
        for path in (made / split).glob("*.h5"):
            with h5py.File(path) as shard:
                assert 1 <= len(shard) <= PER_SHARD
                materials[split] += [shard[name].attrs["material"].decode() for name in shard]
    assert {split: len(names) for split, names in materials.items()} == {"train": 6, "dev": 4, "test": 4}
    together = sum(materials.values(), [])
    assert len(set(together)) == len(together) == 14
    assert {name.rsplit("-", 1)[0] for name in together} == {"drawn-2", "drawn-62"}


def test_the_layout_is_the_real_sets(made: Path) -> None:
    """Names, types and shapes of DOI 10.13139/OLCF/1510313, read by h5py alone."""
    assert sorted(path.name for path in (made / "train").iterdir()) == ["batch_train_0.h5", "batch_train_1.h5"]
    numbers = []
    for split in SPLITS:
        for path in (made / split).iterdir():
            with h5py.File(path) as shard:
                for name, group in shard.items():
                    word, material, energy = name.split("_")
                    assert (word, energy) == ("sample", "0") and list(group) == ["cbed_stack"]
                    numbers.append(int(material))
                    stack, attributes = group["cbed_stack"], dict(group.attrs)
                    assert (stack.shape, stack.dtype, stack.chunks) == ((3, 32, 32), np.float32, None)
                    assert np.isfinite(stack[()]).all() and stack[()].min() >= 0.0
                    assert (0.5 < stack[()].sum(axis=(1, 2))).all() and (stack[()].sum(axis=(1, 2)) < 1.01).all()
                    assert isinstance(attributes["space_group"], bytes) and int(attributes["space_group"]) in (2, 62)
                    assert isinstance(attributes["material"], bytes)
                    assert isinstance(attributes["formula"], str)
                    assert attributes["energy_keV"] == 100 and np.issubdtype(attributes["energy_keV"].dtype, np.integer)
                    assert attributes["z_dirs"].shape == (1, 3, 3)
                    assert np.issubdtype(attributes["z_dirs"].dtype, np.integer)
                    for projection, axis in enumerate(((0, 0, 1), (1, 0, 0), (1, -1, 0))):
                        assert tuple(attributes["z_dirs"][0, :, projection]) == axis  # vectors are columns
                    assert attributes["y_dirs"].shape == (1, 3, 3)
                    for key in ("semi_angles_rad", "d_hkls_angstrom", "abc_angstrom", "angles_degree"):
                        assert attributes[key].shape == (3,) and attributes[key].dtype == np.float64, key
                    np.testing.assert_allclose(attributes["semi_angles_rad"], 0.08 * 0.037014, rtol=1e-4)
                    assert 100.0 <= attributes["thickness_angstrom"] <= 300.0
    assert sorted(numbers) == list(range(14))


def test_directions_and_periods_follow_from_the_cell(made: Path) -> None:
    """y is the detector's up, a unit vector across the beam; d is the repeat along it in these primitive cells."""
    import gemmi

    for path in (made / "train").iterdir():
        with h5py.File(path) as shard:
            for group in shard.values():
                attributes = group.attrs
                cell = np.array(gemmi.UnitCell(*attributes["abc_angstrom"], *attributes["angles_degree"]).orth.mat).T
                z, y = attributes["z_dirs"][0].T @ cell, attributes["y_dirs"][0].T @ cell
                np.testing.assert_allclose(np.linalg.norm(y, axis=1), 1.0, rtol=1e-6)
                np.testing.assert_allclose((y * z).sum(axis=1), 0.0, atol=1e-6)
                np.testing.assert_allclose(attributes["d_hkls_angstrom"], np.linalg.norm(z, axis=1), rtol=1e-6)


def test_two_processes_make_the_same_bytes(made: Path, tmp_path: Path) -> None:
    generate(tiny(), tmp_path / "data", processes=2)
    assert hashes(tmp_path / "data") == hashes(made)


def test_another_seed_makes_other_bytes(made: Path, tmp_path: Path) -> None:
    generate(tiny(seed=7), tmp_path / "data")
    shard = "train/batch_train_0.h5"
    with h5py.File(tmp_path / "data" / shard) as other, h5py.File(made / shard) as one:
        assert not np.array_equal(other["sample_0_0/cbed_stack"], one["sample_0_0/cbed_stack"])


@pytest.mark.mpi
def test_two_mpi_ranks_make_the_same_bytes(made: Path, tmp_path: Path) -> None:
    program = script(tmp_path, "from mpi4py import MPI\n"
                     "manifest = module.generate(tiny(), Path(sys.argv[1]), ranks=MPI.COMM_WORLD)\n"
                     "print(f'rank {MPI.COMM_WORLD.Get_rank()} of {MPI.COMM_WORLD.Get_size()}: {manifest.sha256}')\n"
                     "again = module.generate(tiny(), Path(sys.argv[1]), ranks=MPI.COMM_WORLD)\n"
                     "assert again == manifest")
    argv = get_launcher("mpirun").argv(Job(2, (sys.executable, str(program), str(tmp_path / "data"))))
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    digest = sha256_of_file(made / "manifest.json")
    assert f"rank 0 of 2: {digest}" in done.stdout and f"rank 1 of 2: {digest}" in done.stdout
    assert hashes(tmp_path / "data") == hashes(made)


def _alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in listed.stdout.split()]


@pytest.mark.slow
def test_a_killed_generation_is_finished_to_the_same_bytes(tmp_path: Path) -> None:
    program = script(tmp_path, "module.generate(tiny(30), Path(sys.argv[1]), processes=2)")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen([sys.executable, str(program), str(killed)], env=environment(),
                               stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(killed.rglob("*.h5"))) < 3:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    workers = _children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(workers) >= 2
    while any(map(_alive, workers)):  # no worker outlives a killed parent
        assert time.monotonic() < deadline
        time.sleep(0.02)
    kept = {path: path.stat().st_mtime_ns for path in killed.rglob("*.h5")}
    assert 3 <= len(kept) < 24, "the kill came too late to show anything"
    with pytest.raises(StemdlError, match="not finished"):
        read_manifest(killed)
    (killed / "train" / ".batch_train_9.h5.1.part").write_bytes(b"what a kill leaves")
    for folder in (killed, whole):
        done = subprocess.run([sys.executable, str(program), str(folder)], env=environment(), capture_output=True,
                              text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "finished shards were made again"
    assert hashes(killed) == hashes(whole)


@pytest.mark.parametrize("limit_bytes", [20_000, 40_000])
def test_a_full_disk_is_one_clear_error_and_leaves_no_part_of_a_shard(
    made: Path, tmp_path: Path, limit_bytes: int
) -> None:
    """A limit on the size of files stands for the full disk: the same failed write, of the same system call."""
    program = script(tmp_path, f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes}))\n"
                     "try:\n"
                     "    module.generate(tiny(), Path(sys.argv[1]), processes=1)\n"
                     "except StemdlError as error:\n"
                     "    print(error)")
    folder = tmp_path / "data"
    done = subprocess.run([sys.executable, str(program), str(folder)], env=environment(), capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    message = done.stdout.splitlines()
    assert len(message) == 3 and "the data cannot be written" in message[0] and "make room" in message[2]
    assert "Traceback" not in done.stderr
    left = hashes(folder)
    assert "train/batch_train_0.h5" not in left and "manifest.json" not in left
    assert left.items() <= hashes(made).items()  # the shards that fitted are whole, and nothing else is there


def test_a_finished_folder_is_only_read(made: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    assert generate(tiny(), made) == read_manifest(made)
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before


def test_a_folder_of_other_data_is_refused_and_left_alone(made: Path) -> None:
    before = hashes(made)
    with pytest.raises(StemdlError, match="the folder holds other data") as caught:
        generate(tiny(seed=7), made)
    assert "-o" in caught.value.remedy and hashes(made) == before


def test_shards_of_other_data_and_shards_that_cannot_be_read_are_refused(made: Path, tmp_path: Path) -> None:
    shard = tmp_path / "data" / "dev" / "batch_dev_0.h5"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(b"no HDF5")
    with pytest.raises(StemdlError, match="cannot be read"):
        generate(tiny(), tmp_path / "data")
    shard.write_bytes((made / "dev" / "batch_dev_0.h5").read_bytes())
    (tmp_path / "data" / "recipe.json").unlink()
    with pytest.raises(StemdlError, match="a shard of other data is in the way"):
        generate(tiny(seed=7), tmp_path / "data")


def test_a_worker_that_dies_is_one_clear_error(tmp_path: Path) -> None:
    program = script(tmp_path, "try:\n"
                     "    module.generate(tiny(200), Path(sys.argv[1]), processes=2)\n"
                     "except StemdlError as error:\n"
                     "    print(error)")
    folder = tmp_path / "data"
    process = subprocess.Popen([sys.executable, str(program), str(folder)], env=environment(), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    while not list(folder.rglob("*.h5")):
        assert process.poll() is None
        time.sleep(0.01)
    newest = max(_children(process.pid))  # the first child is the resource tracker
    os.kill(newest, signal.SIGKILL)
    output, _ = process.communicate(timeout=60)
    assert "a worker process died" in output and "run the same command again" in output


def test_the_manifest_tells_what_is_there(made: Path) -> None:
    manifest = read_manifest(made)
    assert (manifest.rung, manifest.standard, manifest.space_groups) == ("stemdl_smoke", True, (2, 62))
    assert manifest.samples == {"train": 6, "dev": 4, "test": 4}
    assert manifest.recipe_sha256 == tiny().recipe_sha256
    assert manifest.sha256 == sha256_of_file(made / "manifest.json")
    assert verify(made).faults == []
    values = json.loads((made / "manifest.json").read_text())
    assert values["splits"]["train"]["groups"] == {"2": 3, "62": 3}
    with h5py.File(made / "train" / "batch_train_0.h5") as shard:
        assert shard.attrs["recipe_sha256"] == manifest.recipe_sha256


def test_groups_take_turns_and_shards_are_full_but_the_last() -> None:
    rung = load_benchmark().rung("stemdl_mini")
    materials = drawn(rung)
    plans = plan_shards(rung, materials)
    for split in SPLITS:
        shards = [plan for plan in plans if plan.split == split]
        assert [plan.number for plan in shards] == list(range(len(shards)))
        assert {len(plan.materials) for plan in shards[:-1]} <= {PER_SHARD}
        first = [material.space_group for plan in shards[:9] for material in plan.materials][:25]
        assert tuple(first) == rung.space_groups
    numbers = [material.number for plan in plans for material in plan.materials]
    assert numbers == list(range(25 * 220))
    assert SAMPLES_PER_SHARD == 50


def test_a_second_generation_in_one_folder_is_refused(tmp_path):
    with exclusive(tmp_path / LOCK), pytest.raises(StemdlError, match="another process is at work"):
        generate(load_benchmark().rung("stemdl_smoke"), tmp_path)
    assert not (tmp_path / RECIPE).exists()


def test_a_damaged_recipe_is_told(tmp_path):
    (tmp_path / RECIPE).write_text("{")
    with pytest.raises(StemdlError, match="cannot be read"):
        generate(load_benchmark().rung("stemdl_smoke"), tmp_path)
