"""What a trained model says of inputs that are in no data set: a table, a picture of each, and a page of all."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli.answers_page import write_answers_page
from benchmark.cli.arguments import place, run_path
from benchmark.cli.asked import asked
from benchmark.cli.chosen import add_chosen, chosen
from benchmark.cli.labelled import as_sentence, in_words, read_labels, scores_of, without_input
from benchmark.cli.output import add_format, next_step, print_json, print_table
from benchmark.cli.trained import add_trained, model_of, require_inputs, rung_of
from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.definition.question import Question
    from benchmark.definition.sample import SampleSchema

EXAMPLE = """Examples:
  stemdl evaluate latest measured/ -o answers
  stemdl evaluate latest measured/ --calibrate data/mini
  stemdl evaluate runs/mine one.csv --set NAME=VALUE    # an option of its task"""
ANSWERS, FORMAT, SHOWN, MOST = "answers.json", 1, 3, 5
"""The file of all answers; how many classes of each the table has, and that file."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl evaluate`."""
    parser.add_argument("run", type=run_path, help="the folder of a run that kept its checkpoint, or latest")
    parser.add_argument("inputs", type=place, nargs="+", help="files, or folders of them, as the run's task reads them")
    parser.add_argument("-o", "--output", type=place, default=Path("answers"), help="(default: %(default)s)")
    add_chosen(parser, "what the files leave open")
    parser.add_argument(
        "--labels",
        type=place,
        metavar="FILE",
        help="a .csv of right answers, columns input and the target's name",
    )
    parser.add_argument(
        "--calibrate",
        type=place,
        metavar="DATA",
        help="the run's data: probabilities as its dev split bears them out",
    )
    add_trained(parser)
    parser.add_argument("--no-pictures", action="store_true", help="the table alone")
    add_format(parser)


def execute(arguments: argparse.Namespace) -> int:
    """0 when all inputs were answered, 1 when some were refused."""
    from benchmark.foundation.files import fresh_folder

    require_inputs(arguments.inputs)
    with fresh_folder(arguments.output, "answers"):
        rows, said, page = _written(arguments)
    refused = sum("refused" in row for row in rows)
    if arguments.format == "json":
        print_json(rows)
    else:
        print_table(("input", "answer, and how sure"), [_shown(row) for row in rows])
        for line in (*said, *_remedies(rows)):
            print(line)
        print(f"{len(rows) - refused} of {len(rows)} inputs answered: {arguments.output / ANSWERS}")
        if page is not None:
            next_step(f"open {page} in a browser")
    return 1 if refused else 0


def _written(arguments: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str], Path | None]:
    """What is said of each input and of all together, and the page; written to the folder."""
    from benchmark.data.recipe import recipe_of
    from benchmark.definition.finder import EVALUATE, find_task
    from benchmark.foundation.files import write_json

    os.environ.setdefault("MPLBACKEND", "Agg")
    benchmark, rung = rung_of(arguments.run, arguments.rung)
    task = find_task(benchmark.task)
    evaluation = task.code(EVALUATE)
    read_inputs, picture = (task.function(EVALUATE, name) for name in ("read_inputs", "picture"))
    options = chosen(arguments.set, getattr(evaluation, "OPTIONS", {}), "these inputs")
    schema = recipe_of(rung).schema()
    target = benchmark.measured.of[0]
    labels = _labels(arguments.labels, target, schema, evaluation)
    made_by, *model = model_of(arguments.run, benchmark, schema, arguments.trainer)
    answer = made_by.answerer()(*model)
    calibration = None
    if arguments.calibrate is not None:
        from benchmark.cli.calibrated import calibrate

        calibration = calibrate(arguments.calibrate, rung.name, target, answer)
    rows: list[dict[str, Any]] = []
    answers: list[tuple[str, NDArray[Any]]] = []
    known: list[tuple[Question, Mapping[str, float]]] = []
    rights: dict[str, str] = {}
    for answered in asked(read_inputs(arguments.inputs, rung, options), answer):
        if isinstance(answered, StemdlError):
            rows.append({"input": str(answered.where), "refused": str(answered)})
            continue
        question, outputs = answered
        if calibration is not None:
            outputs = {**outputs, target: outputs[target] / calibration.temperature}
        row: dict[str, Any] = {"input": str(question.path), "answer": _ranked(outputs, schema)}
        if not _finite(row["answer"]):
            error = StemdlError("the model's answer has numbers that are not finite", where=question.path)
            rows.append({"input": row["input"], "refused": str(error)})
            continue
        if (measured := getattr(evaluation, "measured", None)) is not None:
            row["measured"] = measured(question, outputs)
            known.append((replace(question, inputs={}), row["measured"]))
        if (remarks := getattr(evaluation, "remarks", None)) is not None:
            row["remarks"] = list(remarks(question, outputs, schema))
        if not arguments.no_pictures:
            row["picture"] = str(arguments.output / f"{question.name}.png")
            arguments.output.mkdir(parents=True, exist_ok=True)
            picture(question, outputs, schema, Path(row["picture"]))
        if right := labels.get(question.path.name, question.known.get(target)):
            row["right"] = rights[str(len(rows))] = right
        answers.append((str(len(rows)), outputs[target]))
        rows.append({**row, "notes": list(question.notes)})
    if not rows:
        raise StemdlError("no input is here", where=", ".join(map(str, arguments.inputs)))
    scores = {"scores": scores_of(answers, rights, schema.classes[target])} if labels or rights else {}
    if unused := without_input(labels, (row["input"] for row in rows)):
        scores["scores"]["labels_without_input"] = unused
    sure = {"calibration": calibration.to_dict()} if calibration is not None else {}
    made = {"format": FORMAT, "run": str(arguments.run), "rung": rung.name, **sure, **scores, "inputs": rows}
    write_json(arguments.output / ANSWERS, made)
    about = [
        f"By the run {arguments.run}, of the rung {rung.name}.",
        *([calibration.in_words()] if calibration else []),
    ]
    about += [as_sentence(scores["scores"])] if scores else []
    together = list(evaluation.overall(known)) if known and hasattr(evaluation, "overall") else []
    about += together
    page = None
    if not arguments.no_pictures:
        page = write_answers_page(arguments.output, f"{len(rows)} inputs asked", about, rows)
    said = [calibration.in_words()] if calibration else []
    said += [in_words(scores["scores"])] if scores else []
    said += [f"labels of {len(unused)} names that no input has: {', '.join(unused[:MOST])}"] if unused else []
    return rows, [*said, *together], page


