"""What `stemdl evaluate` asks of the powder benchmark: measured curves are read, bad ones named, each is pictured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.data.recipe import recipe_of, samples_of_unit
from benchmark.definition.finder import EVALUATE, find_task, load_benchmark
from benchmark.definition.question import Question
from benchmark.foundation.errors import StemdlError

RUNG = load_benchmark("powder").rungs["powder_smoke"]
EVALUATION = find_task("powder").code(EVALUATE)


@pytest.fixture(scope="module")
def pattern() -> np.ndarray:
    """(points,) of the last class of the smoke rung, a face-centred cubic lattice."""
    recipe = recipe_of(RUNG)
    last = recipe.schema().classes["extinction_group"][-1]
    unit = next(unit for unit in recipe.units() if unit.stratum == last)
    return next(samples_of_unit(recipe, RUNG, unit)).arrays["profile"][0]


def curve(path: Path, pattern: np.ndarray, header: str = "# wavelength 1.540593\n") -> Path:
    angles = np.linspace(5.0, 90.0, len(pattern))
    path.write_text(header + "\n".join(f"{x:.3f} {1000 * y:.4f}" for x, y in zip(angles, pattern, strict=True)))
    return path


def test_a_folder_is_read_and_what_is_bad_in_it_is_named(pattern: np.ndarray, tmp_path: Path) -> None:
    curve(tmp_path / "a b$.xy", pattern)
    curve(tmp_path / "bare.xye", pattern, "")
    (tmp_path / "broken.csv").write_text("nothing\n")
    (tmp_path / "notes.md").write_text("not a curve")
    good, bare, broken = EVALUATION.read_inputs([tmp_path], RUNG, {})
    assert isinstance(good, Question) and good.name == "a_b_"
    assert good.inputs["profile"].shape == (1, len(pattern)) and good.inputs["profile"].dtype == np.float32
    assert np.allclose(good.inputs["profile"][0], pattern, atol=0.35)
    assert abs(int(good.inputs["profile"][0].argmax()) - int(pattern.argmax())) <= 1
    assert isinstance(bare, StemdlError) and "wavelength is not known" in str(bare)
    assert isinstance(broken, StemdlError) and str(tmp_path / "broken.csv") in str(broken)
    _, asked, _ = EVALUATION.read_inputs([tmp_path], RUNG, {"wavelength": "1.5406"})
    assert isinstance(asked, Question)


def test_two_curves_of_one_name_have_pictures_of_their_own(pattern: np.ndarray, tmp_path: Path) -> None:
    paths = [curve(tmp_path / name, pattern) for name in ("a.xy", "a.csv", "a .xy")]
    assert len({each.name for each in EVALUATION.read_inputs(paths, RUNG, {})}) == 3


@pytest.mark.parametrize(
    ("options", "says"), [({"wavelength": "copper"}, "not a wavelength"), ({"axis": "energy"}, "no such abscissa")]
)
def test_wrong_options_are_refused(options: dict[str, str], says: str, pattern: np.ndarray, tmp_path: Path) -> None:
    path = curve(tmp_path / "a.xy", pattern)
    try:
        (found,) = EVALUATION.read_inputs([path], RUNG, options)
    except StemdlError as error:
        found = error
    assert isinstance(found, StemdlError) and says in str(found)


@pytest.mark.parametrize("place", ["missing.xy", "empty"])
def test_what_holds_no_curve_is_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "first.csv").write_text("a curve that is not yet read")
    with pytest.raises(StemdlError, match="no curve"):
        next(EVALUATION.read_inputs([tmp_path / "first.csv", tmp_path / place], RUNG, {}))


def test_a_label_is_a_class_or_a_space_group_of_it() -> None:
    assert EVALUATION.class_of("225") == EVALUATION.class_of("196:F23") == EVALUATION.class_of(" 209 ") == "196:F23"
    for text in ("0", "231", "Fm-3m", "", "-1", "²"):
        with pytest.raises(StemdlError, match="not a space group"):
            EVALUATION.class_of(text)


def test_the_picture_is_drawn_for_groups_with_and_without_a_lattice(pattern: np.ndarray, tmp_path: Path) -> None:
    (question,) = EVALUATION.read_inputs([curve(tmp_path / "a$_{.xy", pattern)], RUNG, {})
    schema = recipe_of(RUNG).schema()
    outputs = {"extinction_group": np.arange(len(schema.classes["extinction_group"]), dtype=np.float32)}
    EVALUATION.picture(question, outputs, schema, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a$_{.xy", "a.png"]
