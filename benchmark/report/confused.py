"""The parts of a run's page that show which classes were taken for which."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from benchmark.metrics.confusion import Confusion
from benchmark.report.answers import AnswerPart
from benchmark.report.site.svg import WIDTH, cell, drawing, text

LEFT, TOP, BELOW = 120, 24, 40
LARGEST_CELL, MOST_CELLS = 44, 6_000
MOST_PAIRS = 20
_NAMED = 40
"""Up to so many classes, each has its name on the axes."""


def confused_parts(counts: Confusion, labels: Sequence[str]) -> tuple[AnswerPart, ...]:
    """The matrix with the classes' figures, and the pairs that were confused most. `labels` name the classes."""
    return (_matrix(counts, labels), _pairs(counts, labels))


def most_confused(counts: Confusion) -> list[tuple[int, int]]:
    """Pairs of a class and what it was taken for, by their indices: each pair once, the most frequent way first."""
    found: dict[frozenset[int], tuple[int, int]] = {}
    for _, row, column in _cells(counts):
        if row != column:
            found.setdefault(frozenset((row, column)), (row, column))
    return list(found.values())


def _matrix(counts: Confusion, labels: Sequence[str]) -> AnswerPart:
    true, found = counts.counts.sum(axis=1).tolist(), counts.counts.sum(axis=0).tolist()
    hits, scores = counts.counts.diagonal().tolist(), counts.per_class_f1()
    rows = [
        (labels[each], true[each], _share(hits[each], true[each]), _share(hits[each], found[each]), scores[each])
        for each in counts.present
    ]
    rows.sort(key=lambda row: (row[-1], row[0]))
    return AnswerPart(
        "Found classes",
        "A row is a class, a column what it was taken for, in the same order; the stronger a colour, the larger its "
        "share of the row. Below, each class with its samples, the share of them that was found, how often its name "
        "was right, and F1: the worst first.",
        ("class", "samples", "found", "right", "F1"),
        tuple(rows),
        _drawn(counts, labels),
        closed=len(rows) > MOST_PAIRS,
    )


def _pairs(counts: Confusion, labels: Sequence[str]) -> AnswerPart:
    pairs = _cells(counts)
    wrong = [(number, row, column) for number, row, column in pairs if row != column]
    total = counts.samples - int(counts.counts.trace())
    true = counts.counts.sum(axis=1).tolist()
    rows = [
        (labels[row], labels[column], number, number / true[row], int(counts.counts[column, row]))
        for number, row, column in wrong[:MOST_PAIRS]
    ]
    covered = sum(row[2] for row in rows)
    return AnswerPart(
        "Most confused",
        f"{total} of {counts.samples} samples were taken for another class"
        + (f"; these pairs have {covered} of them." if total else "."),
        ("class", "taken for", "samples", "share of the class", "the other way round"),
        tuple(rows),
    )


def _cells(counts: Confusion) -> list[tuple[int, int, int]]:
    """(count, row, column) of what was counted, the most frequent first."""
    rows, columns = counts.counts.nonzero()
    cells = zip(counts.counts[rows, columns].tolist(), rows.tolist(), columns.tolist(), strict=True)
    return sorted(cells, key=lambda each: (-each[0], each[1:]))


def _drawn(counts: Confusion, labels: Sequence[str]) -> Markup:
    present = counts.present
    shown = sorted({*present, *(column for _, _, column in _cells(counts))})
    place = {each: number for number, each in enumerate(shown)}
    size = min(LARGEST_CELL, (WIDTH - LEFT - 16) / len(shown))
    true = counts.counts.sum(axis=1).tolist()
    parts = [
        cell(
            round(LEFT + place[column] * size, 2),
            round(TOP + place[row] * size, 2),
            round(size, 2),
            number / true[row],
            f"{labels[row]} taken for {labels[column]}: {number} of {true[row]}",
            right=row == column,
        )
        for number, row, column in _cells(counts)[:MOST_CELLS]
    ]
    bottom = TOP + size * len(shown)
    every = -(-len(shown) // _NAMED)
    for each in shown[::every]:
        middle = round((place[each] + 0.5) * size, 1)
        parts.append(text(LEFT - 6, TOP + middle + 4, labels[each], anchor="end", style="tick"))
        if size * every >= 6 * len(labels[each]) + 4:
            parts.append(text(LEFT + middle, bottom + 14, labels[each], anchor="middle", style="tick"))
    parts.append(text(LEFT, bottom + 32, "taken for", style="label"))
    parts.append(text(4, 12, "class", style="label"))
    return drawing(bottom + BELOW, "Which class was taken for which, as shares of the class", parts)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
