"""The code of a submission held against this version's: what hashes and commits tell, and nothing that they do not."""

from __future__ import annotations

import difflib
import itertools
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark.foundation.source import digest_of, source_files
from benchmark.validation.finding import printable
from benchmark.validation.limits import Limits
from benchmark.validation.packed import packed_sources

MOST_DIFF_LINES = 400
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class FileDifference:
    """A source file that is not this version's: `state` is changed, added or missing, `diff` from this version's to the
    submission's."""

    file: str
    state: str
    diff: str


@dataclass(frozen=True)
class PackedCode:
    """The trainer's source as a submission has it.

    Attributes
    ----------
    folder : of the implementation, relative to the submission.
    sha256 : as the ledger hashes source. differences : from this version's.
    """

    folder: str
    sha256: str
    differences: tuple[FileDifference, ...]


def packed_code(submission: Path, benchmark: str, package: Path, limits: Limits = Limits()) -> list[PackedCode]:
    """Every copy of the trainer's package among the implementations of a benchmark."""
    copies = {
        implementation: files
        for (implementation, name), files in packed_sources(submission, benchmark, limits).items()
        if name == package.name
    }
    here = {name: path.read_bytes() for name, path in source_files(package).items()}
    return [
        PackedCode(
            f"benchmarks/{benchmark}/implementations/{implementation}",
            digest_of(files),
            tuple(_differences(here, files)),
        )
        for implementation, files in sorted(copies.items())
    ]


def _differences(here: Mapping[str, bytes], there: Mapping[str, bytes]) -> list[FileDifference]:
    found = []
    for name in sorted({*here, *there}):
        one, other = here.get(name), there.get(name)
        if one == other:
            continue
        state = "added" if one is None else "missing" if other is None else "changed"
        lines = difflib.unified_diff(
            _lines(one), _lines(other), f"this version/{name}", f"submitted/{name}", lineterm=""
        )
        shown = [printable(line, 200) for line in itertools.islice(lines, MOST_DIFF_LINES + 1)]
        more = ["… (cut here)"] if len(shown) > MOST_DIFF_LINES else []
        found.append(FileDifference(printable(name), state, "\n".join(shown[:MOST_DIFF_LINES] + more)))
    return found


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "replace").splitlines()


def commit_in_words(commit: object, root: Path) -> str:
    """What can be said of a commit that a log records, from the checkout at `root`."""
    if not isinstance(commit, str) or not _COMMIT.fullmatch(clean := commit.removesuffix("-dirty")):
        return "The log names no commit: nothing is known of the source but what is packed."
    dirty = (
        " Tracked files were changed on top of it (-dirty): the commit does not say what ran."
        if commit.endswith("-dirty")
        else ""
    )
    if _git(root, "cat-file", "-t", clean) != "commit":
        return (
            f"This checkout does not have the commit {clean}: it may be of another branch, or of another project."
            f"{dirty}"
        )
    if _git(root, "rev-parse", "HEAD") == clean and not dirty:
        return f"The commit {clean} is the one that is checked out here."
    changed = _git(root, "diff", "--shortstat", clean, "--", "benchmark", "reference")
    return (
        f"This checkout has the commit {clean}. From it to this version's benchmark/ and reference/: "
        f"{changed or 'no difference'}.{dirty}"
    )


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
