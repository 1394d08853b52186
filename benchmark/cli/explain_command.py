"""What a trained model looks at: maps of the pixels that count for its answer, drawn over each input."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli.arguments import place, run_path
from benchmark.cli.chosen import add_chosen, chosen
from benchmark.cli.output import add_format, next_step, print_json, print_table
from benchmark.cli.trained import add_trained, model_of, require_inputs, rung_of
from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    from benchmark.definition.explanation import Explanation

EXAMPLE = """Examples:
  stemdl explain latest copper.cif
  stemdl explain runs/mine/checkpoint.pt tables/*.npz --set vacancies=0.25 -o explained"""
MAPS, FORMAT = "explained.json", 1
"""The file of all numbers."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl explain`."""
    parser.add_argument("checkpoint", type=run_path, help="a run that kept its checkpoint, or this file; or latest")
    parser.add_argument("inputs", type=place, nargs="+", help="files, or folders of them, as the run's task reads them")
    parser.add_argument("-o", "--output", type=place, default=Path("explained"), help="(default: %(default)s)")
    add_chosen(parser, "what the files leave open")
    add_trained(parser)
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0 when all inputs were explained, 1 when some were refused."""
    from benchmark.foundation.files import fresh_folder

    require_inputs(arguments.inputs)
    with fresh_folder(arguments.output, "maps"):
        rows, page = _written(arguments)
    refused = sum("refused" in row for row in rows)
    if arguments.format == "json":
        print_json(rows)
    else:
        print_table(("input", "answer", "without what maps mark, and as much elsewhere"), list(map(_row, rows)))
        print(f"{len(rows) - refused} of {len(rows)} inputs explained: {arguments.output / MAPS}")
        if page:
            next_step(f"open {page}")
    return 1 if refused else 0


def _written(arguments: argparse.Namespace) -> tuple[list[dict[str, Any]], str | None]:
    """What is said of each input, and the page; written to the folder."""
    from benchmark.data.recipe import recipe_of
    from benchmark.definition.finder import EVALUATE, find_task
    from benchmark.foundation.files import write_json
    from benchmark.report.explanation import Shown, picture_of, write_page

    os.environ.setdefault("MPLBACKEND", "Agg")
    run = arguments.checkpoint.parent if arguments.checkpoint.is_file() else arguments.checkpoint
    benchmark, rung = rung_of(run, arguments.rung)
    evaluation = find_task(benchmark.task).code(EVALUATE)
    options = chosen(arguments.set, getattr(evaluation, "OPTIONS", {}), "these inputs")
    made_by, *model = model_of(run, benchmark, recipe_of(rung).schema(), arguments.trainer)
    explain = made_by.explainer()(*model)
    rows: list[dict[str, Any]] = []
    shown: list[Shown] = []
    for question in evaluation.read_inputs(arguments.inputs, rung, options):
        if isinstance(question, StemdlError):
            rows.append({"input": str(question.where), "refused": str(question)})
            continue
        found = explain(question.inputs)
        arguments.output.mkdir(parents=True, exist_ok=True)
        path = arguments.output / f"{question.name}.png"
        shown.append(Shown(str(question.path), question.notes, found, picture_of(found, question.name, path)))
        rows.append({"input": str(question.path), **_numbers(found), "picture": str(path)})
    if not rows:
        raise StemdlError("no input is here", where=", ".join(map(str, arguments.inputs)))
    write_json(arguments.output / MAPS, {"format": FORMAT, "run": str(run), "rung": rung.name, "inputs": rows})
    return rows, write_page(arguments.output, rung.name, shown) if shown else None


def _numbers(found: Explanation) -> dict[str, Any]:
    maps = {
        name: [
            {"deleted": share, "marked": round(marked, 4), "elsewhere": round(elsewhere, 4)}
            for share, (marked, elsewhere) in each.left.items()
        ]
        for name, each in found.maps.items()
    }
    return {"answer": found.answer, "probability": round(found.probability, 4), "probability_without": maps}


def _row(row: dict[str, Any]) -> tuple[str, str, str]:
    """Of the largest share that is deleted, the mean over the maps."""
    name = Path(row["input"]).name
    if "refused" in row:
        return name, "refused", row["refused"].splitlines()[0]
    last = [each[-1] for each in row["probability_without"].values()]
    means = [sum(each[key] for each in last) / len(last) for key in ("marked", "elsewhere")]
    return name, f"{row['answer']} {row['probability']:.2f}", f"{means[0]:.2f}, {means[1]:.2f}"
