"""The data that a run of ours was made on."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.events import keys
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log


@check("R2.2", of=Log, ours_alone=True)
def data_are_the_rungs(log: Log) -> Iterator[Fault]:
    """The recipe is the rung's, and nothing else was put in its place."""
    for event in log.of(keys.DATA_RECIPE_SHA256):
        if log.standard is not None and event.value != log.standard.recipe_sha256:
            yield Fault(
                "the data were made by another recipe",
                line=event.line,
                found=shown(event.value),
                expected=f"{log.standard.recipe_sha256}, of {log.standard.name}",
                hint=f"stemdl data generate {log.standard.name}",
            )
    for event in log.of(keys.DATA_STANDARD):
        if event.value is not True:
            yield Fault(
                "the data are not the rung's own",
                line=event.line,
                expected="true",
                found=shown(event.value),
                hint="a run on other data, such as given crystals, is not scored",
            )


@check("R2.3", of=Log, ours_alone=True)
def manifest_known(log: Log) -> Iterator[Fault]:
    """A manifest that the recipe has not given before may be right, on another processor; a reviewer makes it again."""
    for event in log.of(keys.DATA_MANIFEST_SHA256):
        known = log.standard.known_manifests if log.standard is not None else ()
        if known and event.value not in known:
            yield Fault(
                "the data's manifest is none that we have seen this recipe give",
                line=event.line,
                expected=" or ".join(known),
                found=shown(event.value),
                severity=Severity.WARNING,
                hint="made on another kind of processor it may differ in last bits: make the data there again",
            )


@check("R2.5", of=Log)
def sample_counts(log: Log) -> Iterator[Fault]:
    """The splits have the sizes that the definition gives them; the test split too, which ours evaluate in the end."""
    samples = log.standard.samples if log.standard is not None and (log.ours or log.closed) else {}
    for split, key in (("train", keys.TRAIN_SAMPLES), ("dev", keys.EVAL_SAMPLES)):
        for event in log.of(key):
            if split in samples and event.value != samples[split]:
                yield Fault(
                    f"{key} is not that of the {split} split",
                    line=event.line,
                    expected=str(samples[split]),
                    found=shown(event.value),
                )
    for event in log.of(keys.TEST_F1_MACRO):
        if "test" in samples and event.metadata.get(keys.SAMPLES_COUNT) != samples["test"]:
            yield Fault(
                "the test score is not of the whole test split",
                line=event.line,
                expected=f"{samples['test']} samples",
                found=shown(event.metadata.get(keys.SAMPLES_COUNT)),
            )
