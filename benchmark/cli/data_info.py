"""`stemdl data info`: what a data set holds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.cli.arguments import place
from benchmark.cli.output import print_json, print_table
from benchmark.foundation.text import typed

REASONS_SHOWN = 8


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `stemdl data info`."""
    parser.add_argument("folder", type=place)


def execute(arguments: argparse.Namespace) -> int:
    """Says what the manifest says."""
    from benchmark.data.manifest import read_manifest

    print_info(read_manifest(arguments.folder), arguments.format)
    return 0


def _in_words(field: Any, classes: Mapping[str, Sequence[str]]) -> str:
    """A field's name and what it is of one sample."""
    if field.name in classes:
        return f"{field.name} (one of {len(classes[field.name])} classes)"
    shape = " x ".join(map(str, field.shape)) or "one"
    return f"{field.name} ({shape} {field.dtype}{f', {field.unit}' if field.unit else ''})"


def print_info(manifest: Any, output_format: str) -> None:
    """The samples of each group and split, where they come from, and which partitions there are."""
    from benchmark.data.left_out import TABLE, read_left_out, summary
    from benchmark.data.recognition import known_recognition, whose

    splits = manifest.values["splits"]
    known = known_recognition(manifest)
    left_out = read_left_out(manifest.folder)
    partitions = sorted(path.stem for path in (manifest.folder / "partitions").glob("*.json"))
    if output_format == "json":
        print_json(
            {
                "folder": str(manifest.folder),
                "manifest_sha256": manifest.sha256,
                "recognised": known.to_log() if known else None,
                "partitions": partitions,
                "left_out": str(manifest.folder / TABLE) if left_out else None,
                **{key: value for key, value in manifest.values.items() if key != "shards"},
            }
        )
        return
    print(f"{manifest.folder}: {manifest.rung}, {manifest.origin}: {whose(manifest)}")
    print(
        f"manifest {manifest.sha256}; the shards are not read here: stemdl data verify --quick {typed(manifest.folder)}"
    )
    for word, fields in (("inputs", manifest.schema.inputs), ("targets", manifest.schema.targets)):
        print(f"{word}: {', '.join(_in_words(each, manifest.schema.classes) for each in fields)}")
    selection = (manifest.values["selection"] or {}).get("groups", {})
    by = (manifest.schema.stratum or "samples").replace("_", " ")
    columns = [by, *splits] + (["found", "dropped"] if selection else [])
    rows = []
    for group in next(iter(splits.values()))["groups"]:
        row = [group, *(str(split["groups"][group]) for split in splits.values())]
        if selection:
            dropped = "; ".join(f"{count} {reason}" for reason, count in selection[group]["dropped"].items())
            row += [str(selection[group]["found"]), dropped]
        rows.append(row)
    rows.append(["all", *(str(split["samples"]) for split in splits.values())] + (["", ""] if selection else []))
    print_table(columns, rows)
    if left_out:
        print(f"left out: {len(left_out)}, each with its reason in {manifest.folder / TABLE}")
        for line in summary(left_out)[:REASONS_SHOWN]:
            print(f"  {line}")
        if (more := len(summary(left_out)) - REASONS_SHOWN) > 0:
            print(f"  and {more} more reasons")
    if partitions:
        print(f"partitions: {', '.join(partitions)}")
