"""What `stemdl evaluate` asks of the density benchmark: scans are brought to the rung's grid, or refused with what they
lack, and the data set's own come with their error."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scans import CALIBRATED, EVALUATION, PIXEL, RUNG, STEP, asked, saved, scan_of

from benchmark.data.manifest import Manifest
from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.question import Question
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.standardised_error import standardised

SCHEMA = recipe_of(RUNG).schema()


def test_a_scan_on_the_rungs_own_grid_stays_as_it_is(scan: NDArray, tmp_path: Path) -> None:
    found = asked(saved(tmp_path, scan), **CALIBRATED)
    assert isinstance(found, Question) and found.inputs["scan"].dtype == np.float32
    np.testing.assert_allclose(found.inputs["scan"], scan, atol=1e-7)
    assert all("network knows" in note for note in found.notes)  # of a dose of one electron
    share = scan_of(saved(tmp_path, 5000.0 * scan), step_angstrom=str(STEP), pixel_per_angstrom=str(PIXEL))
    np.testing.assert_allclose(share, scan / scan.sum(axis=(2, 3)).mean(), rtol=1e-4, atol=1e-7)


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
