"""What was found of a data set is kept for its manifest alone, and what claims nothing is not compared."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
from changed_data import changed, in_manifest, judged, shards
from sealing import seal

from benchmark.data import recognise as module
from benchmark.data import recognition as recognition_module
from benchmark.data.manifest import read_manifest
from benchmark.data.recognise import recognise, recognised
from benchmark.data.recognition import RECOGNITION, Recognition, known_recognition, whose
from benchmark.definition.golden_files import IDENTICAL, RECOGNISED, REFUSED, UNKNOWN, golden_sha256
from benchmark.foundation.errors import StemdlError


def test_a_shard_that_is_not_its_manifests_is_never_compared(copied: Path) -> None:
    with changed(copied):
        in_manifest(copied, lambda values: values["shards"][0].update(sha256="0" * 64))
        with pytest.raises(StemdlError, match="a shard has changed since the manifest"):
            recognise(read_manifest(copied))


def test_what_was_found_is_kept_for_that_manifest_alone(copied: Path) -> None:
    with changed(copied):
        with h5py.File(shards(copied)[0], "r+") as shard:
            shard.attrs["made"] = "elsewhere"  # other bytes, the same samples
        found, faults = judged(copied)
        assert found is not None and found.verdict == RECOGNISED and not faults
        assert known_recognition(read_manifest(copied)) == found
        kept = json.loads((copied / RECOGNITION).read_text())
        for spoilt in (
            kept | {"manifest_sha256": "0" * 64},
            kept | {"recognition": kept["recognition"] | {"golden_sha256": "0" * 64}},
            kept | {"recognition": kept["recognition"] | {"verdict": "good"}},
            kept | {"recognition": {"verdict": RECOGNISED}},
            {},
            [],
        ):
            (copied / RECOGNITION).write_text(json.dumps(spoilt))
            assert known_recognition(read_manifest(copied)) == Recognition(UNKNOWN, found.golden_sha256)
        (copied / RECOGNITION).write_text("{")
        assert known_recognition(read_manifest(copied)) == Recognition(UNKNOWN, found.golden_sha256)


def test_what_is_known_is_not_looked_for_again(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with changed(copied):
        with h5py.File(shards(copied)[0], "r+") as shard:
            shard.attrs["made"] = "elsewhere"
        seal(copied)
        manifest = read_manifest(copied)
        assert known_recognition(manifest) == Recognition(UNKNOWN, golden_sha256("stemdl_smoke"))
        assert whose(manifest) == "by the manifest not compared with golden figures"
        found = recognised(manifest)
        assert found is not None and found.verdict == RECOGNISED
        assert whose(manifest).startswith("by the manifest the rung's own, from another processor: of 320 samples ")
        monkeypatch.setattr(module, "recognise", None)
        assert recognised(manifest) == found


def test_other_libraries_of_the_same_shards_are_identical(copied: Path) -> None:
    first, _ = recognise(read_manifest(copied))
    with changed(copied):
        in_manifest(copied, lambda values: values["libraries"].update(numpy="9.9"))
        assert known_recognition(read_manifest(copied)) is not None
        if first is not None and first.verdict == IDENTICAL:
            assert known_recognition(read_manifest(copied)) == first


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.update(standard=False),
        lambda values: values.update(recipe_sha256="0" * 64),
        lambda values: values.update(rung="of_mine"),
    ],
)
def test_data_that_do_not_claim_to_be_a_rungs_own_are_not_compared(copied: Path, change: Callable) -> None:
    with changed(copied):
        in_manifest(copied, change)
        assert recognise(read_manifest(copied)) == (None, [])


def test_a_rung_without_figures_says_so(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition_module, "load_golden", lambda rung: None)
    assert recognise(read_manifest(copied)) == (Recognition(UNKNOWN), [])


def test_a_label_among_the_networks_input_is_refused(copied: Path) -> None:
    def tell(values: dict[str, Any]) -> None:
        values["schema"]["inputs"].append({**values["schema"]["inputs"][0], "name": "d_hkls_angstrom", "shape": [3]})

    with changed(copied):
        in_manifest(copied, tell)
        found = known_recognition(read_manifest(copied))
        assert found is not None and found.verdict == REFUSED
        recognition, (fault,) = recognise(read_manifest(copied))
        assert recognition is not None and recognition.verdict == REFUSED
        assert fault.file.endswith("manifest.json") and "other inputs" in fault.message


def test_what_a_run_logs_is_plain(smoke_data: Path) -> None:
    found = known_recognition(read_manifest(smoke_data))
    assert found is not None and json.loads(json.dumps(found.to_log())) == found.to_log()
    assert os.fspath(smoke_data) not in json.dumps(found.to_log())
