"""A review as a page in one file, as JSON, and as a text to fill in with objections."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from urllib.parse import quote

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path, write_text
from benchmark.foundation.text import printable
from benchmark.report.drawing import ACCENT, INK, STYLE
from benchmark.report.review import Review, ReviewedSet
from benchmark.validation.finding import TO_BE_READ, Finding, Severity, alike

PAGE, DATA, OBJECTIONS = "index.html", "review.json", "objections.md"
AGAIN = "objections-new.md"
"""Written in place of `OBJECTIONS` where one is there that somebody may have filled in."""
TEMPLATE = Path(__file__).parent / "templates" / "review.html"
KEPT = "#4477aa"
MOST_FINDINGS = 200
LONGEST_TEXT = 1_000
"""Characters of a foreign text among the objections."""


def write_review(review: Review, folder: Path) -> list[Path]:
    """Write page, figures, JSON and objections into a folder; returns the files, the page first. Raises
    StemdlError where the folder has a page of another kind."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / PAGE).exists() and not (folder / DATA).exists():
        raise StemdlError("the page in this folder is another one", where=folder / PAGE, remedy="choose another one")
    pictures = [draw_runs(each, folder / f"runs-{number}.png") for number, each in enumerate(review.sets, 1)]
    write_text(folder / DATA, json.dumps(review.to_dict(), indent=2, allow_nan=False) + "\n")
    text, filled = objections(review), folder / OBJECTIONS
    kept = filled.exists() and filled.read_text(encoding="utf-8", errors="replace") != text
    filled = folder / AGAIN if kept else filled
    write_text(filled, text)
    write_text(folder / PAGE, page(review, pictures, folder))
    return [folder / PAGE, folder / DATA, filled, *pictures]


def draw_runs(each: ReviewedSet, path: Path) -> Path:
    """Two panels: the metric of every run over the time since its run_start, and the times to train."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counted = {run.log.name: run.minutes for run in each.score.counted}
    longest = max((run.minutes or 0 for run in each.runs), default=0)
    scale, unit = (60, "seconds") if longest < 2 else (1, "minutes")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 3.1), layout="constrained")
        FigureCanvasAgg(figure)
        curves, times = figure.subplots(1, 2, width_ratios=(1.7, 1))
        for run in each.runs:
            colour = KEPT if counted.get(run.file) is not None else ACCENT
            curves.plot(
                [scale * minutes for minutes, _ in run.curve],
                [value for _, value in run.curve],
                "o-",
                color=colour,
                markersize=3,
                linewidth=1.1,
                alpha=0.75,
            )
        if each.target is not None:
            curves.axhline(each.target, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
            curves.text(0, each.target, f" target {each.target:g}", va="bottom", fontsize=8)
        curves.set_xlabel(f"{unit} since run_start")
        curves.set_ylabel("metric after each epoch")
        curves.set_xlim(left=0)
        shown = [run for run in each.runs if run.minutes is not None]
        times.barh(
            [run.file.removesuffix(".txt") for run in shown],
            [scale * run.minutes for run in shown],
            0.6,
            color=[KEPT if counted.get(run.file) is not None else ACCENT for run in shown],
        )
        times.invert_yaxis()
        times.tick_params(left=False)
        if each.score.raw_minutes is not None:
            times.axvline(scale * each.score.raw_minutes, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        times.set_xlabel(f"{unit}, run_start to run_stop")
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})
    return path


def objections(review: Review) -> str:
    """Each error and warning as an objection, with room for the answer; the reviewer strikes out and adds."""
    lines = [
        f"# Objections to {_plain(review.path)}",
        "",
        f"Drafted by the software at {review.version}. A reviewer strikes out what is not an objection and adds "
        "others, each with rule, file and line (R9.1).",
        "",
    ]
    found = alike(finding for finding in review.report.findings if finding.severity > Severity.NOTE)
    for number, (finding, *others) in enumerate(found, 1):
        more = f", and {len(others)} more in its folder" if others else ""
        lines += [
            f"## {number}. {finding.rule}: {_plain(finding.message)}",
            "",
            f"- where: {_plain(_place(finding))}{more}",
        ]
        lines += [
            f"- {name}: {_plain(text)}"
            for name, text in (("expected", finding.expected), ("found", finding.found))
            if text
        ]
        lines += ["- answer of the submitter:", "- decision:", ""]
    return "\n".join(lines if found else [*lines, "The checks object to nothing.", ""])


def _plain(text: str) -> str:
    """A foreign text in Markdown, as nothing but its characters: no tag, link, code or heading."""
    return re.sub(r"([\\`*_\[\]<>#|&])", lambda match: f"&#{ord(match[1])};", printable(text, LONGEST_TEXT))


def _place(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}" if finding.line else finding.file


def _link(file: Path | str, folder: Path) -> str | None:
    """Where a page in `folder` finds a file, as a relative address; None where there is no such file."""
    path = Path(file).absolute()
    try:
        return quote(os.fsencode(os.path.relpath(path, folder.absolute()))) if path.is_file() else None
    except (OSError, ValueError):  # a name that no file can have, as a submission may make it
        return None


def page(review: Review, pictures: list[Path], folder: Path) -> str:
    """The page as HTML with the figures inside: one file that needs no other, nor a network. It links the logs as they
    lie from `folder`."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    severe = alike(finding for finding in review.report.findings if finding.severity > Severity.NOTE)
    notes = [finding for finding in review.report.findings if finding.severity is Severity.NOTE]
    unread = [finding for finding in notes if finding.message.endswith(TO_BE_READ)]
    notes = alike(finding for finding in notes if finding not in unread)
    images = [base64.b64encode(path.read_bytes()).decode("ascii") for path in pictures]
    text = (
        template.render(
            review=review,
            severe=severe[:MOST_FINDINGS],
            left_out=len(severe[MOST_FINDINGS:]),
            notes=notes[:MOST_FINDINGS],
            unread=unread[:MOST_FINDINGS],
            place=_place,
            link=lambda file: _link(file, folder),
            sets=list(zip(review.sets, images, strict=True)),
        )
        + "\n"
    )
    return "\n".join(
        line if line.isascii() and line.isprintable() else printable(line, len(line) * 10) for line in text.split("\n")
    )
