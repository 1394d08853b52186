"""How fast real files are imported, and in how much memory.

    python performance/importing.py [--stacks 60] [--processes 1 2]

Writes files of the real layout (3 x 512 x 512 float32, 10 energies a material), imports them for several storages, and
prints stacks per second of wall time, MB of source per second, processor time for each stack, and the largest memory
that a process held. The files have just been written: they come from the page cache, as from a disk that is faster
than the import.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import h5py
import numpy as np

from benchmark.cli.output import print_table
from benchmark.crystals import cbed_stack
from benchmark.definition.rung import Storage

PIXELS, ENERGIES, STACKS_PER_FILE = 512, 10, 20
STORAGES = (
    Storage(),
    Storage(encoding="float16"),
    Storage(pixels=128, encoding="log_uint8"),
    Storage(pixels=128, encoding="log_uint8", filter="gzip"),
)


def write_real_files(folder: Path, stacks: int) -> None:
    """Files of the train split with patterns of unit sum over the real set's range of intensities."""
    generator = np.random.default_rng(1510313)
    logarithms = generator.uniform(-12.0, 0.0, (3, PIXELS, PIXELS))
    patterns = np.exp(logarithms)
    patterns = (patterns / patterns.sum(axis=(1, 2), keepdims=True)).astype(np.float32)
    (folder / "train").mkdir(parents=True)
    for number, first in enumerate(range(0, stacks, STACKS_PER_FILE)):
        with h5py.File(folder / "train" / f"batch_train_{number}.h5", "w") as file:
            for stack in range(min(STACKS_PER_FILE, stacks - first)):
                m, e = divmod(stack, ENERGIES)
                attributes = {
                    "space_group": np.bytes_("62"),
                    "material": np.bytes_(f"mp-{number}{m}"),
                    "energy_keV": 100 + 10 * e,
                    "formula": "Fe8 O14 F2",
                    "z_dirs": np.dstack(tuple(np.eye(3, dtype=np.int64))),
                    "y_dirs": np.dstack(tuple(np.eye(3)[[1, 2, 0]])),
                    "semi_angles_rad": np.full(3, 0.0028),
                    "d_hkls_angstrom": np.full(3, 3.3),
                    "abc_angstrom": np.full(3, 3.3),
                    "angles_degree": np.full(3, 90.0),
                }
                cbed_stack.write_patterns(file, m, e, patterns, attributes)


def imported(source: Path, folder: Path, storage: Storage, processes: int) -> tuple[float, float, float]:
    """Wall and processor seconds and MiB of the largest process of one `stemdl data import`, its start included."""
    command = [
        sys.executable,
        "-m",
        "benchmark",
        "data",
        "import",
        str(source),
        "-o",
        str(folder),
        "--ranks",
        str(processes),
        "--oversubscribe",
        "--pixels",
        str(storage.pixels),
        "--encoding",
        storage.encoding,
        "--filter",
        storage.filter,
    ]
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).resolve().parents[1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, processor_seconds, after.ru_maxrss / 1024


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stacks", type=int, default=400)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as base:
        write_real_files(Path(base) / "real", arguments.stacks)
        megabytes = sum(path.stat().st_size for path in Path(base).rglob("*.h5")) / 1e6
        for storage in reversed(STORAGES):  # memory is the most of all so far: the smallest first
            for processes in arguments.processes:
                folder = Path(base) / f"{storage.encoding}_{storage.pixels}_{storage.filter}_{processes}"
                seconds, processor_seconds, memory = imported(Path(base) / "real", folder, storage, processes)
                rows.append(
                    (
                        str(storage.pixels or PIXELS),
                        storage.encoding,
                        storage.filter,
                        str(processes),
                        f"{seconds:.1f}",
                        f"{arguments.stacks / seconds:.1f}",
                        f"{megabytes / seconds:.0f}",
                        f"{1e3 * processor_seconds / arguments.stacks:.1f}",
                        f"{memory:.0f}",
                    )
                )
    print(f"{arguments.stacks} stacks, {megabytes:.0f} MB")
    print_table(
        ("pixels", "encoding", "filter", "processes", "s", "stacks/s", "MB/s", "CPU ms/stack", "MiB at most"), rows
    )


if __name__ == "__main__":
    main()
