"""The data that a run of ours was made on."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.definition.golden_files import IDENTICAL, IN_WORDS, RECOGNISED, UNKNOWN, VERDICTS
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
                hint="a run on other data than the rung's is not scored",
            )


@check("R2.3", of=Log, ours_alone=True)
def data_recognised(log: Log) -> Iterator[Fault]:
    """The data were compared with the rung's golden figures, those of this version, and are the rung's own by them."""
    standard = log.standard
    if standard is None or not standard.golden_sha256:
        yield from _compared_with_nothing(log) if standard is not None else ()
        return
    unproven = Severity.ERROR if log.closed else Severity.WARNING
    events = log.of(keys.DATA_RECOGNISED)
    for event in events:
        told = event.value if isinstance(event.value, dict) else {}
        verdict = told.get("verdict")
        if verdict not in (IDENTICAL, RECOGNISED):
            yield Fault(
                f"the data are {IN_WORDS[verdict]}" if verdict in VERDICTS else "whose the data are is not said",
                line=event.line,
                expected=f"{IDENTICAL} or {RECOGNISED}",
                found=shown(verdict),
                severity=unproven if verdict == UNKNOWN else Severity.ERROR,
                hint="stemdl data verify names what differs from the rung's own",
            )
            continue
        if told.get("golden_sha256") != standard.golden_sha256:
            yield Fault(
                "the data were compared with other golden figures",
                line=event.line,
                expected=standard.golden_sha256,
                found=shown(told.get("golden_sha256")),
                hint="figures are the rung's, and change with its version alone",
            )
        if verdict == IDENTICAL and (told.get("rounded") or told.get("recounted")):
            yield Fault(
                "data that are said to be identical were rounded otherwise",
                line=event.line,
                expected=f"{RECOGNISED}, or none that differ",
                found=f"{shown(told.get('rounded'))} rounded, {shown(told.get('recounted'))} recounted",
            )
        if told.get("compared") != sum(standard.samples.values()):
            yield Fault(
                "not all samples were compared with golden figures",
                line=event.line,
                expected=str(sum(standard.samples.values())),
                found=shown(told.get("compared")),
            )
    for event in () if events else log.of(keys.DATA_MANIFEST_SHA256):  # a log from before there were figures
        if event.value not in standard.known_manifests:
            yield Fault(
                "the data were not compared with golden figures, and their manifest is not a known one",
                line=event.line,
                expected=" or ".join(standard.known_manifests),
                found=shown(event.value),
                severity=unproven,
                hint="stemdl data verify compares them, and later runs on them say so",
            )


def _compared_with_nothing(log: Log) -> Iterator[Fault]:
    """Of a rung without golden figures nobody knows whether data are its own by them."""
    for event in log.of(keys.DATA_RECOGNISED):
        told = event.value if isinstance(event.value, dict) else {}
        if told.get("verdict") != UNKNOWN or told.get("compared"):
            yield Fault(
                "the data were compared with golden figures, and the rung has none",
                line=event.line,
                expected=f"{UNKNOWN}, and nothing compared",
                found=shown(event.value),
                severity=Severity.WARNING,
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
    for event in log.of(log.goal.test_key):
        if "test" in samples and event.metadata.get(keys.SAMPLES_COUNT) != samples["test"]:
            yield Fault(
                "the test score is not of the whole test split",
                line=event.line,
                expected=f"{samples['test']} samples",
                found=shown(event.metadata.get(keys.SAMPLES_COUNT)),
            )
