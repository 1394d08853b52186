"""The simulation against measured patterns of SrTiO3: that the fit finds what is there, and what is there."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.interpolate import griddata
from scipy.ndimage import gaussian_filter

from performance import measured_cbed
from performance.measured_cbed import THICKNESSES_ANGSTROM, Simulated, fit, simulate

MEASURED = Path(
    os.environ.get("STEMDL_CBED_MEASURED") or Path(__file__).resolve().parents[3] / "shared" / "data" / "cbed_measured"
)


@pytest.fixture(scope="module")
def simulated() -> dict[str, Simulated]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measured_cbed, "STEPS_PER_G", 8)
        patch.setattr(measured_cbed, "BLUR_STEPS", 0.5)
        return {absorption: simulate(200.0, 13.6, absorption) for absorption in ("none", "thermal")}


def test_a_picture_of_known_thickness_and_pose_is_found(simulated: dict[str, Simulated]) -> None:
    known = simulated["thermal"]
    angle, size, (x, y) = np.radians(20.0), 60.0, (104.0, 97.0)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    where = known.places @ turn * size + [x, y]
    rows, columns = np.mgrid[:200, :200]
    number = 40
    low = known.patterns[number].min()
    picture = 50.0 * griddata(where, known.patterns[number] - low, (columns, rows), method="linear", fill_value=0.0)
    found = fit(picture, known)
    assert THICKNESSES_ANGSTROM[found.thickness] == pytest.approx(THICKNESSES_ANGSTROM[number], abs=10.0)
    assert found.correlation > 0.995
    assert found.pose[:3] == pytest.approx([x, y, size], abs=1.0)
    assert np.degrees(found.pose[3]) % 90.0 == pytest.approx(20.0, abs=0.5)
    assert found.own < 0.05


@pytest.mark.skipif(not MEASURED.is_dir(), reason="the measured patterns are not here")
@pytest.mark.parametrize("name, nanometres", [("02-on_zone_49-51nm", (49, 51)), ("09-on_zone_94-95nm", (94, 95))])
def test_measured_patterns_are_those_of_their_thickness(
    simulated: dict[str, Simulated], name: str, nanometres: tuple[int, int]
) -> None:
    picture = gaussian_filter(np.asarray(Image.open(MEASURED / f"{name}.jpg").convert("L"), float), 2.0)
    found = {absorption: fit(picture, patterns) for absorption, patterns in simulated.items()}
    thickness = THICKNESSES_ANGSTROM[found["thermal"].thickness] / 10.0
    assert nanometres[0] - 2 <= thickness <= nanometres[1] + 2
    assert found["thermal"].correlation > 0.985
    assert found["thermal"].correlation > found["none"].correlation + 0.005  # absorption is seen
