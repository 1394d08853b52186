"""A page about scans: some specimens of each split, with their patterns, virtual images, and what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.layout import read_unit, sample_names
from benchmark.data.manifest import Manifest
from benchmark.data.sealed import opened_shard
from benchmark.data.storage import coding_of
from benchmark.definition.finder import benchmark_of
from benchmark.report.drawing import ON_BLACK, draw, new_figure
from benchmark.report.explored import Explored, page, page_folder, write_page
from benchmark.simulation.probe import Probe
from benchmark.tasks.density.classical import centre_of_mass, dark_field
from benchmark.tasks.density.rung import Beam, Scan, understood

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPECIMENS = 3
"""Those of each split that are shown."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A specimen: its split, the unit that it is of, the fields of its sample, and what else its sample says."""

    split: str
    unit: str
    fields: Mapping[str, NDArray[Any]]
    said: Mapping[str, Any]


def explore(manifest: Manifest, folder: Path) -> Explored:
    """Write the page and its pictures to `folder`. Raises StemdlError where the data cannot be read, are of a rung that
    is not known, or the folder cannot be written to."""
    parts = understood(benchmark_of(manifest.rung).rung(manifest.rung))
    with page_folder(folder):
        drawn = [
            draw(
                folder / f"{split}_{number}.png",
                f"{split}, specimen {number}: {shown.said['kind']}",
                lambda shown=shown: specimen_figure(shown, parts.beam, parts.scan),  # type: ignore[misc]
                ON_BLACK,
            )
            for split in manifest.samples
            for number, shown in enumerate(first_specimens(manifest, split))
        ]
        written = write_page(folder, page(manifest, "scans", drawn))
    numbers = {"page": written, "scans": dict(manifest.samples), "pictures": [str(each.path) for each in drawn]}
    return Explored(numbers, (f"{written}: {len(drawn)} of {sum(manifest.samples.values()):,} scans",), written)


def first_specimens(manifest: Manifest, split: str) -> Iterator[Shown]:
    """The first `SPECIMENS` of a split, or as many as its first shard has. Raises StemdlError where that shard is not
    its manifest's."""
    entry = next((each for each in manifest.shards if Path(each["path"]).parts[0] == split), None)
    if entry is None:
        return
    with opened_shard(manifest, entry) as shard:
        coding = coding_of(shard)
        for name in sample_names(shard)[:SPECIMENS]:
            fields = {each.name: np.asarray(shard[name][each.name]) for each in manifest.schema.fields}
            unit = read_unit(shard[name], manifest.schema.unit)
            yield Shown(split, unit, {**fields, "scan": coding.decode(fields["scan"])}, dict(shard[name].attrs))


def contact_sheet(scan: NDArray[np.float32]) -> NDArray[np.float32]:
    """(s p, s p): every pattern of a scan (s, s, p, p) at its place, as square roots of intensity."""
    s, _, p, _ = scan.shape
    sheet: NDArray[np.float32] = np.sqrt(scan).transpose(0, 2, 1, 3).reshape(s * p, s * p)
    return sheet


def specimen_figure(shown: Shown, beam: Beam, scan: Scan) -> tuple[Figure, str, str]:
    """One specimen: its patterns where the probe stood, two virtual images, the density and the potential."""
    one, probe = shown.fields["scan"][None], Probe(beam.energy_kev, beam.semi_angle_mrad)
    pictures = {
        "dark field": dark_field(one, probe, scan)[0],
        "centre of mass": centre_of_mass(one, probe, scan)[0],
        "density": shown.fields["density"],
        "potential": shown.fields["potential"],
    }
    figure = new_figure(4.4)
    left, right = figure.subfigures(1, 2)
    sheet = left.subplots()
    sheet.imshow(contact_sheet(shown.fields["scan"]), cmap="viridis", interpolation="nearest")
    sheet.set_title(f"{scan.positions} × {scan.positions} patterns, {scan.step_angstrom:g} Å apart")
    sheet.set_axis_off()
    half = scan.field_angstrom / 2.0
    for axis, (name, picture) in zip(right.subplots(2, 2).flat, pictures.items(), strict=True):
        axis.set_title(name, fontsize=8)
        image = axis.imshow(picture, cmap="magma", extent=(-half, half, half, -half))
        right.colorbar(image, ax=axis, fraction=0.046, pad=0.04)
    said = shown.said
    caption = (
        f"{shown.unit}: {said['formula']}, space group {said['space_group']}, beam along {_axis(said['zone_axis'])}, "
        f"{float(shown.fields['thickness']):.0f} Å thick. Lengths in Å; patterns as square roots of intensity; "
        "density in electrons per cubic Å; potential as the mean over slices of Im exp(iσV)."
    )
    return figure, caption, f"Patterns of a scan, two virtual images, density and potential. {caption}"


def _axis(stored: Any) -> str:
    return "[" + " ".join(map(str, np.asarray(stored).tolist())) + "]"
