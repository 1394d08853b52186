"""Records how the reference learns, for `benchmark/tasks/<task>/reference_curves/<rung>.json`.

    .venv/bin/python performance/record_curves.py FOLDER... > stemdl_mini.json

Every log in and below the folders is one of the reference, as it was released, on CPUs.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmark.foundation.files import canonical_json, sha256_of_text
from benchmark.metrics.tallies import read_tallies, tallies_of
from benchmark.scoring.log_folders import find_log_folders
from benchmark.validation.curves import curve_of
from benchmark.validation.limits import Limits
from benchmark.validation.subjects import Log


def main() -> int:
    """Prints the runs of the folders that are named, in the order of their batch sizes and starts."""
    logs = [log for folder in find_log_folders(map(Path, sys.argv[1:])) for log in folder.logs]
    read = [log for path in logs if (log := Log.read(path, path.name, Limits())).metrics and log.stop]
    curves = [curve_of(log) for log in sorted(read, key=lambda log: log.start.time_ms)]
    runs = [asdict(each) for each in sorted(curves, key=lambda each: (each.global_batch_size, each.ranks))]
    schemas = {
        sha256_of_text(canonical_json(read_tallies(path).schema.to_json()))
        for log in read
        if (path := tallies_of(log.path)) is not None
    }
    counted = f' "schema_sha256": {json.dumps(schemas.pop())},\n' if len(schemas) == 1 else ""
    told = "by performance/record_curves.py, of runs of the reference on 2 cores of an AMD EPYC"
    rows = ",\n".join("  " + json.dumps(each) for each in runs)
    print(f'{{"recorded": {json.dumps(told)},\n{counted} "runs": [\n{rows}\n]}}')
    return 0


if __name__ == "__main__":
    sys.exit(main())
