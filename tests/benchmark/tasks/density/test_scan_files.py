"""Files of other programs: their scans are read, with what they say of their calibration, or refused with what they
lack."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from scans import CALIBRATED, EVALUATION, PIXEL, RUNG, STEP, asked, emd, scan_of

from benchmark.definition.question import Question
from benchmark.foundation.errors import StemdlError


def hspy(path: Path, scan: NDArray[Any], units: tuple[str, str], scales: tuple[float, float]) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("Experiments/one")
        group["data"] = scan
        for number in range(4):
            axis = group.create_group(f"axis-{number}")
            axis.attrs["scale"], axis.attrs["units"] = scales[int(number > 1)], units[int(number > 1)]
    return path


@pytest.mark.parametrize("write", [emd, hspy])
@pytest.mark.parametrize(
    ("units", "scales"),
    [
        (("A", "A^-1"), (STEP, PIXEL)),
        (("Å", "Å^-1"), (STEP, PIXEL)),
        (("nm", "1/nm"), (STEP / 10.0, PIXEL * 10.0)),
        (("Angstrom", "mrad"), (STEP, PIXEL * 37.0144)),
    ],
)
def test_other_programs_files_say_their_calibration(
    write: Any, units: tuple[str, str], scales: tuple[float, float], scan: NDArray, tmp_path: Path
) -> None:
    found = scan_of(write(tmp_path / "a.h5", scan, units, scales), electrons="1")
    np.testing.assert_allclose(found, scan, atol=2e-5)


def empad(folder: Path, scan: NDArray[Any]) -> Path:
    """As an EMPAD writes one: frames of 128 x 128 and two rows more, headed by an .xml that says no calibration."""
    frames = np.zeros((*scan.shape[:2], 130, 128), dtype="<f4")
    frames[:, :, 48:80, 48:80] = scan
    frames.tofile(folder / "scan.raw")
    (folder / "scan.xml").write_text(
        f'<root><raw_file filename="scan.raw"/><pix_x>{scan.shape[1]}</pix_x><pix_y>{scan.shape[0]}</pix_y></root>'
    )
    return folder / "scan.xml"


def test_raw_frames_with_a_header_are_read_where_rosettasciio_is(scan: NDArray, tmp_path: Path) -> None:
    pytest.importorskip("rsciio")
    path = empad(tmp_path, scan)
    np.testing.assert_allclose(scan_of(path, **CALIBRATED), scan, atol=1e-7)
    silent = asked(path)
    assert isinstance(silent, StemdlError) and "does not say its calibration" in str(silent)
    path.write_text("<root><pix_x>4</pix_x></root>")
    broken = asked(path, **CALIBRATED)
    assert isinstance(broken, StemdlError) and "RosettaSciIO cannot read the scan" in str(broken)


class Reader:
    """RosettaSciIO's part for a detector: three frames, or a scan whose detector comes first."""

    def __init__(self, *found: dict[str, Any]) -> None:
        self._found = list(found)

    def file_reader(self, _: str) -> list[dict[str, Any]]:
        return self._found


def _axes(units: str, scales: tuple[float, ...]) -> list[dict[str, Any]]:
    said = zip(units.split(), scales, strict=True)
    return [{"index_in_array": i, "units": unit, "scale": scale} for i, (unit, scale) in enumerate(said)]


