"""What a reviewer needs of a submission: findings, scores, curves, what differs from the reference, a list to go
through. Nothing here judges: the checks do (benchmark.validation), and the reviewer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.definition.benchmark import ClosedDivision
from benchmark.definition.finder import benchmark_with
from benchmark.definition.trainer import ROOT, Trainer
from benchmark.events import keys
from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.foundation.source import source_sha256
from benchmark.report.code_review import PackedCode, commit_in_words, packed_code
from benchmark.scoring.log_folders import LogFolder, find_log_folders
from benchmark.scoring.score import ROW, Score
from benchmark.submission.ledger import LEDGER, Ledger, parse_ledger
from benchmark.validation.finding import Severity, shown
from benchmark.validation.judged_scores import judged_scores
from benchmark.validation.limits import Limits
from benchmark.validation.registry import BEYOND_ONE_SUBJECT, OF_WORDS, all_checks
from benchmark.validation.releases import releases
from benchmark.validation.rulebook import Rule, read_rules
from benchmark.validation.subjects import Log, as_number
from benchmark.validation.validate import Report, validate

Defaults = Callable[[str], Mapping[str, Any]]
"""The reference's settings at a rung."""
OF_THE_LAUNCH = ("ranks", "launcher")
FORMAT = 1
"""Of review.json."""


@dataclass(frozen=True)
class ReviewedRun:
    """A log. `curve` is (minutes after run_start, metric) of each evaluation; `minutes` of the whole run."""

    file: str
    seed: str
    status: str
    minutes: float | None
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class SettingRow:
    """A setting of the trainer. `kind` says whether the closed division tunes it; `reference` and `values` are texts,
    the latter one for each value that a run of the set has."""

    name: str
    kind: str
    reference: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether a run has another value than the reference."""
        return self.values != (self.reference,)


@dataclass(frozen=True)
class ReviewedSet:
    """The runs of one system on one benchmark, and what is known of them. `code` are sentences; `logs` the files of the
    runs, in their order."""

    submitter: str
    system: str
    scaling: str
    benchmark: str
    target: float | None
    score: Score
    runs: tuple[ReviewedRun, ...]
    settings: tuple[SettingRow, ...]
    ledger: Ledger | None
    packed: tuple[PackedCode, ...]
    code: tuple[str, ...]
    logs: tuple[Path, ...]

    @property
    def title(self) -> str:
        return f"{self.submitter}: {self.benchmark} on {self.system}, {self.scaling}"


@dataclass(frozen=True)
class Item:
    """A line of the checklist: a rule, and `broken`, `warned`, `kept` by the checks, or `to review`."""

    rule: Rule
    state: str
    findings: int


@dataclass(frozen=True)
class Review:
    """All of it. `version` is the commit of the software that reviews."""

    path: str
    version: str
    report: Report
    sets: tuple[ReviewedSet, ...]
    checklist: tuple[Item, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "format": FORMAT,
            "path": self.path,
            "version": self.version,
            **self.report.to_dict(),
            "sets": [
                {
                    **{name: getattr(each, name) for name in ("submitter", "system", "scaling", "benchmark", "target")},
                    "score": {name: getattr(each.score, name) for name in ROW}
                    | {"warnings": list(each.score.warnings)},
                    "runs": [asdict(run) for run in each.runs],
                    "settings": [asdict(setting) | {"differs": setting.differs} for setting in each.settings],
                    "ledger": None if each.ledger is None else [asdict(run) for run in each.ledger.runs],
                    "code": list(each.code),
                    "packed": [asdict(packed) for packed in each.packed],
                }
                for each in self.sets
            ],
            "checklist": [
                {
                    "rule": item.rule.id,
                    "title": item.rule.title,
                    "state": item.state,
                    "findings": item.findings,
                    "held_by": item.rule.held_by,
                }
                for item in self.checklist
            ],
        }


def review(path: Path, version: str, defaults: Defaults, *, official: bool = True, limits: Limits = Limits()) -> Review:
    """Look at submissions or runs in and below a folder. `version` names the software at hand, and `defaults` knows the
    reference's settings. Raises StemdlError as `judged_scores` and `validate` do."""
    folders = find_log_folders([path])
    scores = {(score.system, score.scaling, score.benchmark, score.submitter): score for score in judged_scores([path])}
    sets = [
        _set(folder, score, defaults, limits) for folder in folders if (score := _score_of(folder, scores)) is not None
    ]
    report = validate([path], limits=limits, official=official)
    return Review(str(path), version, report, tuple(sets), tuple(_checklist(report)))


def _score_of(folder: LogFolder, scores: Mapping[tuple, Score]) -> Score | None:
    """The row of a folder: by its names where the folders tell them, else by its logs."""
    return next(
        (
            score
            for (system, scaling, benchmark, submitter), score in scores.items()
            if (system, scaling) == (folder.system, folder.scaling)
            and folder.benchmark in (None, benchmark)
            and folder.submitter in (None, submitter)
        ),
        None,
    )


