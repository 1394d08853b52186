"""Python's option -P for Python 3.10, which lacks it: `python safe_start.py -m MODULE ...`, or `-c PROGRAM ...`."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    del sys.path[0]  # the folder of this file
    import runpy

    how, what = sys.argv[1:3]
    if how == "-m":
        sys.argv = sys.argv[2:]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *sys.argv[3:]]
        exec(compile(what, "<string>", "exec"))
