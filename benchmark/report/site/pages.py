"""The pages of the site from their templates: HTML whose every foreign text is nothing but its characters."""

from __future__ import annotations

import functools
import json
import os
import shlex
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from benchmark.comparison.compare import judge
from benchmark.comparison.result import ComparedRun, Result
from benchmark.data.manifest import Manifest
from benchmark.definition.finder import benchmark_with
from benchmark.events import keys
from benchmark.foundation.text import printable
from benchmark.report.answers import Answers, answers_of
from benchmark.report.site import charts
from benchmark.report.site.entry import Entry, RunEntry
from benchmark.report.site.naming import benchmark_file, submitter_file
from benchmark.report.site.ranks_of_results import group_of
from benchmark.report.site.submitters import UNNAMED, histories, history_chart
from benchmark.report.site.svg import SERIES, number
from benchmark.scoring.log_folders import WEAK

TEMPLATES = Path(__file__).parents[1] / "templates"
MOST_DRAWN = 24
"""Results in a chart: the first ones; the table has all."""
LONGEST_TEXT = 2_000


@functools.cache
def _template(name: str) -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    environment.filters |= {"shown": _plain, "breakable": _breakable}
    environment.globals |= {"number": number, "label": charts.label_of, "page_of_submitter": submitter_file}
    return environment.get_template(name)


def _plain(value: Any) -> str:
    """A foreign value, of whatever type, without what steers a reader's screen, and not for pages on end; what is
    markup already stays."""
    return value if isinstance(value, Markup) else printable(str(value), LONGEST_TEXT)


def _breakable(name: Any) -> Markup:
    """A name that may go on in the next line after an underscore."""
    return Markup(str(escape(_plain(name))).replace("_", "_<wbr>"))


def index_page(entries: Sequence[Entry], title: str) -> str:
    """The table of all results."""
    benchmarks: dict[str, int] = defaultdict(int)
    for entry in entries:
        benchmarks[entry.figures["benchmark"] or ""] += 1
    choices = {
        name: sorted({str(each.figures[name]) for each in entries if each.figures[name] is not None})
        for name in ("benchmark", "scaling", "division", "accelerator", "year")
    }
    return _template("site_index.html").render(
        title=title,
        entries=entries,
        choices=choices,
        benchmarks=benchmarks,
        submitters=sorted({each.submitter for each in entries}),
        page_of=benchmark_file,
        root="",
    )


def benchmark_page(name: str, entries: Sequence[Entry], title: str) -> str:
    """Charts and tables of one benchmark."""
    strong = [each for each in entries if each.figures["scaling"] != WEAK]
    weak = [each for each in entries if each.figures["scaling"] == WEAK]
    drawn = strong[:MOST_DRAWN]
    series = _series(strong)
    groups: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for each in strong:
        if each.figures["scored"]:
            groups[group_of(each)].append(each)
    faster = [(group[-1], _speedups(group)) for group in groups.values() if len(group) > 1]
    return _template("site_benchmark.html").render(
        title=title,
        name=name,
        entries=entries,
        strong=strong,
        weak=weak,
        drawn=drawn,
        left_out=len(strong) - len(drawn),
        failed=sum(run.problem is not None for each in entries for run in each.runs),
        runs=sum(len(each.runs) for each in entries),
        dots=charts.dots(drawn),
        dots_of_each=charts.dots_of_each(drawn),
        left_out_dots=any(len(each.runs) > charts.dots_of_each(drawn) for each in drawn),
        learning=drawn[:SERIES],
        curves=charts.curves(drawn[:SERIES], "minutes"),
        samples=charts.curves(drawn[:SERIES], "samples"),
        split=charts.split(drawn),
        shares=[(each, charts.time_shares(each)) for each in drawn],
        parts=charts.PARTS,
        scaling=charts.scaling(series),
        series=[(entries[0], entries) for entries in series],
        speedups=[(base, rows, charts.speedups(rows)) for base, rows in faster],
        root="",
    )


def submitter_page(name: str, entries: Sequence[Entry], title: str) -> str:
    """All results of a submitter, and those of one machine over time. The name is empty for runs in no submission."""
    series = histories(entries)
    return _template("site_submitter.html").render(
        title=title,
        name=name or UNNAMED,
        search=name,
        entries=sorted(entries, key=lambda each: (each.figures["benchmark"] or "", -(each.figures["began_ms"] or 0))),
        scored=sum(bool(each.figures["scored"]) for each in entries),
        runs=sum(len(each.runs) for each in entries),
        series=series,
        chart=history_chart(series),
        root="",
    )


