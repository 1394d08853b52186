"""Scans that somebody has measured: read from files with their calibration, and brought onto a rung's grid.

A scan is (R_y, R_x, K_y, K_x): positions, then the detector. Read are .npy, and the HDF5 files of py4DSTEM and other
programs that write EMD (.emd, .h5: `dim0` or `dim1` and so on next to the data) and of HyperSpy (.hspy: `axis-0` and so
on); and, where RosettaSciIO is installed, what detectors write: raw frames with a header. What a file does not say is
asked for; nothing is assumed in silence.
"""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.layout import label_of as stored_text
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.scattering import wavelength_angstrom

if TYPE_CHECKING:
    import h5py

HDF5 = (".h5", ".hdf5", ".emd", ".hspy")
OF_DETECTORS = {
    ".mib": "quantumdetector",
    ".xml": "empad",
    ".dm3": "digitalmicrograph",
    ".dm4": "digitalmicrograph",
    ".blo": "blockfile",
    ".tvips": "tvips",
    ".mrc": "mrc",
}
"""Suffixes of detectors' files, and the part of RosettaSciIO that reads each. An EMPAD's .xml heads its .raw."""
SUFFIXES = (".npy", *HDF5, *OF_DETECTORS)
LENGTHS = {"a": 1.0, "å": 1.0, "ang": 1.0, "angstrom": 1.0, "angstroms": 1.0, "nm": 10.0, "pm": 0.01}
"""Units of steps, in Angstrom."""
RECIPROCAL = {"a^-1": 1.0, "å^-1": 1.0, "1/a": 1.0, "1/å": 1.0, "1/angstrom": 1.0, "nm^-1": 0.1, "1/nm": 0.1}
"""Units of detector pixels, in 1/Angstrom; milliradian as well, by the wavelength."""


@dataclass(frozen=True, eq=False)
class Given:
    """A scan as its file has it.

    Attributes
    ----------
    patterns : (R_y, R_x, K_y, K_x), counts or anything in proportion to them.
    step_angstrom, pixel_per_angstrom : between positions, and between detector pixels; None where the file is silent.
    notes : what was mended or assumed, in words.
    """

    patterns: NDArray[Any]
    step_angstrom: float | None = None
    pixel_per_angstrom: float | None = None
    notes: tuple[str, ...] = ()


def read_given(path: Path, energy_kev: float) -> Given:
    """The one scan of a file. `energy_kev` is that of the electrons, for detectors in milliradian. Raises StemdlError
    where there is none, or more than one, or the calibration is one that is not understood."""
    try:
        if path.suffix.lower() == ".npy":
            with open(path, "rb") as handle:
                return Given(_four_dimensional(path, np.lib.format.read_array(handle, allow_pickle=False)))
        if (reader := OF_DETECTORS.get(path.suffix.lower())) is not None:
            return _of_detector(path, reader, energy_kev)
        if path.suffix.lower() not in HDF5:
            raise StemdlError(
                "the kind of file is not known",
                where=path,
                expected=", ".join(SUFFIXES),
                found=path.suffix or "no suffix",
                remedy="raw frames need a header: give that file, or save the array (R_y, R_x, K_y, K_x) as .npy",
            )
        import h5py

        with h5py.File(path, "r") as file:
            return _of_hdf5(path, file, energy_kev)
    except MemoryError as error:
        raise StemdlError("the scan is larger than the memory", where=path, found=error) from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise StemdlError("the scan cannot be read", where=path, found=" ".join(str(error).split())) from error