def _set(folder: LogFolder, score: Score, defaults: Defaults, limits: Limits) -> ReviewedSet:
    logs = [Log.read(log, log.name, limits) for log in folder.logs]
    benchmark = benchmark_with(score.benchmark) if score.benchmark else None
    trainer = Trainer.named(benchmark.trainer).source() if benchmark else None
    submission = folder.folder.parents[3] if folder.submitter and folder.benchmark else None
    packed = packed_code(submission, score.benchmark, trainer, limits) if submission and trainer else []
    ledger = _ledger(folder.folder if folder.submitter else folder.folder.parent)
    return ReviewedSet(
        submitter=score.submitter or "a submitter unnamed",
        system=score.system,
        scaling=score.scaling,
        benchmark=score.benchmark or "a benchmark unnamed",
        score=score,
        target=next((log.standard.goal.target for log in logs if log.standard is not None), None),
        runs=tuple(map(_run, logs)),
        settings=tuple(_settings(logs, score.benchmark, benchmark.closed, defaults)) if benchmark else (),
        ledger=ledger,
        packed=tuple(packed),
        code=tuple(_code(logs, ledger, packed, trainer)) if trainer else (),
        logs=tuple(log.path for log in logs),
    )


def _run(log: Log) -> ReviewedRun:
    start = log.start.time_ms if log.start is not None else None
    curve = [
        ((event.time_ms - start) / 60_000, value)
        for event in log.metrics
        if start is not None and (value := as_number(event.value)) is not None
    ]
    seconds = log.timeline.time_to_train_seconds
    return ReviewedRun(
        log.file,
        shown(log.value(keys.SEED)),
        shown(log.timeline.status).strip('"'),
        None if seconds is None else seconds / 60,
        tuple(curve),
    )


def _ledger(folder: Path) -> Ledger | None:
    try:
        return parse_ledger(read_bytes(folder / LEDGER, 2**24))
    except Unreadable:
        return None


def _settings(logs: Sequence[Log], rung: str, closed: ClosedDivision, defaults: Defaults) -> list[SettingRow]:
    reference = defaults(rung)
    names = list(dict.fromkeys([*reference, *(name for log in logs for name in log.settings())]))
    kinds = {
        **dict.fromkeys(closed.free, "free"),
        **dict.fromkeys(closed.tunable, "tuned"),
        **dict.fromkeys(closed.fixed_at(rung), "fixed"),
        **dict.fromkeys(OF_THE_LAUNCH, "launch"),
    }
    order = ("unknown", "fixed", "tuned", "launch", "free")
    names.sort(key=lambda name: order.index(kinds.get(name, "unknown")))

    def text(settings: Mapping[str, Any], name: str) -> str:
        return shown(settings[name]) if name in settings else "-"

    return [
        SettingRow(
            shown(name).strip('"'),
            kinds.get(name, "unknown"),
            text(reference, name),
            tuple(dict.fromkeys(text(log.settings(), name) for log in logs)),
        )
        for name in names
    ]


def _code(logs: Sequence[Log], ledger: Ledger | None, packed: Sequence[PackedCode], trainer: Path) -> list[str]:
    """What is known of the code that ran, in sentences."""
    commits = dict.fromkeys(shown(log.value(keys.SUBMISSION_GITHUB_COMMIT_VERSION)).strip('"') for log in logs)
    said = [commit_in_words(commit, ROOT) for commit in commits]
    here = source_sha256(trainer)
    for each in packed:
        which = (
            "this version's, byte for byte"
            if not each.differences
            else f"{_released(trainer.name, each.sha256)}; {len(each.differences)} files are not as in this version"
        )
        said.append(f"{each.folder}: {trainer.name}/ is {which} (SHA-256 {each.sha256}).")
    if not packed:
        said.append(f"The submission does not hold the source of {trainer.name}/: it cannot be compared.")
    if ledger is None or not ledger.runs:
        said.append("There is no ledger, which would have the hash of the code that ran.")
        return said
    ran = {run.source.get(trainer.name) for run in ledger.runs if run.log_sha256 is not None}
    if packed:
        said.append(
            "The source that is packed is what the ledger says ran."
            if ran & {each.sha256 for each in packed}
            else "None of the source that is packed is what the ledger says ran (R8.2)."
        )
    said.append(
        f"By the ledger, {trainer.name}/ of the runs {'was' if here in ran else 'was not'} this version's"
        + (", in some of them other code." if here in ran and len(ran) > 1 else ".")
    )
    harnesses = {run.source.get("benchmark") for run in ledger.runs if run.log_sha256 is not None}
    this_harness = source_sha256(ROOT / "benchmark")
    of_the_harness = {"this version's" if one == this_harness else _released("benchmark", one) for one in harnesses}
    said.extend(
        f"By the ledger, the harness (benchmark/) was {which}; it is not packed, so that its hash and its commit are "
        "all there is to compare."
        for which in sorted(of_the_harness)
    )
    said.append(
        "The ledger is the submitter's own: its hashes show later changes, and not what somebody who makes it "
        "again wants to hide."
    )
    return said


def _released(package: str, sha256: object) -> str:
    """Which release has a package of this hash, in words."""
    commits = [one["commit"] for one in releases() if one.get(package) == sha256]
    return f"the one released as {commits[0]}" if commits else "not of any released version"


def _checklist(report: Report) -> list[Item]:
    """Every rule: what the checks found of it, or that it is for the reviewer to hold."""
    checked = {rule for each in all_checks() if each.name not in OF_WORDS for rule in each.rules}
    checked |= {rule for rules in BEYOND_ONE_SUBJECT.values() for rule in rules}
    items = []
    for rule in read_rules().values():
        found = [finding for finding in report.findings if finding.rule == rule.id and finding.severity > Severity.NOTE]
        gravest = max((finding.severity for finding in found), default=None)
        state = {Severity.ERROR: "broken", Severity.WARNING: "warned"}.get(
            gravest, "kept" if rule.id in checked else "to review"
        )
        items.append(Item(rule, state, len(found)))
    return items
