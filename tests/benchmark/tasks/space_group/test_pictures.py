"""Measured patterns as pictures, and which symmetry a pattern shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.crystals.simulate import atoms_of, ideal_pattern
from benchmark.definition.finder import EVALUATE, find_task, load_benchmark
from benchmark.definition.question import Question
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.zone import project
from benchmark.tasks.space_group.pictures import seen_by
from benchmark.tasks.space_group.symmetry_seen import Seen, symmetry_of

RUNG = load_benchmark("space_group").rungs["stemdl_smoke"]
OPTICS = CbedRung.of(RUNG).optics
EVALUATION = find_task("space_group").code(EVALUATE)
PEROVSKITE = Crystal(
    np.eye(3) * 3.905,
    np.array([38, 22, 8, 8, 8]),
    np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]),
    221,
)
POLAR = Crystal(np.diag([4.2, 5.1, 6.3]), np.array([22, 8]), np.array([[0, 0, 0], [0.21, 0.5, 0.5]]), 25)
CHIRAL = Crystal(
    np.diag([5.0, 5.0, 6.0]), np.array([22, 8, 8]), np.array([[0, 0, 0], [0.3, 0.13, 0], [0.7, 0.87, 0]]), 3
)
"""Along c: a half turn, and no mirror."""


def seen(crystal: Crystal, degrees: float = 0.0, axis: tuple = (0, 0, 1), right: tuple = (1, 0, 0)) -> Seen:
    zone = project(crystal, axis, right)
    return symmetry_of(
        ideal_pattern(
            zone,
            atoms_of(crystal, OPTICS),
            OPTICS,
            energy_kev=100.0,
            thickness_angstrom=200.0,
            rotation_degrees=degrees,
        ).astype(np.float32)
    )


@pytest.mark.parametrize("degrees", [0.0, 17.0])
def test_a_cubic_pattern_shows_four_fold_symmetry_at_any_rotation(degrees: float):
    found = seen(PEROVSKITE, degrees)
    assert {each: found.verdict(each) for each in ("2", "4", "m", "3", "6")} == {
        "2": "shown",
        "4": "shown",
        "m": "shown",
        "3": "broken",
        "6": "broken",
    }
    off = [(line + sign * degrees) % 45.0 for line in found.lines_degrees for sign in (1, -1)]
    assert len(found.lines_degrees) == 4
    assert min(max(min(each, 45.0 - each) for each in off[part::2]) for part in (0, 1)) < 1.5


def test_a_polar_axis_across_the_beam_leaves_one_mirror_line():
    found = seen(POLAR)
    assert found.verdict("m") == "shown" and found.verdict("2") == "broken" and found.verdict("4") == "broken"
    assert min(found.mirror_degrees, 180.0 - found.mirror_degrees) < 1.0  # along the polar axis, a
    assert found.lines_degrees == (found.mirror_degrees,)


def test_a_half_turn_without_a_mirror_is_told():
    found = seen(CHIRAL)
    assert found.verdict("2") == "shown" and found.verdict("m") != "shown"


def test_noise_shows_nothing():
    found = symmetry_of(np.random.default_rng(1).random((64, 64)).astype(np.float32) / 2048)
    assert {found.verdict(each) for each in ("2", "3", "4", "6")} == {"broken"}


def disk(size: int, centre: tuple[float, float], radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size]
    return 255.0 * (np.hypot(rows - centre[0], columns - centre[1]) < radius)


def test_a_picture_is_brought_to_the_rung_s_detector_by_its_calibration(tmp_path: Path):
    """A disk of 0.3 per Angstrom, off the picture's centre, is 0.3 / (2 / 64) pixels in radius in the middle."""
    path = tmp_path / "shot.png"
    Image.fromarray(disk(400, (180.0, 230.0), 60.0).astype(np.uint8)).save(path)
    (question,) = EVALUATION.read_inputs([path], RUNG, {"calibration": "0.005"})
    assert isinstance(question, Question)
    stack = question.inputs["cbed_stack"]
    assert stack.shape == (3, 64, 64) and stack.dtype == np.float32 and np.allclose(stack.sum(axis=(1, 2)), 1.0)
    assert np.array_equal(stack[0], stack[2]) and "all three projections" in question.notes[0]
    rows, columns = np.mgrid[:64, :64] - 31.5
    radius = np.sqrt((stack[0] > 0.5 * stack[0].max()).sum() / np.pi)
    assert radius == pytest.approx(0.3 / (2.0 / 64), abs=0.3)
    assert abs((rows * stack[0]).sum()) < 0.1 and abs((columns * stack[0]).sum()) < 0.1
    assert any("outside of the picture" in note for note in question.notes)


