"""One machine under two names is one machine, whose runs of one configuration are in one ledger; and a run that is not
submitted has its whole time there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from changes import more_run
from corpus import DESCRIPTION, RESULTS, Tree
from honest_run import SYSTEM, at

from benchmark.events import keys
from benchmark.validation.validate import validate

ONE_MACHINE = "two systems are one machine, each with a ledger of its own for one configuration"


@pytest.mark.parametrize(
    ("described", "host", "found"),
    [
        ({}, None, True),
        ({"hw_notes": "another name"}, None, True),
        ({"host_memory_capacity": "48 GiB"}, None, False),
        ({}, "another-host", False),
    ],
)
def test_a_second_name_is_told_by_host_and_description(
    tmp_path: Path, described: dict[str, str], host: str | None, found: bool
) -> None:
    folder = Tree.valid().write(tmp_path / "Somewhere")
    other = Tree.valid()
    for lines in other.logs.values():
        for place in lines[at(lines, keys.PLACEMENT)]["value"] if host is not None else ():
            place["host"] = host
    other.ledger.append(lambda entries: entries[0].update(time_ms=entries[0]["time_ms"] - 7))
    shutil.copytree(other.write(tmp_path / "Other") / RESULTS, folder / RESULTS.replace(SYSTEM, "a-second"))
    values = json.loads((folder / DESCRIPTION).read_text()) | {"system_name": "a-second"} | described
    (folder / "systems" / "a-second.json").write_text(json.dumps(values))
    messages = [each.message for each in validate([folder], official=False).findings]
    assert (ONE_MACHINE in messages) == found


@pytest.mark.parametrize(("seconds", "found"), [(12.862, True), (24.3, False)])
def test_a_run_that_is_not_submitted_says_what_it_took(tmp_path: Path, seconds: float, found: bool) -> None:
    tree = Tree.valid()
    tree.ledger.append(lambda entries: more_run(entries, 24.3, index=5))
    tree.ledger.append(lambda entries: entries[-1].update(time_to_train_seconds=seconds))
    messages = [each.message for each in validate([tree.write(tmp_path / "Somewhere")], official=False).findings]
    assert ("a run that is not submitted lasted longer than its time to train leaves" in messages) == found
