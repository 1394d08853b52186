"""What the last evaluations of a run counted: `tallies.json` next to its log; of `result_<i>.txt` in a submission
`tallies/result_<i>.json`.

The log has one value for each evaluation. What it is the value of, such as how often each class was taken for which, is
kept here, with the schema that says what is counted. It is written off the clock, and nothing is scored by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_text
from benchmark.foundation.reading import Unreadable, read_object

TALLIES = "tallies.json"
SUBMITTED = "tallies"
"""The folder next to the logs of a submission."""
FORMAT = 1
_BYTES, _NESTING = 4 * 2**20, 8
"""Those of two splits of 230 classes have 106,000 numbers."""


@dataclass(frozen=True)
class Tallies:
    """The tally of each split's last evaluation, as `Metric.tally` has it; the schema of the samples."""

    schema: SampleSchema
    splits: Mapping[str, NDArray[np.int64]]


def write_tallies(folder: Path, tallies: Tallies) -> None:
    """Write them into a run's folder, without spaces: most of the numbers of many classes are 0."""
    counted = {split: tally.tolist() for split, tally in tallies.splits.items()}
    values = {"format": FORMAT, "schema": tallies.schema.to_json(), "splits": counted}
    write_text(folder / TALLIES, json.dumps(values, separators=(",", ":"), allow_nan=False) + "\n")


def submitted_tallies(log: Path) -> Path:
    """Where those of a log lie in a submission."""
    return log.parent / SUBMITTED / f"{log.stem}.json"


def tallies_of(log: Path) -> Path | None:
    """The file of a log, in a submission or in a run's folder; None where it has none."""
    return next((path for path in (submitted_tallies(log), log.parent / TALLIES) if path.exists()), None)


def read_tallies(path: Path) -> Tallies:
    """Those of a file. Raises StemdlError for one that is not of the format."""
    try:
        values = read_object(path, _BYTES, _NESTING)
        if values["format"] != FORMAT:
            raise ValueError(f"its format is {values['format']!r}, not {FORMAT}")
        if more := sorted({*values} - {"format", "schema", "splits"}):
            raise ValueError(f"nothing reads {more[0]!r}")
        splits = {str(split): np.array(tally) for split, tally in values["splits"].items()}
        if any(tally.ndim != 1 or tally.dtype != np.int64 or not tally.size for tally in splits.values()):
            raise ValueError("a tally is a list of whole numbers")
        return Tallies(SampleSchema.from_json(values["schema"]), splits)
    except (Unreadable, StemdlError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise StemdlError("what the run counted cannot be read", where=path, found=error) from error
