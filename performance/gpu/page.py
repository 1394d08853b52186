"""docs/gpu.md, out of the records: every figure with the card that it was measured on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from performance.gpu.record import Record
from performance.gpu.steps import STEPS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "gpu.md"
NOTHING = "# On a GPU\n\nNot measured yet.\n"
HEAD = """# Measured on GPUs

Made from the records in `performance/records` by `python -m performance.gpu --page`. What measures them is
`./performance/gpu/run.sh`.
"""


def page(records: Iterable[Record]) -> str:
    """The page's text. Steps come in their order, and of a step the cards in that of the records."""
    found = [record for record in records if any("figures" in item for item in record.items.values())]
    if not found:
        return NOTHING
    titles = {step.name: step.title for step in STEPS}
    order = [*titles, *sorted({record.step for record in found} - set(titles))]
    parts = [HEAD, "## The machines\n", *_machines(found)]
    for name in order:
        of_step = [record for record in found if record.step == name]
        if of_step:
            parts += [f"## {titles.get(name, name)}\n", *_table(of_step)]
    return "\n".join(parts)


def _machines(records: list[Record]) -> list[str]:
    told = list(dict.fromkeys(_about(record) for record in records))
    return ["| card | memory | driver, CUDA | torch, Python | processor |", "|---|---|---|---|---|", *told, ""]


def _about(record: Record) -> str:
    about = record.machine
    return (
        f"| {about['card']} | {about['card_memory_gib']} GiB | {about['driver']}, {about['cuda']} | "
        f"{about['torch']}, {about['python']} | {about['cores']} cores of {about['processor']} |"
    )


def _table(records: list[Record]) -> list[str]:
    lines = ["| measured | figure | value | card |", "|---|---|---|---|"]
    for record in records:
        for name, item in record.items.items():
            lines += [
                f"| {_cell(name)} | {_cell(label)} | {shown(value)} | {_cell(record.machine['card'])} |"
                for label, value in item.get("figures", {}).items()
            ]
    return [*lines, ""]


def shown(value: float | int | str) -> str:
    """A figure in four digits at most, whole numbers below a million in full."""
    if isinstance(value, str):
        return _cell(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and abs(value) < 10**6:
        return str(value)
    return f"{value:.4g}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
