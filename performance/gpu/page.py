"""docs/gpu.md: what a GPU needs, and out of the records every figure with the card that it was measured on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from performance.gpu.record import Record
from performance.gpu.steps import STEPS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "gpu.md"
GUIDE = """# On a GPU

A run computes on the GPUs that it sees, one rank on each, and on the cores where it sees none:

```
stemdl doctor                                                     # names the cards, and what joins the ranks
stemdl run --rung stemdl_mini --ranks 2 --set device=cuda         # refused where no GPU is seen
stemdl run --rung stemdl_mini --set precision=bf16                # autocast; weights stay fp32
stemdl data generate stemdl_small --device cuda --dry-run         # data by the GPU: time and size first
stemdl launch --launcher srun --nodes 4 --ranks-per-node 4 --gpus-per-rank 1 --dry-run -- --rung stemdl_mini
```

- The set-up builds Horovod with NCCL where it finds a GPU and a whole CUDA toolkit, and gives the reason where it
  does not ([running.md](running.md)). `--set comm=torch` joins the ranks by `torch.distributed` instead, whose
  `backend=auto` is NCCL between GPUs.
- Before the clock starts, a rank that sees none of its node's GPUs ends the job with its name; ranks that share a
  card are warned of. `--set device=cpu` says that the cores are meant.
- Data that a GPU has made differ in the last bits and say so in their manifest ([data.md](data.md)).

## Measure a card

`./performance/gpu/run.sh` takes these steps, each in a process of its own, on a machine that needs no network where
`python performance/gpu/gather.py` has fetched the packages before. Called again, it goes on where it stopped.
`python -m performance.gpu --dry --output DIR` takes all of them on the CPU at toy sizes.

{steps}
Records are in `performance/records`; `python -m performance.gpu --page` makes this page from them.
"""
NOTHING = "\n## Figures\n\nNone: no GPU has been measured yet.\n"


def page(records: Iterable[Record]) -> str:
    """The page's text. Steps come in their order, and of a step the cards in that of the records."""
    found = [record for record in records if any("figures" in item for item in record.items.values())]
    titles = {step.name: step.title for step in STEPS}
    steps = ["| step | what |", "|---|---|", *(f"| `{name}` | {title} |" for name, title in titles.items()), ""]
    guide = GUIDE.format(steps="\n".join(steps))
    if not found:
        return guide + NOTHING
    order = [*titles, *sorted({record.step for record in found} - set(titles))]
    parts = [guide, "## The machines\n", *_machines(found)]
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
