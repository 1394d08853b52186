"""What comparing a data set with golden figures gave: kept next to its manifest, so that no shard is read to know it.

The file `golden.json` is for one manifest, which has the hash of each shard, and every reader holds it to them. So a
run knows the verdict before its clock starts.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.data.golden import load_golden
from benchmark.data.manifest import Manifest
from benchmark.definition.finder import benchmark_with
from benchmark.definition.golden_files import (
    IDENTICAL,
    IN_WORDS,
    RECOGNISED,
    REFUSED,
    UNKNOWN,
    VERDICTS,
    golden_schema,
    golden_sha256,
)
from benchmark.definition.rung import Rung
from benchmark.foundation.files import canonical_json, sha256_of_text, write_json

RECOGNITION = "golden.json"
FORMAT = 1


@dataclass(frozen=True)
class Recognition:
    """What comparing a data set with golden figures gave.

    Attributes
    ----------
    verdict : one of `definition.golden_files.VERDICTS`.
    golden_sha256 : of the figures; empty where the rung has none.
    compared : samples that were compared, or proven by their shard. rounded, recounted : of these, as `Likeness` has
        it.
    """

    verdict: str
    golden_sha256: str = ""
    compared: int = 0
    rounded: int = 0
    recounted: int = 0

    @property
    def in_words(self) -> str:
        """The verdict, with what it rests on."""
        words = IN_WORDS[self.verdict]
        if self.verdict == IDENTICAL:
            return f"{words}, byte for byte those of the golden figures"
        if self.verdict == RECOGNISED:
            return (
                f"{words}: of {self.compared} samples {self.rounded} have single counts rounded otherwise, "
                f"{self.recounted} are counted again in parts"
            )
        return words if self.golden_sha256 else "there are no golden figures for this rung"

    def to_log(self) -> dict[str, Any]:
        """Plain values, by the attributes' names."""
        return asdict(self)


def rung_claimed(manifest: Manifest) -> Rung | None:
    """The rung whose own data these claim to be; None where they do not."""
    benchmark = benchmark_with(manifest.rung)
    if benchmark is None or not manifest.standard:
        return None
    rung = benchmark.rungs[manifest.rung]
    return rung if manifest.recipe_sha256 == rung.recipe_sha256 else None


def has_own_schema(manifest: Manifest, rung: Rung) -> bool:
    """Whether a network is given what the rung's golden figures are of, and nothing else; older manifests cannot say
    so."""
    return manifest.own_schema in (None, golden_schema(rung.name))


def known_recognition(manifest: Manifest) -> Recognition | None:
    """What is known of a data set without reading a shard; None where it does not claim to be a rung's own."""
    rung = rung_claimed(manifest)
    if rung is None:
        return None
    golden, sha256 = load_golden(rung), golden_sha256(rung.name)
    if golden is None:
        return Recognition(UNKNOWN)
    if not has_own_schema(manifest, rung):
        return Recognition(REFUSED, sha256)
    if hash_of_shards(manifest) == golden.shards_sha256:
        return Recognition(IDENTICAL, sha256, sum(manifest.samples.values()))
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads((manifest.folder / RECOGNITION).read_text(encoding="utf-8"))
        found = Recognition(**kept["recognition"])
        if kept["manifest_sha256"] == manifest.sha256 and found.golden_sha256 == sha256 and found.verdict in VERDICTS:
            return found
    return Recognition(UNKNOWN, sha256)


def keep(manifest: Manifest, recognition: Recognition) -> None:
    """Write what was found next to the manifest, unless it is known; a folder that cannot be written is compared again
    by whoever asks."""
    if known_recognition(manifest) == recognition:
        return
    with suppress(OSError):
        write_json(
            manifest.folder / RECOGNITION,
            {"format": FORMAT, "manifest_sha256": manifest.sha256, "recognition": recognition.to_log()},
        )


def whose(manifest: Manifest) -> str:
    """Whose the data are by their manifest, in words; no shard is read for it."""
    if not manifest.standard:
        return "not the rung's own"
    known = known_recognition(manifest)
    if known is None or not known.golden_sha256:
        return "by the manifest the rung's own, which has no golden figures to compare them with"
    return f"by the manifest {known.in_words}"


def hash_of_shards(manifest: Manifest) -> str:
    """One hash of all shards' paths and hashes: what of a manifest does not tell which libraries made it."""
    return sha256_of_text(canonical_json([[shard["path"], shard["sha256"]] for shard in manifest.shards]))
