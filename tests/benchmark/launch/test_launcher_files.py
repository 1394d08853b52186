"""A launcher is a file in a folder: a new one is found by all that needs it, and a broken one is named."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import benchmark
from benchmark.cli.main import main
from benchmark.foundation.errors import StemdlError
from benchmark.launch import launchers, rank
from benchmark.launch.launchers import Job, every_launcher, get_launcher, launcher_names
from benchmark.launch.rank import ALONE, Rank, detect_rank
from benchmark.launch.resources import Layout
from benchmark.launch.share import divide_nodes

NEW = '''
from benchmark.launch.launcher import Job, Launcher


class Start(Launcher):
    """An example."""

    name = "start"
    order = 33
    rank, size = ("START_RANK",), ("START_SIZE",)
    local_rank, local_size = ("START_LOCAL_RANK",), ("START_LOCAL_SIZE",)

    def argv(self, job: Job) -> list[str]:
        return ["start", str(job.ranks), *job.command]

    def keep_apart(self, jobs, layout, hosts):
        return [("--apart",)] * jobs
'''
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "0",
    "OMPI_COMM_WORLD_SIZE": "1",
    "OMPI_COMM_WORLD_LOCAL_RANK": "0",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "1",
}
ENVIRON = {"START_RANK": "3", "START_SIZE": "4", "START_LOCAL_RANK": "1", "START_LOCAL_SIZE": "2"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose files are launchers too."""
    before = set(sys.modules)
    monkeypatch.setattr(launchers, "__path__", [*launchers.__path__, str(tmp_path)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    remembered = (launchers._load, rank._warn_of_broken_launchers)
    for each in remembered:
        each.cache_clear()
    yield tmp_path
    for each in remembered:
        each.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith(f"{launchers.__name__}."):
            del sys.modules[name]
            vars(launchers).pop(name.rpartition(".")[2], None)


def test_a_new_file_is_a_launcher(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert detect_rank(ENVIRON) is ALONE
    (folder / "start.py").write_text(NEW)
    assert "start" in launcher_names()
    assert get_launcher("start").argv(Job(4, ("x",))) == ["start", "4", "x"]
    assert detect_rank(ENVIRON) == Rank(3, 4, 1, 2, "start")
    assert [part.options for part in divide_nodes(2, "start", Layout(2, 1, 2), ())] == [("--apart",)] * 2
    assert main(["launch", "--launcher", "start", "--ranks", "2", "--dry-run", "--", "--rung", "stemdl_smoke"]) == 0
    assert capsys.readouterr().out.startswith("start 2 ")
    for command in ("launch", "run"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert "start," in capsys.readouterr().out.split("--launcher {")[1].split("}")[0]


def test_every_launcher_has_an_order_of_its_own() -> None:
    orders = [launcher.order for launcher in every_launcher()]
    assert len(set(orders)) == len(orders)


BROKEN = {
    "does not parse": ("def", "SyntaxError"),
    "imports what is not there": (
        "import nothing_of_this_name",
        "ModuleNotFoundError: No module named 'nothing_of_this",
    ),
    "ends the process": ("raise SystemExit(0)", "SystemExit: 0"),
    "raises": ("1 / 0", "ZeroDivisionError"),
    "is empty": ("", "it holds 0 of them"),
    "has only others' classes": ("from benchmark.launch.launchers.srun import Srun", "it holds 0 of them"),
    "has two": (NEW + NEW.replace("class Start(", "class Other("), "it holds 2 of them"),
    "has no argv": (NEW.replace("def argv", "def words"), "Start has no argv"),
    "has another's name": (NEW.replace('"start"\n', '"srun"\n'), "Start has the name 'srun'"),
    "has no name": (NEW.replace('name = "start"', ""), "Start has the name None"),
    "has no order": (NEW.replace("order = 33", ""), "Start has no order"),
    "has a text for names": (NEW.replace('("START_RANK",)', '"START_RANK"'), "Start.rank is not a tuple"),
    "has no names": (NEW.replace('("START_LOCAL_SIZE",)', "()"), "Start.local_size is not a tuple"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_named(
    fault: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text, says = BROKEN[fault]
    (folder / "start.py").write_text(text)
    with pytest.raises(StemdlError) as caught:
        get_launcher("start")
    assert says in str(caught.value) and str(folder / "start.py") in str(caught.value)
    assert "take it out of the folder" in caught.value.remedy
    assert get_launcher("srun").argv(Job(2, ("x",)))[0] == "srun", "nobody else is disturbed"
    assert main(["list", "--rungs"]) == 0, "commands go on"
    (line,) = [each for each in capsys.readouterr().err.splitlines() if "Next: " not in each]
    assert line.startswith(f"WARNING: {folder / 'start.py'}: ") and says in line and "not be recognised" in line
    assert detect_rank({}) is ALONE and capsys.readouterr().err == "", "it is said once"
    assert detect_rank(OPEN_MPI).launcher == "mpirun"
    if "START_RANK" in text:  # passed over, each of its ranks would think that it is alone
        with pytest.raises(StemdlError, match=str(folder)):
            detect_rank(ENVIRON)
        for name, value in ENVIRON.items():
            monkeypatch.setenv(name, value)
        assert main(["run", "--rung", "stemdl_smoke"]) == 2
        output = capsys.readouterr()
        assert says in output.err and "Traceback" not in output.err and output.out == ""


@pytest.mark.parametrize("name", ["flx", "", "../srun", "__init__", "srun.py", "os"])
def test_an_unknown_name_loads_nothing(name: str) -> None:
    with pytest.raises(StemdlError, match="unknown launcher"):
        get_launcher(name)


def test_no_other_module_knows_a_launcher_by_name() -> None:
    """But mpirun, which the environment brings, and the one process that needs no launcher."""
    names = set(launcher_names()) - {"mpirun", "local"}
    named = {}
    for path in sorted(Path(benchmark.__file__).parent.rglob("*.py")):
        if path.parent.name != "launchers":
            words = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
            named |= {path.name: words & names} if words & names else {}
    assert named == {}