def _four_dimensional(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 4 or array.dtype.kind not in "iuf" or not array.size:
        raise StemdlError(
            "this is not a scan of patterns",
            where=path,
            expected="an array of numbers (R_y, R_x, K_y, K_x)",
            found=f"{array.shape} {array.dtype}",
        )
    return array


def _datasets(file: h5py.File) -> list[h5py.Dataset]:
    """What may be a scan, each once however many names it has; links into other files are not followed."""
    import h5py

    found: list[h5py.Dataset] = []

    def look(_: str, each: Any) -> None:
        if isinstance(each, h5py.Dataset) and each.ndim == 4 and each.dtype.kind in "iuf":
            found.append(each)

    file.visititems(look)
    return found


def _of_hdf5(path: Path, file: h5py.File, energy_kev: float) -> Given:
    found = _datasets(file)
    if len(found) != 1:
        raise StemdlError(
            "the file does not hold one scan",
            where=path,
            expected="one array of numbers of four dimensions",
            found=", ".join(each.name for each in found) or "none",
        )
    (data,) = found
    if data.nbytes > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
        raise MemoryError(f"{data.nbytes / 1e9:.1f} GB")
    axes = [_axis(data.parent, number) for number in range(4)]
    return _calibrated(path, _four_dimensional(path, data[()]), axes, energy_kev)


def _of_detector(path: Path, reader: str, energy_kev: float) -> Given:
    """By RosettaSciIO, whose parts each raise what they like over files that they cannot read."""
    try:
        part = importlib.import_module(f"rsciio.{reader}")
    except ImportError as error:
        raise StemdlError(
            f"{path.suffix} is read by RosettaSciIO, which is not installed",
            where=path,
            remedy="pip install rosettasciio, or save the array (R_y, R_x, K_y, K_x) as .npy",
        ) from error
    try:
        found = part.file_reader(str(path))
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise StemdlError("RosettaSciIO cannot read the scan", where=path, found=said) from error
    scans = [each for each in found if each["data"].ndim == 4]
    if len(scans) != 1:
        raise StemdlError(
            "the file does not hold one scan",
            where=path,
            expected="one array of numbers of four dimensions",
            found=", ".join(str(each["data"].shape) for each in found) or "none",
            remedy="where the header lacks the scan's shape: save the array (R_y, R_x, K_y, K_x) as .npy",
        )
    (scan,) = scans
    ordered = sorted(scan["axes"], key=lambda each: each["index_in_array"])
    axes = [(float(each.get("scale", math.nan)), str(each.get("units") or "")) for each in ordered]
    return _calibrated(path, _four_dimensional(path, np.asarray(scan["data"])), axes, energy_kev)


def _calibrated(
    path: Path, patterns: NDArray[Any], axes: Sequence[tuple[float, str] | None], energy_kev: float
) -> Given:
    """The scan with what its axes, each a scale and a unit or None, say of steps and pixels."""
    given = Given(patterns)
    if all(axis is None for axis in axes):
        return given
    scales = [_in_angstrom(path, number, axis, energy_kev) for number, axis in enumerate(axes)]
    kinds = [scale and scale[0] for scale in scales]
    if kinds == ["pixel", "pixel", "step", "step"]:
        turned = given.patterns.transpose(2, 3, 0, 1)
        given, scales = (
            replace(given, patterns=turned, notes=("the detector's axes came first",)),
            scales[2:] + scales[:2],
        )
    elif any(
        kind not in (None, wanted) for kind, wanted in zip(kinds, ("step", "step", "pixel", "pixel"), strict=True)
    ):
        raise StemdlError("the axes are in an order that is not known", where=path, found=kinds)
    return replace(
        given,
        step_angstrom=_one(path, "steps along the two axes of the scan", scales[:2]),
        pixel_per_angstrom=_one(path, "pixels along the two axes of the detector", scales[2:]),
    )


def _axis(group: h5py.Group, number: int) -> tuple[float, str] | None:
    """Scale and unit of a dimension, as EMD and HyperSpy say them; None where they do not."""
    if (name := f"axis-{number}") in group:
        said = group[name].attrs
        return (float(said["scale"]), stored_text(said.get("units", ""))) if "scale" in said else None
    first = 0 if "dim0" in group else 1
    if (name := f"dim{number + first}") not in group or len(group[name]) < 2:
        return None
    places = group[name][:2].astype(float)
    return float(places[1] - places[0]), stored_text(group[name].attrs.get("units", ""))


def _in_angstrom(
    path: Path, number: int, axis: tuple[float, str] | None, energy_kev: float
) -> tuple[str, float] | None:
    """Whether an axis is of the scan ("step") or of the detector ("pixel"), and its scale; None for plain pixels."""
    if axis is None:
        return None
    scale, unit = axis[0], axis[1].strip().lower().replace("_", "^").replace("⁻¹", "^-1")
    if unit in ("", "pixels", "pixel", "px", "none", "<undefined>", "unknown"):
        return None
    if not (math.isfinite(scale) and scale > 0.0):
        raise StemdlError("an axis has no scale", where=path, found=f"axis {number}: {scale:g} {axis[1]}")
    if unit in LENGTHS:
        return "step", scale * LENGTHS[unit]
    if unit in RECIPROCAL:
        return "pixel", scale * RECIPROCAL[unit]
    if unit == "mrad":
        return "pixel", 1e-3 * scale / wavelength_angstrom(energy_kev)
    raise StemdlError(
        "an axis has a unit that is not known",
        where=path,
        found=f"axis {number}: {axis[1]}",
        expected="A, nm, A^-1, 1/nm, mrad",
    )


def _one(path: Path, what: str, scales: list[tuple[str, float] | None]) -> float | None:
    values = [scale[1] for scale in scales if scale is not None]
    if not values:
        return None
    if len(values) != 2 or abs(values[0] - values[1]) > 1e-3 * values[0]:
        raise StemdlError(f"the {what} differ", where=path, found=values, expected="a square grid")
    return values[0]


def with_options(given: Given, options: Mapping[str, float], path: Path) -> Given:
    """The scan with what the options say in place of what the file does. Raises StemdlError where something stays
    unknown."""
    step = options.get("step_angstrom", given.step_angstrom)
    pixel = options.get("pixel_per_angstrom", given.pixel_per_angstrom)
    missing = [
        f"--set {name}=NUMBER"
        for name, value in (("step_angstrom", step), ("pixel_per_angstrom", pixel))
        if value is None
    ]
    if missing:
        raise StemdlError("the file does not say its calibration", where=path, remedy=" ".join(missing))
    return replace(given, step_angstrom=step, pixel_per_angstrom=pixel)
