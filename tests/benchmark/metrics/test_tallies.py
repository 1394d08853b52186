"""What a run counted is kept as it is, and what is not of the format is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.tallies import TALLIES, Tallies, read_tallies, tallies_of, write_tallies

SCHEMA = SampleSchema((Field("x", (2,)),), (Field("kind", (), "int64"),), classes={"kind": ("a", "b")})
COUNTED = np.array([3, 1, 0, 2**62, 9], dtype=np.int64)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    log = tmp_path / "result_0.txt"
    assert tallies_of(log) is None
    write_tallies(tmp_path, Tallies(SCHEMA, {"dev": COUNTED, "test": COUNTED[::-1]}))
    assert tallies_of(log) == tmp_path / TALLIES
    found = read_tallies(tmp_path / TALLIES)
    assert found.schema == SCHEMA
    assert found.splits["dev"].tolist() == COUNTED.tolist() == found.splits["test"][::-1].tolist()
    assert {path.name for path in tmp_path.iterdir()} == {TALLIES}


@pytest.mark.parametrize(
    "spoil",
    [
        {"format": 2},
        {"schema": {}},
        {"schema": []},
        {"splits": []},
        {"splits": {"dev": 3}},
        {"splits": {"dev": []}},
        {"splits": {"dev": [1.5]}},
        {"splits": {"dev": [True]}},
        {"splits": {"dev": ["1"]}},
        {"splits": {"dev": [[1], [2, 3]]}},
        {"splits": {"dev": [2**70]}},
    ],
)
def test_what_is_not_of_the_format_is_refused(tmp_path: Path, spoil: dict[str, Any]) -> None:
    write_tallies(tmp_path, Tallies(SCHEMA, {"dev": COUNTED}))
    values = json.loads((tmp_path / TALLIES).read_text())
    (tmp_path / TALLIES).write_text(json.dumps(values | spoil))
    with pytest.raises(StemdlError, match="what the run counted cannot be read"):
        read_tallies(tmp_path / TALLIES)