def _labels(path: Path | None, target: str, schema: SampleSchema, evaluation: Any) -> dict[str, str]:
    if path is None:
        return {}
    if target not in schema.classes:
        raise StemdlError("the answers are not classes", where="--labels", found=target)
    return read_labels(path, target, getattr(evaluation, "class_of", str))


def _ranked(outputs: Mapping[str, NDArray[Any]], schema: SampleSchema) -> dict[str, Any]:
    """The likeliest classes of each target that is a class, with their probabilities; the numbers of all others."""
    from scipy.special import softmax

    ranked: dict[str, Any] = {}
    for name, values in outputs.items():
        labels = schema.classes.get(name)
        if labels is None:
            ranked[name] = values.tolist()
        elif values.ndim:
            shares = softmax(values.astype(float))
            best = shares.argsort()[::-1][:MOST]
            ranked[name] = [{"class": labels[each], "probability": round(float(shares[each]), 4)} for each in best]
        else:
            ranked[name] = [{"class": labels[int(values)]}]
    return ranked


def _finite(value: Any) -> bool:
    """Whether JSON has a form for all numbers of an answer."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def _numbers(found: float | Sequence[Any]) -> str:
    """A number; of an array its shape and range, which with the picture say whether it is an answer."""
    if not isinstance(found, Sequence):
        return f"{found:.4g}"
    import numpy as np

    values = np.asarray(found)
    return f"({' x '.join(map(str, values.shape))} numbers from {values.min():.4g} to {values.max():.4g})"


def _remedies(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """What to do about inputs that were refused, each once: many may want the same."""
    lines = [line.strip() for row in rows for line in row.get("refused", "").splitlines()]
    return list(dict.fromkeys(line for line in lines if line.startswith("what to do: ")))[:MOST]


def _shown(row: Mapping[str, Any]) -> tuple[str, str]:
    if "refused" in row:
        what, *more = row["refused"].splitlines()
        why = [line.strip() for line in more if line.strip().startswith(("expected:", "found:"))]
        return row["input"], "; ".join((f"refused: {what.removeprefix(row['input'] + ': ')}", *why))
    said = []
    for name, found in row["answer"].items():
        if found and isinstance(found, list) and isinstance(found[0], dict):
            said += [
                f"{each['class']} {each['probability']:.2f}" if "probability" in each else each["class"]
                for each in found[:SHOWN]
            ]
        else:
            said.append(f"{name} {_numbers(found)}")
    said += [f"{name} {value:.3f}" for name, value in row.get("measured", {}).items()]
    said += [f"right: {row['right']}"] if "right" in row else []
    return Path(row["input"]).name, ", ".join(said)
