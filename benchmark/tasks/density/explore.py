"""What a data set of this task holds, as pictures: the scan as a contact sheet, virtual images, and what is asked.

python -m benchmark.tasks.density.explore data/density_smoke -o explore
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.definition.finder import benchmark_of
from benchmark.definition.rung import SPLITS
from benchmark.foundation.files import atomic_path
from benchmark.simulation.probe import Probe
from benchmark.tasks.density.classical import centre_of_mass, dark_field
from benchmark.tasks.density.rung import Scan, understood


def contact_sheet(scan: NDArray[np.float32]) -> NDArray[np.float32]:
    """(s p, s p): every pattern of a scan (s, s, p, p) at its place, as square roots of intensity."""
    s, _, p, _ = scan.shape
    sheet: NDArray[np.float32] = np.sqrt(scan).transpose(0, 2, 1, 3).reshape(s * p, s * p)
    return sheet


def draw(path: Path, sample: Mapping[str, NDArray], probe: Probe, scan: Scan) -> None:
    """One specimen: its patterns where the probe stood, two virtual images, the density and the potential."""
    import matplotlib.pyplot as plt

    one = sample["scan"][None]
    shown = {
        "dark field": dark_field(one, probe, scan)[0],
        "centre of mass": centre_of_mass(one, probe, scan)[0],
        "density (electrons per cubic Å)": sample["density"],
        "potential, mean of Im exp(iσV)": sample["potential"],
    }
    figure = plt.figure(figsize=(12.0, 6.2), layout="constrained")
    left, right = figure.subfigures(1, 2)
    sheet = left.subplots()
    sheet.imshow(contact_sheet(sample["scan"]), cmap="viridis", interpolation="nearest")
    sheet.set_title(f"{scan.positions} × {scan.positions} patterns, {scan.step_angstrom:g} Å apart", fontsize=9)
    sheet.set_axis_off()
    half = scan.field_angstrom / 2.0
    for axis, (name, picture) in zip(right.subplots(2, 2).flat, shown.items(), strict=True):
        axis.set_title(name, fontsize=9)
        image = axis.imshow(picture, cmap="magma", extent=(-half, half, half, -half))
        right.colorbar(image, ax=axis, shrink=0.8)
    right.supxlabel(f"Å; the specimen is {sample['thickness']:.0f} Å thick", fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
    plt.close(figure)


def explore(folder: Path, output: Path, specimens: int) -> list[Path]:
    """A picture of each of the first specimens of each split. Raises StemdlError for a data set of another task."""
    manifest = read_manifest(folder)
    parts = understood(benchmark_of(manifest.rung).rung(manifest.rung))
    beam = parts.beam
    probe = Probe(beam.energy_kev, beam.semi_angle_mrad)
    output.mkdir(parents=True, exist_ok=True)
    made = []
    for split in SPLITS:
        part = Part(manifest, split)
        read = part.empty(min(specimens, len(part)))
        part.read(np.arange(len(read["scan"])), read)
        for number in range(len(read["scan"])):
            made.append(output / f"{split}_{number}.png")
            draw(made[-1], {name: values[number] for name, values in read.items()}, probe, parts.scan)
    return made


def main(argv: list[str] | None = None) -> int:
    """The command; 0 when the pictures are written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("explore"), help="(default: %(default)s)")
    parser.add_argument("--specimens", type=int, default=3, help="of each split (default: %(default)s)")
    arguments = parser.parse_args(argv)
    os.environ.setdefault("MPLBACKEND", "Agg")
    made = explore(arguments.folder, arguments.output, arguments.specimens)
    print(f"{len(made)} pictures in {arguments.output}")
    print(f"Next: open {made[0]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