def _series(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Results of one submitter on one accelerator in one division, by scale; those of two scales or more first, and no
    more than are drawn."""
    found: dict[tuple[str, str, str | None], list[Entry]] = defaultdict(list)
    for each in entries:
        if each.figures["scored"] and each.figures["scale"]:
            found[(each.submitter, each.figures["accelerator"], each.figures["division"])].append(each)
    ordered = [sorted(series, key=lambda each: each.figures["scale"]) for series in found.values()]
    ordered.sort(key=lambda series: -len({each.figures["scale"] for each in series}))
    return ordered[:MOST_DRAWN]


def _speedups(group: Sequence[Entry]) -> list[charts.SpeedUp]:
    """The first of a group against its slowest, those that may be compared with it."""
    base, others = group[-1], [each for each in group[:-1] if each.figures["guards"] == group[-1].figures["guards"]]
    others = others[:MOST_DRAWN]
    rows = []
    for each, test in zip(others, judge(base.times, [each.times for each in others]), strict=True):
        low, high = test.interval or (None, None)
        rows.append(
            charts.SpeedUp(
                each,
                base.figures["minutes"] / each.figures["minutes"],
                1 / high if high else None,
                1 / low if low else None,
                test.corrected_p,
                test.verdict,
            )
        )
    return rows


def result_page(result: Result, entry: Entry, title: str) -> str:
    """One system on one benchmark: its score, runs, system and settings."""
    points = [(run, entry.runs[number]) for number, run in enumerate(result.runs)]
    return _template("site_result.html").render(
        title=title,
        entry=entry,
        result=result,
        runs=points,
        dots=charts.dots([entry], "../"),
        curves=charts.curves([entry], "minutes", "../"),
        samples=charts.curves([entry], "samples", "../"),
        shares=charts.time_shares(entry),
        parts=charts.PARTS,
        description=list(result.description.items())[:200],
        root="../",
    )


def run_page(
    run: ComparedRun, kept: RunEntry, entry: Entry, title: str, log: str, sha256: str, manifest: Manifest | None
) -> str:
    """One run: what it reached and when, its log, settings, software, and the command to repeat it. With the manifest
    of its rung's data, also samples of what it answered about."""
    settings, logged = run.values.get(keys.CONFIG), run.values.get(keys.DATA_MANIFEST_SHA256)
    same = manifest is not None and logged == manifest.sha256
    answers = answers_of(run.scored.log, run.scored.benchmark, _logged(run, entry), manifest if same else None)
    if manifest is not None and not same:
        answers.append(Answers("", problem=f"No samples are shown: {manifest.folder} has other data than the run."))
    points = {key: value for key, value in run.values.items() if key not in (keys.CONFIG, keys.TRACKED_STATS)}
    curve = [(at.minutes, at.value) for at in kept.curve]
    return _template("site_run.html").render(
        title=title,
        run=run,
        kept=kept,
        entry=entry,
        log=log,
        sha256=sha256,
        settings=list(settings.items())[:200] if isinstance(settings, dict) else [],
        points=[(key, _said(value)) for key, value in list(points.items())[:200]],
        chart=charts.run_curve(curve, entry.metric, entry.target),
        command=repeat(run),
        answers=answers,
        root="../",
    )


def _logged(run: ComparedRun, entry: Entry) -> dict[str, Any]:
    """What the log says of each split: of dev after the last epoch."""
    return {"dev": run.curve[-1].value if run.curve else None, "test": run.values.get(entry.test_key)}


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)[:LONGEST_TEXT]


def repeat(run: ComparedRun) -> str | None:
    """The command that makes a run of ours again, with its seed and what the closed division may tune; None for the
    logs of other benchmarks, whose submissions have their own scripts."""
    settings, rung = run.values.get(keys.CONFIG), run.scored.benchmark
    benchmark = benchmark_with(rung) if rung else None
    if benchmark is None or not isinstance(settings, dict):
        return None
    words = ["stemdl", "run", "--rung", rung]
    if isinstance(ranks := settings.get("ranks"), int):
        words += ["--ranks", str(ranks)]
    if run.scored.seed:
        words += ["--seed", run.scored.seed]
    for name in benchmark.closed.tunable:
        if isinstance(value := settings.get(name), (str, int, float)) and value is not None:
            words += ["--set", f"{name}={value}"]
    return shlex.join(words)


def address(target: Path, page: Path) -> str:
    """A file as a page finds it, as a relative address."""
    return quote(os.fsencode(os.path.relpath(target, page.parent)))
