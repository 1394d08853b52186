"""Completion of commands, options and their values by the Tab key: prints what a shell reads for it.

It needs argcomplete, which the set-up installs; elsewhere it comes with pip install 'stemdl-benchmark[completion]'.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from benchmark.foundation.errors import StemdlError

SHELLS = {
    "bash": ('eval "$(stemdl completion bash)"', "~/.bashrc"),
    "zsh": ('eval "$(stemdl completion zsh)"', "~/.zshrc, below the line of compinit"),
    "fish": ("stemdl completion fish | source", "~/.config/fish/config.fish"),
}
"""The line for each shell that turns completion on, and the file that it stays on by."""
EXAMPLE = """Examples:
  eval "$(stemdl completion bash)"        # now; the same line in ~/.bashrc for good
  stemdl completion fish | source"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `stemdl completion`."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def execute(arguments: argparse.Namespace) -> int:
    """0; wrong use where argcomplete is not installed."""
    if importlib.util.find_spec("argcomplete") is None:
        raise StemdlError(
            "completion needs argcomplete, which is not installed",
            where=sys.executable,
            remedy=f"{Path(sys.executable).with_name('pip')} install argcomplete",
        )
    import argcomplete

    line, file = SHELLS[arguments.shell]
    print(f"# Turned on by this line, in {file}:  {line}")
    print(argcomplete.shellcode(["stemdl"], shell=arguments.shell).strip())
    return 0
