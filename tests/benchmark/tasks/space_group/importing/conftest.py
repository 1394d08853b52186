"""Miniature real files: the published layout, attribute by attribute, with any of its quirks; and its NPZ form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from benchmark.tasks.space_group.importer import import_data
from benchmark.tasks.space_group.importing import planned

PIXELS = 16
A, C = 4.2778, 3.4790
"""The tetragonal cell of mp-1001605, PrBi: one of the real set's materials."""
HKLS = np.array([[1, 0, 1], [1, 1, 0], [0, 0, 1]])
Write = Callable[..., Path]


def patterns_of(material: str, e: int, pixels: int = PIXELS) -> np.ndarray:
    """Three unit-sum patterns that no other material and energy has."""
    generator = np.random.default_rng([*material.encode(), e])
    patterns = np.exp(generator.uniform(-12.0, 0.0, (3, pixels, pixels)))
    return (patterns / patterns.sum(axis=(1, 2), keepdims=True)).astype(np.float32)


def attributes_of(group: int, material: str, e: int) -> dict[str, Any]:
    """What the real files hold besides a stack: bytes, integers, text, and directions as np.dstack puts them."""
    d = 1.0 / np.sqrt((HKLS[:, 0] ** 2 + HKLS[:, 1] ** 2) / A**2 + HKLS[:, 2] ** 2 / C**2)
    return {
        "space_group": np.bytes_(str(group)),
        "material": np.bytes_(material),
        "energy_keV": 100 + 10 * e,
        "formula": f"Pr{material.rpartition('-')[2]} Bi1",  # no two materials are one compound
        "z_dirs": np.dstack(tuple(HKLS)),
        "y_dirs": np.dstack(tuple(np.eye(3)[[1, 2, 0]] + 0.25 * HKLS)),
        "semi_angles_rad": 0.25 * 0.0370145 / d,
        "d_hkls_angstrom": d,
        "abc_angstrom": np.array([A, A, C]),
        "angles_degree": np.full(3, 90.0),
    }


@pytest.fixture(scope="session")
def write_real() -> Write:
    """`write(path, samples)`: a real file. A sample is (m, e, space group, material) and then, where it has a quirk, a
    mapping of attributes to other values (None: left out) with its patterns under `patterns` and its name under `name`.
    """

    def write(path: Path, samples: list[tuple[Any, ...]], pixels: int = PIXELS) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            for m, e, space_group, material, *quirks in samples:
                changed = dict(*quirks)
                group = file.create_group(changed.pop("name", f"sample_{m}_{e}"))
                stack = changed.pop("patterns", patterns_of(material, e, pixels))
                if stack is not None:
                    group.create_dataset("cbed_stack", data=stack)
                for name, value in (attributes_of(space_group, material, e) | changed).items():
                    if value is not None:
                        group.attrs[name] = value
        return path

    return write


@pytest.fixture(scope="session")
def real_set(tmp_path_factory: pytest.TempPathFactory, write_real: Write) -> Path:
    """Every split of a set of 3 space groups: several ranks with the same counters, gaps, missing energies. To be read
    only."""
    folder = tmp_path_factory.mktemp("real") / "1510313"

    def energies(m: int, group: int, material: str, missing: tuple[int, ...] = ()) -> Iterator[tuple[Any, ...]]:
        yield from ((m, e, group, material) for e in range(10) if e not in missing)

    write_real(
        folder / "train" / "batch_train_0.h5",
        [*energies(0, 2, "mp-20"), *energies(1, 2, "mvc-21"), *energies(4, 2, "mp-22", (3, 9))],
    )
    write_real(folder / "train" / "batch_train_12.h5", [*energies(0, 62, "mp-620"), *energies(2, 225, "mp-2250")])
    write_real(folder / "dev" / "batch_dev_0.h5", [*energies(0, 2, "mp-23"), *energies(1, 62, "mp-621", (0,))])
    write_real(folder / "test" / "batch_test_7.h5", [*energies(3, 225, "mp-2251"), *energies(5, 62, "mp-622")])
    return folder


@pytest.fixture(scope="session")
def real_patterns() -> Callable[..., np.ndarray]:
    """`patterns(material, e)`: what the miniature files hold."""
    return patterns_of


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for 20 stacks of the miniature files."""
    monkeypatch.setattr(planned, "SHARD_BYTES", 20 * 3 * PIXELS * PIXELS * 4)


@pytest.fixture(scope="session")
def imported(real_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The miniature set, imported by one process. To be read only."""
    folder = tmp_path_factory.mktemp("imported") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planned, "SHARD_BYTES", 20 * 3 * PIXELS * PIXELS * 4)
        import_data(real_set, folder)
    return folder
