"""Commands of stemdl in processes of their own, forked by one that has loaded the libraries: to load them takes longer
than most commands.

What is loaded when, and how `python -m benchmark` begins, is tested in processes that begin from nothing.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from patience import HANG_SECONDS


class Warm:
    """A process that waits for commands, in one environment. Close it in the end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._waiting = subprocess.Popen(
            [sys.executable, __file__], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, arguments: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """`stemdl ARGUMENTS` in that folder; its finished process."""
        with tempfile.TemporaryDirectory() as scratch:
            out, err = Path(scratch, "out"), Path(scratch, "err")
            assert self._waiting.stdin is not None and self._waiting.stdout is not None
            print(json.dumps([arguments, str(cwd), str(out), str(err)]), file=self._waiting.stdin, flush=True)
            code = int(self._waiting.stdout.readline())
            return subprocess.CompletedProcess(arguments, code, out.read_text("utf-8"), err.read_text("utf-8"))

    def close(self) -> None:
        self._waiting.communicate()


def serve() -> None:
    """Fork for each line of standard input, one after the other, and answer with the exit code."""
    import reference.train  # noqa: F401

    asked, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for line in asked:
        child = os.fork()
        if child == 0:
            arguments, cwd, out, err = json.loads(line)
            signal.alarm(int(HANG_SECONDS))
            os.chdir(cwd)
            for number, path, mode in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
                os.dup2(os.open(path, mode | os.O_CREAT), number)
            sys.argv = ["benchmark", *arguments]
            runpy.run_module("benchmark", run_name="__main__", alter_sys=True)  # which exits
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


if __name__ == "__main__":
    serve()
