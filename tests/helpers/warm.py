"""Python processes forked by one that has loaded the libraries: to load them takes longer than most commands and ranks
take for their work.

`Warm(environment, folder).python` is a program to be used like the interpreter. What it starts is a process of its own
with the caller's streams, folder, environment, cores and limits, and ends as that process ends; programs that it starts
find the same interpreter in `sys.executable`. Other processes than modules and scripts, and those whose environment
has a say in how libraries are loaded, begin from nothing.

What is loaded when, and how `python -m benchmark` begins, is tested in processes that begin from nothing.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

READ_WHEN_LOADED = ("PYTHON", "OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "ATEN_", "DNNL_", "HDF5_", "LD_", "MALLOC_")
READ_WHEN_LOADED += ("LC_", "LANG", "CUDA_")
"""How variables begin that libraries read when they are loaded, and never again."""
MADE_GOOD = {"PYTHONPATH", "PYTHONUNBUFFERED", "OMP_NUM_THREADS", "LD_LIBRARY_PATH"}
"""Those of them that a loaded process can follow."""
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Warm:
    """A process that has loaded the libraries, in one environment. Close it in the end; it ends what it started."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.python = folder / "python"
        address = folder / "address"
        words = f'exec "{sys.executable}" -IS "{__file__}" "{address}"'
        self.python.write_text(f'#!/bin/sh\n{words} "$@"\n', encoding="utf-8")
        self.python.chmod(0o755)
        self._serving = subprocess.Popen(
            [sys.executable, __file__, str(address), "--serve", str(self.python)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._serving.stdout is not None and self._serving.stdout.readline(), "it listens now"

    def close(self) -> None:
        self._serving.communicate()


def be_forked(address: str, arguments: list[str]) -> None:
    """The caller's end: has the loaded process start `python ARGUMENTS`, hands signals on, and ends as that ends."""
    safe_path = arguments[:1] == ["-P"]
    words = arguments[safe_path:]
    if not words or (words[0] != "-m" and not words[0].endswith(".py")):
        os.execv(sys.executable, [sys.executable, *arguments])
    mask = os.umask(0)
    os.umask(mask)
    job = {"arguments": words, "cwd": os.getcwd(), "environment": dict(os.environ), "umask": mask}
    with socket.socket(socket.AF_UNIX) as server, server.makefile("rb", buffering=0) as answers:
        server.connect(address)
        socket.send_fds(server, [b"\n"], [0, 1, 2])
        server.sendall(json.dumps(job | {"safe_path": safe_path, "caller": os.getpid()}).encode() + b"\n")
        child = int(answers.readline() or 0)
        if not child:
            os.execv(sys.executable, [sys.executable, *arguments])
        # A signal that comes just before a wait would not end it: what it writes does.
        heard, told = socket.socketpair()
        told.setblocking(False)
        signal.set_wakeup_fd(told.fileno())
        for number in FORWARDED:
            signal.signal(number, lambda *_: None)
        while server not in select.select([heard, server], [], [])[0]:
            for number in heard.recv(64):
                with suppress(ProcessLookupError):
                    os.kill(child, number)
        status = int(answers.readline())
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) in FORWARDED:
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


class Server:
    """Forks for each caller, and kills what a caller that is gone has left."""

    def __init__(self, address: str) -> None:
        import selectors

        self._selector = selectors.DefaultSelector()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(address)
        self._listening.listen(64)
        self._ended, told = socket.socketpair()
        told.setblocking(False)
        self._told = told
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(told.fileno())
        self._callers: dict[int, socket.socket] = {}
        self._before = dict(os.environ)
        for each in (self._listening, self._ended, sys.stdin):
            self._selector.register(each, selectors.EVENT_READ)
        print("listening", flush=True)

    def serve(self) -> dict[str, Any] | None:
        """The job, in a process forked for it; None in this one, when whoever started it has gone."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listening:
                    if (job := self._fork()) is not None:
                        return job
                elif key.fileobj is self._ended:
                    self._ended.recv(4096)
                    self._reap()
                elif key.fileobj is sys.stdin:
                    for child in self._callers:
                        os.kill(child, signal.SIGKILL)
                    return None
                elif key.data in self._callers and not key.fileobj.recv(1):
                    self._selector.unregister(key.fileobj)
                    os.kill(key.data, signal.SIGKILL)  # not reaped yet: the number is still its own

    def _fork(self) -> dict[str, Any] | None:
        caller, _ = self._listening.accept()
        _, streams, _, _ = socket.recv_fds(caller, 1, 3)
        with caller.makefile("rb") as asked:
            told = asked.readline()
        if len(streams) < 3 or not told.endswith(b"\n"):  # it was killed before it had asked
            caller.close()
        elif not self._can_follow(job := json.loads(told)):
            with suppress(OSError):
                caller.sendall(b"0\n")
            caller.close()
        elif (child := os.fork()) == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (self._listening, self._ended, self._told, caller, *self._callers.values()):
                each.close()
            self._selector.close()
            return job | {"streams": streams, "before": self._before}
        else:
            with suppress(OSError):  # where it has been killed, that is seen at its end
                caller.sendall(f"{child}\n".encode())
            self._callers[child] = caller
            self._selector.register(caller, 1, child)
        for stream in streams:
            os.close(stream)
        return None

    def _can_follow(self, job: dict[str, Any]) -> bool:
        ours, theirs = (
            {name: value for name, value in each.items() if name.startswith(READ_WHEN_LOADED) and name not in MADE_GOOD}
            for each in (self._before, job["environment"])
        )
        path = self._before.get("PYTHONPATH", "")
        begins = job["environment"].get("PYTHONPATH", "").startswith(path)
        threads = job["environment"].get("OMP_NUM_THREADS", "1").isdecimal()
        ours_lies = Path(path.split(os.pathsep)[0], "benchmark")
        others = [each for each in first_of_path(job) if Path(each, "benchmark").is_dir()]
        here = all(Path(each, "benchmark").samefile(ours_lies) for each in others)
        return ours == theirs and begins and threads and here

    def _reap(self) -> None:
        while self._callers:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            caller = self._callers.pop(child)
            if caller in self._selector.get_map():
                self._selector.unregister(caller)
            with suppress(OSError):  # it was killed
                caller.sendall(f"{status}\n".encode())
            caller.close()


def first_of_path(job: dict[str, Any]) -> list[str]:
    """What the interpreter puts before all other folders of modules, if anything."""
    script = job["arguments"][0]
    if job["safe_path"]:
        return []
    return [job["cwd"] if script == "-m" else str(Path(job["cwd"], script).resolve().parent)]


def become(job: dict[str, Any], python: str) -> None:
    """Make this process what the interpreter would have made of it."""
    import io
    import resource

    import torch
    from threadpoolctl import threadpool_limits

    for limit in (getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")):
        resource.setrlimit(limit, resource.prlimit(job["caller"], limit))
    os.sched_setaffinity(0, os.sched_getaffinity(job["caller"]))
    os.chdir(job["cwd"])
    os.umask(job["umask"])
    for number, stream in enumerate(job["streams"]):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(job["environment"])
    path = [each for each in job["environment"].get("PYTHONPATH", "").split(os.pathsep) if each]
    before = [each for each in job["before"].get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.path[:] = [*first_of_path(job), *path, *sys.path[1 + len(before) :]]
    sys.executable = python
    sys.argv = job["arguments"][1:] if job["arguments"][0] == "-m" else job["arguments"]
    at_once = bool(job["environment"].get("PYTHONUNBUFFERED"))
    sys.stdin = open(0, encoding=sys.stdin.encoding, errors=sys.stdin.errors, closefd=False)
    for number, name in ((1, "stdout"), (2, "stderr")):
        was = getattr(sys, name)
        raw = io.BufferedWriter(io.FileIO(number, "w", closefd=False))
        lines = number == 2 or os.isatty(number)
        text = io.TextIOWrapper(raw, was.encoding, was.errors, line_buffering=lines, write_through=at_once)
        setattr(sys, name, text)
    asked = job["environment"].get("OMP_NUM_THREADS")
    # MKL, which PyTorch asks, starts no more threads than there are cores.
    threads = min(int(asked), os.cpu_count() or 1) if asked else len(os.sched_getaffinity(0))
    threadpool_limits(threads)
    torch.set_num_threads(threads)


def load() -> None:
    """Everything of ours, and the libraries that it loads at its head."""
    import importlib
    import pkgutil

    import benchmark
    import reference.train
    from benchmark.definition import finder

    for package in (benchmark, reference):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    finder._places.cache_clear()  # a task that asks for another one has had them looked up, on a path that may change


def serve(address: str, python: str) -> None:
    import gc
    import runpy

    load()
    gc.freeze()
    job = Server(address).serve()
    if job is None:
        return
    become(job, python)
    with at_once():
        if job["arguments"][0] == "-m":
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")


@contextmanager
def at_once() -> Iterator[None]:
    """Ends the process as the interpreter would, but for taking each module and library apart, which takes longer than
    most commands do. One that ends by an exception, or whose output cannot be written, is left to the interpreter."""
    import atexit
    import threading

    code = 0
    try:
        yield
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        code = ended.code or 0
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is not None and mpi.Is_initialized() and not mpi.Is_finalized():
        mpi.Finalize()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        sys.exit(code)
    os._exit(code & 0xFF)


if __name__ == "__main__":
    if sys.argv[2:3] == ["--serve"]:
        serve(sys.argv[1], sys.argv[3])
    else:
        be_forked(sys.argv[1], sys.argv[2:])
