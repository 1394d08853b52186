"""Where validation finds what: the places that all mutations and the published results are held to, `findings.json`.

`python tests/benchmark/validation/findings.py` writes the file after a check was added or changed; the difference is
then to be read, and meant. Where the published results are not, their part of the file stays as it is.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from mutations import MUTATIONS  # noqa: E402

from benchmark.validation.finding import Finding  # noqa: E402
from benchmark.validation.validate import Report, validate  # noqa: E402

SNAPSHOT = Path(__file__).with_suffix(".json")
ARCHIVE = ROOT.parent / "shared" / "data" / "mlperf_hpc_v3.0" / "results.tar.xz"
PUBLISHED = "published results of MLPerf HPC v3.0"


def recorded(name: str) -> list[str]:
    """The file's entry for a mutation, or for `PUBLISHED`."""
    return json.loads(SNAPSHOT.read_text(encoding="utf-8"))[name]


def places(report: Report, root: Path) -> list[str]:
    """The verdict, then the rule, severity, file and line of each finding. Files are named from `root`."""
    return [report.verdict.value, *sorted(f"{_said(each, root)}:{each.line or 0}" for each in report.findings)]


def folders(report: Report, root: Path) -> list[str]:
    """The verdict of each submission, then how often a rule was broken below each folder."""
    verdicts = sorted(f"{Path(each.path).name} {each.verdict.value}" for each in report.judged)
    counts = Counter(_said(each, root).rpartition("/")[0] for each in report.findings)
    return [*verdicts, *sorted(f"{place} {count}" for place, count in counts.items())]


def _said(finding: Finding, root: Path) -> str:
    place = finding.file.removeprefix(str(root)).lstrip("/") or "."
    return f"{finding.rule} {finding.severity.name.lower()} {place}"


@contextmanager
def published() -> Iterator[Path]:
    """The published results, unpacked, for as long as they are needed."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(ARCHIVE) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python has it since 3.11.4
        archive.extractall(folder)
        yield Path(folder)


def _found() -> Iterator[tuple[str, list[str]]]:
    for mutation in MUTATIONS:
        with tempfile.TemporaryDirectory() as folder:
            tree = mutation.tree().write(Path(folder) / "Somewhere")
            yield mutation.name, places(validate([tree], official=False), tree)
    if not ARCHIVE.is_file():
        yield PUBLISHED, recorded(PUBLISHED)
        return
    with published() as folder:
        yield PUBLISHED, folders(validate([folder], official=False), folder)


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(dict(_found()), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
