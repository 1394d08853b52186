"""The program `stemdl`: makes sure that `benchmark` and `reference` are the ones that it came with, and starts.

Python looks along PYTHONPATH before it looks at what is installed, and other people's modules have these names too.
"""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent


def foreign_module() -> tuple[str, Path] | None:
    """A name of our packages that Python would take from elsewhere, and from where."""
    for name in ("benchmark", "reference"):
        spec = find_spec(name)
        if spec is not None:
            place = Path(spec.origin or next(iter(spec.submodule_search_locations or [HERE / name]))).resolve()
            if HERE / name not in (place, place.parent):
                return name, place
    return None


def main() -> int:
    """The exit code of the command that was typed; 2 where Python would load somebody else's modules for ours."""
    if foreign := foreign_module():
        name, place = foreign
        sys.stderr.write(
            f"stemdl: {place}: Python finds this '{name}' before STEMDL's own\n"
            f"  expected: {HERE / name}\n"
            f"  what to do: leave PYTHONPATH out: env -u PYTHONPATH stemdl {shlex.join(sys.argv[1:])}\n"
        )
        return 2
    from benchmark.cli.main import main as run

    return run()
