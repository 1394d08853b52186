"""What marks tell: types of plane groups that do not depend on the axes of the cell, and a guess from them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from performance.marks import plane_group_type, told


def test_a_type_is_that_of_all_axes_that_symmetry_makes_alike() -> None:
    assert len({plane_group_type(221, axis) for axis in ((1, 2, 3), (3, 1, 2), (-2, 1, 3), (3, -2, 1))}) == 1
    assert plane_group_type(221, (1, 2, 3)) != plane_group_type(221, (1, 1, 2))
    assert plane_group_type(225, (0, 0, 1)) == plane_group_type(221, (0, 0, 1))  # p4mm, of another cell
    assert plane_group_type(5, (0, 0, 1)) != plane_group_type(3, (0, 0, 1))  # c1m1 and p1m1
    assert plane_group_type(1, (3, 5, 7)) == plane_group_type(1, (0, 0, 1)) != plane_group_type(2, (0, 0, 1))


def written(folder: Path, groups: dict[str, list[int]]) -> Path:
    for split, of in groups.items():
        (folder / split).mkdir(parents=True)
        with h5py.File(folder / split / "batch_0.h5", "w") as shard:
            for number, group in enumerate(of):
                sample = shard.create_group(f"sample_{number}_0")
                sample.attrs["space_group"] = np.bytes_(str(group))
                sample.attrs["z_dirs"] = np.array([[0, 0, 1], [1, 0, 0], [2, 0, 2]]).T[None]
    return folder


def test_the_guess_is_right_where_marks_differ_and_the_system_parts_the_rest(tmp_path: Path) -> None:
    apart = written(tmp_path / "apart", {"train": [1, 2, 19], "test": [1, 2, 19, 19]})
    assert told(apart, system_known=False) == (4, 1.0)
    alike = written(tmp_path / "alike", {"train": [221, 123], "test": [221, 123]})
    assert told(alike, system_known=True) == (2, 1.0)


def test_types_that_train_lacks_are_guessed_to_be_the_first_group(tmp_path: Path) -> None:
    data = written(tmp_path / "lacking", {"train": [1, 19], "test": [1, 221]})
    samples, macro_f1 = told(data, system_known=False)
    assert samples == 2 and macro_f1 == pytest.approx((2 / 3 + 0) / 2)  # 1 is guessed twice, 221 never; test has no 19


def test_data_without_samples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no samples"):
        told(tmp_path, system_known=False)