def test_what_lies_outside_of_a_picture_is_dark():
    pattern, outside = seen_by(disk(100, (49.5, 49.5), 40.0), 0.01, 64, 1.0)
    assert outside == pytest.approx(0.75, abs=0.02)
    assert pattern[0].max() == 0.0


@pytest.mark.parametrize(
    ("name", "content", "options", "says"),
    [
        ("a.png", None, {}, "no calibration"),
        ("a.png", None, {"calibration": "0.005"}, "uniform"),
        ("b.jpg", b"not a picture", {"calibration": "0.005"}, "cannot be read"),
    ],
)
def test_a_picture_that_is_none_is_refused(tmp_path: Path, name: str, content: bytes | None, options: dict, says: str):
    path = tmp_path / name
    if content is None:
        Image.fromarray(np.full((40, 40), 7, dtype=np.uint8)).save(path)
    else:
        path.write_bytes(content)
    (found,) = EVALUATION.read_inputs([path], RUNG, options)
    assert isinstance(found, StemdlError) and says in str(found) and str(path) in str(found)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_picture_with_values_that_are_not_finite_is_refused(tmp_path: Path, value: float):
    grey = disk(100, (49.5, 49.5), 40.0).astype(np.float32)
    grey[3, 3] = value
    Image.fromarray(grey).save(tmp_path / "a.tif")
    (found,) = EVALUATION.read_inputs([tmp_path / "a.tif"], RUNG, {"calibration": "0.005"})
    assert isinstance(found, StemdlError) and "not finite" in str(found)


def test_a_picture_with_damage_in_it_is_refused(tmp_path: Path):
    Image.fromarray(disk(100, (49.5, 49.5), 40.0).astype(np.uint8)).save(tmp_path / "a.png")
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.png").write_bytes(content)
    (found,) = EVALUATION.read_inputs([tmp_path / "a.png"], RUNG, {"calibration": "0.005"})
    assert isinstance(found, StemdlError) and "cannot be read" in str(found)


@pytest.mark.parametrize("text", ["1e-300", "1e-9", "0.0001"])
def test_a_calibration_in_another_unit_takes_no_memory(tmp_path: Path, text: str):
    Image.fromarray(disk(100, (49.5, 49.5), 40.0).astype(np.uint8)).save(tmp_path / "a.png")
    (found,) = EVALUATION.read_inputs([tmp_path / "a.png"], RUNG, {"calibration": text})
    assert isinstance(found, StemdlError) and "a speck" in str(found) and "at least 0.00024" in str(found)


@pytest.mark.parametrize("text", ["0", "-1", "much", "nan"])
def test_a_wrong_calibration_is_refused(tmp_path: Path, text: str):
    with pytest.raises(StemdlError, match="not a calibration"):
        list(EVALUATION.read_inputs([tmp_path / "a.png"], RUNG, {"calibration": text}))


def test_remarks_say_what_is_shown_and_which_groups_are_alike(tmp_path: Path):
    schema_labels = ("2", "62", "76", "77", "225")
    pattern = np.random.default_rng(1).random((3, 64, 64)).astype(np.float32) / 2048
    question = Question("a", tmp_path / "a", {"cbed_stack": pattern})
    schema = type("Schema", (), {"classes": {"space_group": schema_labels}})

    def said(number: int) -> list[str]:
        return EVALUATION.remarks(question, {"space_group": np.eye(5)[number]}, schema)

    *elements, alike, told = said(4)
    assert [each.partition(":")[0] for each in elements] == [f"projection {turn}" for turn in (1, 2, 3)]
    assert all("broken 2, 3, 4, 6" in each for each in elements)
    assert "do not tell 225 from" in alike and all(
        f"({group})" in text for group in (209, 210) for text in (alike, told)
    )
    *_, alike, told = said(3)
    assert alike.endswith("do not tell 77 from P4 (75), P-4 (81)") and told.endswith("tell it from P4 (75)")
    assert said(2)[-1].endswith("do not tell 76 from P43 (78)"), "enantiomorphs stay alike"
    assert len(said(0)) == 3
