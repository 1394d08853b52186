"""A batch job to be written and started, of a machine or of none."""

from __future__ import annotations

from pathlib import Path

from benchmark.launch.batch import BatchJob
from benchmark.launch.launchers import get_launcher
from benchmark.launch.machine import UNKNOWN, load_machine
from benchmark.launch.resources import lay_out


def batch_job(profile: str | None, launcher: str, nodes: int = 4, **more: object) -> BatchJob:
    """Of six ranks per node where the profile does not say how many there are; `more` in place of what it has."""
    machine = load_machine(profile) if profile else UNKNOWN
    asked = {} if profile else {"ranks_per_node": 6, "gpus_per_rank": 1, "cores_per_rank": 7}
    values = {
        "name": "stemdl",
        "layout": lay_out(machine, nodes=nodes, **asked),
        "machine": machine,
        "launcher": get_launcher(launcher),
        "argv": (launcher, "a b"),
        "folder": Path("/work dir"),
        "output": Path("/out/batch.out"),
        "minutes": 90,
    }
    return BatchJob(**{**values, **more})
