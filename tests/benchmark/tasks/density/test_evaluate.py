"""What `stemdl evaluate` asks of the density benchmark: scans from other programs are read or refused with what they
lack, and the data set's own come with their error."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.data.manifest import Manifest
from benchmark.data.recipe import Sample, recipe_of
from benchmark.definition.finder import EVALUATE, find_task, load_benchmark
from benchmark.definition.question import Question
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.standardised_error import standardised

RUNG = load_benchmark("density").rung("density_smoke")
EVALUATION = find_task("density").code(EVALUATE)
SCHEMA = recipe_of(RUNG).schema()
STEP, PIXEL = 0.9, 1.2 / 16.0
"""Of the smoke rung: Angstrom between positions, 1/Angstrom between detector pixels."""
CALIBRATED = {"step_angstrom": str(STEP), "pixel_per_angstrom": str(PIXEL), "electrons": "1"}


def asked(path: Path, **options: str) -> Question | StemdlError:
    (found,) = EVALUATION.read_inputs([path], RUNG, options)
    return found


def scan_of(path: Path, **options: str) -> NDArray[np.float32]:
    found = asked(path, **options)
    assert isinstance(found, Question), found
    return found.inputs["scan"]


def saved(folder: Path, array: NDArray[Any]) -> Path:
    np.save(folder / "scan.npy", array)
    return folder / "scan.npy"


@pytest.fixture
def scan(smoke: list[Sample]) -> NDArray[np.float32]:
    return np.asarray(smoke[0].arrays["scan"])


def emd(path: Path, scan: NDArray[Any], units: tuple[str, str], scales: tuple[float, float], first: int = 0) -> Path:
    """As py4DSTEM writes one, with `dim0` or, as older files, `dim1` first."""
    with h5py.File(path, "w") as file:
        group = file.create_group("datacube_root/datacube")
        group["data"] = scan
        for number in range(4):
            which = int(number > 1)
            dim = group.create_dataset(f"dim{number + first}", data=np.array([0.0, scales[which]]))
            dim.attrs["units"] = units[which]
    return path


def hspy(path: Path, scan: NDArray[Any], units: tuple[str, str], scales: tuple[float, float]) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("Experiments/one")
        group["data"] = scan
        for number in range(4):
            axis = group.create_group(f"axis-{number}")
            axis.attrs["scale"], axis.attrs["units"] = scales[int(number > 1)], units[int(number > 1)]
    return path


def test_a_scan_on_the_rungs_own_grid_stays_as_it_is(scan: NDArray, tmp_path: Path) -> None:
    found = asked(saved(tmp_path, scan), **CALIBRATED)
    assert isinstance(found, Question) and found.inputs["scan"].dtype == np.float32
    np.testing.assert_allclose(found.inputs["scan"], scan, atol=1e-7)
    assert all("network knows" in note for note in found.notes)  # of a dose of one electron
    share = scan_of(saved(tmp_path, 5000.0 * scan), step_angstrom=str(STEP), pixel_per_angstrom=str(PIXEL))
    np.testing.assert_allclose(share, scan / scan.sum(axis=(2, 3)).mean(), rtol=1e-4, atol=1e-7)


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


def test_a_finer_scan_and_detector_are_brought_to_the_rungs(scan: NDArray, tmp_path: Path) -> None:
    """Each position three times as dense, each pixel as four, the detector wider on one side than on the other."""
    fine = np.repeat(np.repeat(scan, 3, axis=0), 3, axis=1)[: 3 * 4 - 2, : 3 * 4 - 2]
    split = np.repeat(np.repeat(fine, 2, axis=2), 2, axis=3) / 4.0
    found = asked(saved(tmp_path, split), step_angstrom="0.3", pixel_per_angstrom=str(PIXEL / 2.0), electrons="1")
    assert isinstance(found, Question) and any("4 x 4 of the 10 x 10 positions" in note for note in found.notes)
    moved = found.inputs["scan"]
    assert moved.shape == scan.shape and abs(moved.sum() / scan.sum() - 1.0) < 0.05
    wide = np.pad(scan, ((0, 0), (0, 0), (0, 0), (0, 16)))
    found = asked(saved(tmp_path, wide), **CALIBRATED)
    assert isinstance(found, Question) and any("bright disk lies around" in note for note in found.notes)
    assert np.corrcoef(found.inputs["scan"].ravel(), scan.ravel())[0, 1] > 0.7


def test_dead_pixels_and_values_below_0_are_mended_and_said(scan: NDArray, tmp_path: Path) -> None:
    dead = scan.copy()
    dead[:, :, 14, 15] = np.nan
    dead[0, 0, 0, 0] = -1e-6
    found = asked(saved(tmp_path, dead), **CALIBRATED)
    assert isinstance(found, Question) and np.isfinite(found.inputs["scan"]).all() and found.inputs["scan"].min() >= 0.0
    assert any("hold no number" in note for note in found.notes) and any("below 0" in note for note in found.notes)
    others = np.ones((32, 32), dtype=bool)
    others[14, 15] = False
    np.testing.assert_allclose(found.inputs["scan"][..., others], np.maximum(dead, 0.0)[..., others], atol=1e-7)


def test_pixels_that_count_nothing_or_far_too_much_are_mended_and_said(scan: NDArray, tmp_path: Path) -> None:
    wrong = scan.copy()
    wrong[:, :, 15, 17], wrong[:, :, 4, 5] = 0.0, 0.05
    found = asked(saved(tmp_path, wrong), **CALIBRATED)
    assert isinstance(found, Question)
    assert any("row 15, column 17 of the detector counts nothing" in note for note in found.notes)
    assert any("row 4, column 5 of the detector counts 5 times" in note for note in found.notes)
    mended = found.inputs["scan"]
    assert mended[:, :, 15, 17].min() > 0.3 * scan[:, :, 15, 17].mean() and mended[:, :, 4, 5].max() < 0.01
    others = np.ones((32, 32), dtype=bool)
    others[15, 17] = others[4, 5] = False
    np.testing.assert_allclose(mended[..., others], scan[..., others], atol=1e-7)


def _holes(scan: NDArray) -> NDArray:
    scan = scan.copy()
    scan[1, 2] = np.nan
    return scan


def _many_dead(scan: NDArray) -> NDArray:
    return np.where(np.arange(32) % 8 == 0, np.nan, scan)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda scan: scan, {}, "--set step_angstrom=NUMBER --set pixel_per_angstrom=NUMBER"),
        (lambda scan: scan, {"step_angstrom": "0.9"}, "--set pixel_per_angstrom=NUMBER"),
        (_holes, CALIBRATED, "the first at row 1, column 2"),
        (_many_dead, CALIBRATED, "too many pixels hold no number or a wrong one"),
        (lambda scan: 0.0 * scan, CALIBRATED, "16, the first at row 0, column 0"),
        (lambda scan: scan[:3], CALIBRATED, "too few positions"),
        (lambda scan: scan[0], CALIBRATED, "not a scan of patterns"),
        (lambda scan: scan.astype(complex), CALIBRATED, "not a scan of patterns"),
        (lambda scan: scan, {**CALIBRATED, "step_angstrom": "0.6"}, "too far apart, or lie between"),
        (lambda scan: scan, {**CALIBRATED, "step_angstrom": "3"}, "too far apart, or lie between"),
        (lambda scan: scan[:, :, 12:20, 12:20], CALIBRATED, "does not hold the bright disk"),
    ],
)
def test_what_is_missing_or_cannot_be_had_is_named(
    change: Any, options: Mapping[str, str], words: str, scan: NDArray, tmp_path: Path
) -> None:
    path = saved(tmp_path, change(scan))
    found = asked(path, **options)
    assert isinstance(found, StemdlError) and words in str(found) and str(path) in str(found)


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
            list(EVALUATION.read_inputs([place], RUNG, {}))


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


@pytest.mark.parametrize("text", ["nothing", "0", "-1", "nan", "inf"])
def test_options_are_numbers_above_0(text: str, scan: NDArray, tmp_path: Path) -> None:
    with pytest.raises(StemdlError, match="not a number above 0"):
        asked(saved(tmp_path, scan), step_angstrom=text)


def test_a_data_sets_own_specimens_come_with_their_error_and_a_picture(made: Manifest, tmp_path: Path) -> None:
    shard = made.folder / next(each["path"] for each in made.shards if each["path"].startswith("dev"))
    (question,) = EVALUATION.read_inputs([shard], RUNG, {})
    z = standardised(question.density[None])[0].astype(np.float32)
    for answer, error in ((z, 0.0), (np.zeros_like(z), 1.0), (-z, 2.0), (1.3 * z, 0.3)):
        found = EVALUATION.measured(question, {"density": answer})
        assert found["error"] == pytest.approx(error, abs=1e-5)
    EVALUATION.picture(question, {"density": 0.8 * z}, SCHEMA, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    other = load_benchmark("density").rung("density_mini")
    (refused,) = EVALUATION.read_inputs([shard], other, {})
    assert isinstance(refused, StemdlError) and "of another rung" in str(refused)


def test_a_measured_scan_has_a_picture_without_truth_and_no_error(scan: NDArray, tmp_path: Path) -> None:
    question = asked(saved(tmp_path, scan), **CALIBRATED)
    assert isinstance(question, Question) and EVALUATION.measured(question, {"density": np.zeros((16, 16))}) == {}
    EVALUATION.picture(question, {"density": np.zeros((16, 16))}, SCHEMA, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    names = [saved(tmp_path, scan).rename(tmp_path / name) for name in ("b.npy",)]
    twice = list(EVALUATION.read_inputs([names[0], names[0]], RUNG, CALIBRATED))
    assert [each.name for each in twice if isinstance(each, Question)] == ["b", "b~2"]
    assert dataclasses.is_dataclass(twice[0])


def test_answers_together_say_the_error_by_thickness_and_the_worst(made: Manifest) -> None:
    shard = made.folder / next(each["path"] for each in made.shards if each["path"].startswith("dev"))
    (question,) = EVALUATION.read_inputs([shard], RUNG, {})
    assert 21.0 <= question.thickness_angstrom <= 39.0
    thick = [
        (dataclasses.replace(question, name=f"s{number}", thickness_angstrom=thickness), {"error": error})
        for number, (thickness, error) in enumerate(
            [(21.0, 0.3), (30.0, 0.4), (75.0, 1.0), (200.0, 0.1)] + 8 * [(50.0, 0.2)]
        )
    ]
    said, worst = EVALUATION.overall(thick)
    assert "0 to 35, 0.354 (2 specimens); 35 to 75, 0.200 (8" in said
    assert "75 to 125, 1.000 (1" in said and "from 125 on, 0.100 (1" in said
    assert worst.startswith("The worst: s2 1.000, s1 0.400, s0 0.300, s4 0.200") and "s3" not in worst
    assert list(EVALUATION.overall([(question, {})])) == []
