"""The last handler: what fails without being foreseen, an output that cannot be written, folders that may not be
entered, interruptions."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from patience import HANG_SECONDS, wait_until

from benchmark.cli import list_command
from benchmark.cli.main import main

AS_ORDINARY_USER = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
"""Root without these capabilities may not pass over the permissions of files."""


@pytest.fixture
def command(environment: dict[str, str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """`command(*arguments, before=(), shell="", cwd=tmp_path, **variables)`: its own process; `shell` redirects."""

    def run(
        *arguments: str, before: Sequence[str] = (), shell: str = "", cwd: Path = tmp_path, **variables: str
    ) -> subprocess.CompletedProcess:
        argv = [*before, sys.executable, "-m", "benchmark", *arguments]
        if shell:
            argv = ["bash", "-c", f'"$@" {shell}', "bash", *argv]
        return subprocess.run(
            argv,
            cwd=cwd,
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=HANG_SECONDS,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("x"),
        RecursionError(),
        AssertionError(),
        KeyError("k"),
        SystemError(),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    ],
)
def test_what_nobody_foresaw_is_one_message_and_a_file(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fails(_: object) -> int:
        raise error

    monkeypatch.setattr(list_command, "execute", fails)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["list"]) == 70
    message = capsys.readouterr().err
    assert "Traceback" not in message and message.count("stemdl: ") == 1
    assert (
        f"test_guard.py:{fails.__code__.co_firstlineno + 1}: a fault of the program: {type(error).__name__}" in message
    )
    (kept,) = tmp_path.iterdir()
    assert str(kept) in message and "Traceback" in kept.read_text() and "in fails" in kept.read_text()
    monkeypatch.setenv("STEMDL_TRACEBACK", "1")
    assert main(["list"]) == 70
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    assert main(["list"]) == 70
    assert "could not be kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(13, "Permission denied", "there"), "there: this file or folder cannot be used"),
        (OSError(28, "No space left on device"), "found: No space left on device"),
        (MemoryError(), "too little memory"),
        (ModuleNotFoundError("No module named 'h5py'", name="h5py"), "h5py: a library cannot be loaded"),
    ],
)
def test_what_the_system_refuses_is_the_users_to_mend(
    error: Exception, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fails(_: object) -> int:
        raise error

    monkeypatch.setattr(list_command, "execute", fails)
    assert main(["list"]) == 2
    message = capsys.readouterr().err
    assert says in message and "Traceback" not in message


@pytest.mark.parametrize(
    ("arguments", "shell", "code", "says"),
    [
        (("rules",), ">/dev/full", 2, "No space left on device"),
        (("--help",), ">/dev/full", 2, "No space left on device"),
        (("list", "--format", "json"), ">/dev/full", 2, "No space left on device"),
        (("rules",), ">&-", 2, "standard output is closed"),
        (("rules", "--format", "json"), ">&-", 2, "standard output is closed"),
        (("rules",), ">/dev/null 2>&-", 0, ""),
        (("show", "nowhere"), "2>&-", 2, ""),
        (("show", "nowhere"), "2>/dev/full", 2, ""),
    ],
)
@pytest.mark.parametrize("buffering", ["", "1"])
def test_an_output_that_cannot_be_written(
    arguments: tuple[str, ...], shell: str, code: int, says: str, buffering: str, command: Callable
):
    done = command(*arguments, shell=shell, PYTHONUNBUFFERED=buffering)
    assert done.returncode == code
    assert says in done.stderr and "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.parametrize("arguments", [("rules",), ("--help",), ("list", "--format", "json")])
def test_a_reader_that_has_gone(arguments: tuple[str, ...], environment: dict[str, str], tmp_path: Path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments],
        cwd=tmp_path,
        env=environment,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 141 and done.stderr in ("", "Next: stemdl rules R1.1\n")


def test_a_terminal_without_the_characters(command: Callable, tmp_path: Path):
    folder = tmp_path / os.fsdecode(b"caf\xc3\xa9\xff")
    folder.mkdir()
    for locale in ({"LC_ALL": "C", "PYTHONUTF8": "0"}, {"LC_ALL": "C.UTF-8"}, {"PYTHONIOENCODING": "latin-1"}):
        done = command("show", str(folder), **locale)
        assert done.returncode == 2 and "there is no run here" in done.stderr
    program = f"print({'█│±→ é '!a} + {chr(0xDCFF)!a})"
    done = subprocess.run(
        [sys.executable, "-c", f"from benchmark.cli.guard import guarded\nguarded(lambda: {program})"],
        cwd=Path(__file__).parents[3],
        text=True,
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == "#|+--> \\xe9 \\udcff\n"


LINES_IN_A_SHUT_FOLDER = (
    "run --rung stemdl_smoke",
    "run --data shut",
    "run --output shut/x",
    "run --output new",
    "run --ledger shut/ledger.jsonl",
    "run --config unreadable.yaml",
    "data generate stemdl_smoke",
    "data generate stemdl_smoke -o shut",
    "data info shut",
    "data import shut -o new",
    "list shut",
    "show shut",
    "validate shut",
    "ledger shut",
    "rcp show stemdl_mini --points unreadable.yaml",
)
ONE_AFTER_THE_OTHER = """
import contextlib, io, json, sys
from benchmark.cli.main import main
for line in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            code = main(line.split())
        except SystemExit as left:  # the parser's
            code = left.code
    print(json.dumps([line, code, out.getvalue(), err.getvalue()]))
"""


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may enter every folder")
def test_folders_without_permission(environment: dict[str, str], tmp_path: Path):
    box = tmp_path / "box"
    (box / "shut").mkdir(parents=True)
    (box / "shut" / "manifest.json").touch()
    (box / "shut").chmod(0)
    (box / "unreadable.yaml").touch()
    (box / "unreadable.yaml").chmod(0)
    box.chmod(0o555)
    before = AS_ORDINARY_USER if os.geteuid() == 0 else []
    try:
        done = subprocess.run(
            [*before, sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(LINES_IN_A_SHUT_FOLDER)],
            cwd=box,
            env=environment | {"HOME": str(box / "shut")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
            check=True,
        )
    finally:
        box.chmod(0o755)
        (box / "shut").chmod(0o755)
    assert len(done.stdout.splitlines()) == len(LINES_IN_A_SHUT_FOLDER)
    for line, code, out, err in map(json.loads, done.stdout.splitlines()):
        assert code == 2 and "Permission denied" in err, f"{line}: {err}"
        assert "Traceback" not in err and out == ""
    assert sorted(path.name for path in box.rglob("*")) == ["manifest.json", "shut", "unreadable.yaml"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_says_what_to_type(number: int, environment: dict[str, str], tmp_path: Path):
    """While data are made, by whose workers nothing is said."""
    argv = [sys.executable, "-m", "benchmark", "data", "generate", "stemdl_mini", "-o", "my data", "--ranks", "1"]
    with subprocess.Popen(
        argv,
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as making:
        wait_until(lambda: list(tmp_path.rglob(".*.part")) or making.poll() is not None)
        os.killpg(making.pid, number)  # as a terminal does: the workers too
        message = making.stderr.read()
    assert making.returncode == 130
    assert "Traceback" not in message
    (to_go_on,) = re.findall("to go on: (.*)", message)
    assert to_go_on == "stemdl data generate stemdl_mini -o 'my data' --ranks 1"
