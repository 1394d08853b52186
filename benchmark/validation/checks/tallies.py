"""What a run counted against its log: the metric of the counts is the value that was logged."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from benchmark.definition.finder import benchmark_with
from benchmark.events import keys
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json, sha256_of_text
from benchmark.metrics.metric import InParts, Metric, make_metric, samples_in
from benchmark.metrics.tallies import Tallies, read_tallies
from benchmark.validation.finding import Fault, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log

EVALUATED = ("dev", "test")
_NO_COUNTS = (StemdlError, ValueError, TypeError, IndexError, KeyError, OverflowError, ZeroDivisionError)
"""The errors that a metric raises for numbers that are not one of its tallies."""


@check("R4.16", of=Log, ours_alone=True)
def tallies_come_to_the_log(log: Log) -> Iterator[Fault]:
    """Both splits are counted, whole, in the classes of the rung, and come to what the log says of them."""
    benchmark = benchmark_with(log.standard.name) if log.standard is not None and log.tallies is not None else None
    if benchmark is None or log.tallies is None or log.standard is None:
        return
    file = f"{log.file.rpartition('/')[0]}/{log.tallies.relative_to(log.path.parent)}"
    fault = functools.partial(Fault, file=file)
    try:
        tallies = read_tallies(log.tallies)
        metric = make_metric(benchmark.measured.metric, tallies.schema, benchmark.measured.of)
    except StemdlError as error:
        yield fault("what the run counted cannot be read", found=shown(error.found or error.what))
        return
    classes = [len(tallies.schema.classes.get(name, ())) for name in benchmark.measured.of]
    if log.standard.classes not in (0, *classes):
        yield fault("the classes are not the rung's", expected=str(log.standard.classes), found=shown(classes[0]))
    counted = sha256_of_text(canonical_json(tallies.schema.to_json()))
    if log.standard.schema_sha256 not in ("", counted):
        yield fault(
            "what was counted is of samples that are not the rung's",
            expected=f"the schema of recorded runs, {log.standard.schema_sha256}",
            found=counted,
        )
    if sorted(tallies.splits) != sorted(EVALUATED):
        yield fault("other splits were counted", expected=" and ".join(EVALUATED), found=", ".join(tallies.splits))
    for split in EVALUATED:
        if split in tallies.splits:
            yield from _of_split(log, metric, tallies, split, fault)


def _of_split(log: Log, metric: Metric, tallies: Tallies, split: str, fault: Any) -> Iterator[Fault]:
    tally, samples = tallies.splits[split], log.standard.samples.get(split) if log.standard else None
    try:
        value = metric.value(tally)
        parts = metric.by_part(tally) if isinstance(metric, InParts) else None
    except _NO_COUNTS as error:
        yield fault(f"what was counted of {split} has no value", found=shown(str(error)))
        return
    if samples_in(tally) != samples:
        yield fault(f"not the whole {split} split was counted", expected=str(samples), found=shown(samples_in(tally)))
    logged = log.metrics if split == "dev" else log.of(log.goal.test_key)
    if not logged or logged[-1].value != value:
        said = shown(logged[-1].value) if logged else "nothing"
        yield fault(
            f"what was counted of {split} does not come to what the log says", expected=said, found=shown(value)
        )
    if split == "test" and parts and parts != log.value(keys.TEST_BY_PART):
        yield fault("the parts of test do not come to what the log says", expected=shown(log.value(keys.TEST_BY_PART)))