def test_what_a_detectors_file_says_of_its_axes_is_kept(
    scan: NDArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "scan.mib"
    path.write_bytes(b"frames")
    axes = _axes("1/nm 1/nm nm nm", (10 * PIXEL, 10 * PIXEL, STEP / 10, STEP / 10))
    turned = Reader({"data": scan.transpose(2, 3, 0, 1), "axes": axes[::-1]})
    monkeypatch.setitem(sys.modules, "rsciio.quantumdetector", turned)
    np.testing.assert_allclose(scan_of(path, electrons="1"), scan, atol=2e-5)
    monkeypatch.setitem(sys.modules, "rsciio.quantumdetector", Reader({"data": scan[0], "axes": []}))
    stack = asked(path, **CALIBRATED)
    assert isinstance(stack, StemdlError) and "lacks the scan's shape" in str(stack) and "(4, 32, 32)" in str(stack)
    monkeypatch.setitem(sys.modules, "rsciio.quantumdetector", None)
    missing = asked(path, **CALIBRATED)
    assert isinstance(missing, StemdlError) and "pip install rosettasciio" in str(missing)


def test_raw_frames_alone_are_refused_with_what_they_lack(tmp_path: Path) -> None:
    for name in ("scan.raw", "scan"):
        (tmp_path / name).write_bytes(b"0" * 64)
        found = asked(tmp_path / name, **CALIBRATED)
        assert isinstance(found, StemdlError) and "need a header" in str(found)


def test_a_detector_that_comes_first_is_turned_and_said(scan: NDArray, tmp_path: Path) -> None:
    path = emd(tmp_path / "a.emd", scan.transpose(2, 3, 0, 1), ("A^-1", "A"), (PIXEL, STEP), first=1)
    found = asked(path, electrons="1")
    assert isinstance(found, Question) and "the detector's axes came first" in found.notes
    np.testing.assert_allclose(found.inputs["scan"], scan, atol=1e-7)


@pytest.mark.parametrize(
    ("units", "scales", "words"),
    [
        (("A", "A"), (STEP, STEP), "axes are in an order that is not known"),
        (("furlong", "A^-1"), (STEP, PIXEL), "a unit that is not known"),
        (("A", "A^-1"), (0.0, PIXEL), "has no scale"),
        (("pixels", "pixels"), (1.0, 1.0), "does not say its calibration"),
    ],
)
def test_files_with_odd_axes_are_refused(
    units: tuple[str, str], scales: tuple[float, float], words: str, scan: NDArray, tmp_path: Path
) -> None:
    found = asked(emd(tmp_path / "a.emd", scan, units, scales))
    assert isinstance(found, StemdlError) and words in str(found)


def test_a_file_with_two_scans_or_none_or_of_another_kind_is_refused(scan: NDArray, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = scan, scan
        file["elsewhere"] = h5py.ExternalLink("three.h5", "/a")
    h5py.File(tmp_path / "none.h5", "w").close()
    (tmp_path / "text.npy").write_text("no numbers")
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    found = list(EVALUATION.read_inputs([tmp_path], RUNG, CALIBRATED))
    assert len(found) == 4 and all(isinstance(each, StemdlError) for each in found)
    assert "/a, /b" in str(found[-1])
    for place in (tmp_path / "not_there.npy", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(StemdlError, match="no scan"):
            next(EVALUATION.read_inputs([tmp_path / "text.npy", place], RUNG, {}))


def test_whatever_lies_next_to_a_scan_it_is_found_once(scan: NDArray, tmp_path: Path) -> None:
    """Second names, a group that holds itself, links to nothing, types and deep folders, as HDF5 has them."""
    with h5py.File(tmp_path / "odd.h5", "w") as file:
        file[f"{'g/' * 1100}scan"] = scan
        file["again"], file["loop/root"] = file[f"{'g/' * 1100}scan"], file["/"]
        file["nothing"], file["type"] = h5py.SoftLink("/nowhere"), np.dtype("f4")
        file["empty"] = h5py.Empty("f4")
    np.testing.assert_array_equal(scan_of(tmp_path / "odd.h5", **CALIBRATED), scan)


def test_scans_that_no_memory_holds_or_no_number_are_refused(scan: NDArray, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "claims.h5", "w") as file:
        file.create_dataset("a", shape=(10**4, 10**4, 10**3, 10**3), dtype="f4", chunks=(1, 1, 10**3, 10**3))
    (tmp_path / "nothing.npy").touch()
    np.savez(tmp_path / "archive.npz", a=scan)
    (tmp_path / "archive.npz").rename(tmp_path / "archive.npy")
    np.save(tmp_path / "large.npy", np.full_like(scan, 2e38))
    np.save(tmp_path / "larger.npy", np.full(scan.shape, 1e300))
    found = list(EVALUATION.read_inputs([tmp_path], RUNG, CALIBRATED))
    assert [Path(str(each.where)).name for each in found if isinstance(each, StemdlError)] == [
        "archive.npy",
        "claims.h5",
        "large.npy",
        "larger.npy",
        "nothing.npy",
    ]
    assert ["memory" in str(found[1]), "too large" in str(found[2])] == [True, True]
