"""How long `stemdl data explore` and `stemdl data verify` look at a stack, in CPU time on one thread.

    .venv/bin/python performance/explore.py DIR...

prints milliseconds a stack for each data set, and what a hundred thousand of its stacks would take. The time of the
figures and of the classifiers does not grow with the data; it is printed apart.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from benchmark.crystals.survey import Survey
from benchmark.data.examined import Data
from benchmark.data.manifest import read_manifest
from benchmark.tasks.space_group.explore import write_page
from benchmark.tasks.space_group.exploring import overview

STACKS = 100_000


def main() -> None:
    """Measure each data set named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    for folder in parser.parse_args().folders:
        manifest = read_manifest(folder)
        stacks = sum(manifest.samples.values())
        start = time.process_time()
        seen = overview.look_over(manifest)
        each = (time.process_time() - start) / stacks
        start = time.process_time()
        with tempfile.TemporaryDirectory() as page:
            write_page(manifest, Path(page))
        rest = time.process_time() - start - each * stacks
        start = time.process_time()
        Data(manifest).once(Survey)
        verified = (time.process_time() - start) / stacks
        print(
            f"{folder}: {stacks} stacks of {seen.pixels} x {seen.pixels}: explore {1e3 * each:.2f} ms per stack "
            f"and {rest:.0f} s of figures and classifiers; verify {1e3 * verified:.2f} ms per stack. Were all patterns "
            f"of {STACKS:,} stacks looked at: {each * STACKS / 60:.1f} min and {verified * STACKS / 60:.1f} min"
        )


if __name__ == "__main__":
    main()
