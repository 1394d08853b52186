"""Where tasks are found: those that are shipped, folders that --tasks or STEMDL_TASKS names, installed packages.

A task is a folder that holds `definition.yaml`. Its code lies in `recipe.py` (how its data are made), `task.py` (how a
model is trained) and, where it has them, `evaluate.py` (how a model is asked about measured inputs), `importer.py` (how
others' data become its own), `split.py` (how its units are split again), `explore.py` (a page about its data) and
`answers.py` (the parts of a run's page that are its own). Each is imported only where that is done: who judges reads
definitions alone.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmark.definition.benchmark import SHIPPED, Benchmark, read_benchmark
from benchmark.foundation.errors import StemdlError, nearest
from benchmark.foundation.guests import line_of, mark_guest

DEFINITION = "definition.yaml"
RECIPE, TASK, EVALUATE, ANSWERS = "recipe", "task", "evaluate", "answers"
IMPORTER, SPLIT, EXPLORE, FORMAT_1 = "importer", "split", "explore", "format_1"
VARIABLE, ENTRY_POINTS = "STEMDL_TASKS", "stemdl.tasks"
_HALF = {TASK: "reference.tasks"}
"""The packages of a shipped task's modules that lie in another folder than its definition."""


@dataclass(frozen=True)
class TaskPlace:
    """Where a task lies. `package` is what it is imported as; empty for a plain folder and for shipped tasks."""

    name: str
    folder: Path
    package: str = ""

    @property
    def definition(self) -> Path:
        """The file of its definition."""
        return self.folder / DEFINITION

    @property
    def shipped(self) -> bool:
        """Whether it is one of this package's."""
        return self.folder.parent == SHIPPED

    def benchmark(self) -> Benchmark:
        """What its definition says. Raises StemdlError naming the file and key that is wrong."""
        return _read(self.definition, self.name)

    def brings(self, part: str) -> bool:
        """Whether its folder holds that part. Nothing is imported."""
        return (self.folder / f"{part}.py").is_file()

    def code(self, part: str) -> ModuleType:
        """Its module of that name (`recipe`, `task`, ...), imported. Raises StemdlError where it has none, or it cannot
        be imported."""
        if self.shipped:
            name = f"{_HALF.get(part, 'benchmark.tasks')}.{self.name}.{part}"
        else:
            name = f"{self.package or _package_of(self.folder)}.{part}"
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name or self.brings(part):
                raise _broken(self, part, error) from error
            having = ", ".join(other.name for other in places().values() if other.brings(part))
            raise StemdlError(
                f"the task {self.name} brings no {part}.py",
                where=self.folder,
                found=f"tasks that bring one: {having or 'none'}",
                remedy=f"add {part}.py to its folder (docs/add_a_benchmark.md)",
            ) from error
        except (Exception, SystemExit) as error:  # whatever a task's own code does when it is imported
            raise _broken(self, part, error) from error
        if not self.shipped:
            mark_guest(module, f"the task {self.name}")
        return module

    def function(self, part: str, name: str) -> Callable[..., Any]:
        """A function of one of its modules. Raises StemdlError as `code` does, and where the module lacks it."""
        module = self.code(part)
        found: Callable[..., Any] | None = getattr(module, name, None)
        if not callable(found):
            own = [key for key, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
            raise StemdlError(
                f"the task {self.name} has no function {name}",
                where=self.folder / f"{part}.py",
                expected=f"def {name}(...)",
                remedy=nearest(name, own) if own else None,
            )
        return found


def _broken(place: TaskPlace, part: str, error: BaseException) -> StemdlError:
    return StemdlError(
        f"the {part} of the task {place.name} cannot be imported",
        where=line_of(error, place.folder) or place.folder / f"{part}.py",
        found=f"{type(error).__name__}: {error}",
    )


def options_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names that a task's function can be given besides what it is of: its keyword-only parameters."""
    parameters = inspect.signature(function).parameters.values()
    return tuple(each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY)


def require_options(place: TaskPlace, made: str, function: Callable[..., Any], options: Iterable[str]) -> None:
    """Raises StemdlError for options of the command line that the task's `function`, by which `made` is made, does not
    take."""
    if unknown := sorted(set(options) - inspect.signature(function).parameters.keys()):
        option = f"--{unknown[0].replace('_', '-')}"
        raise StemdlError(
            f"{made} of the task {place.name} are not made with {option}", where=option, remedy="leave it out"
        )


def _package_of(folder: Path) -> str:
    """The name under which a plain folder's modules are imported; in it they find each other by relative imports.

    Another folder of that name, known to this process before, is forgotten."""
    name = f"stemdl_task_{folder.name}"
    if name not in sys.modules or sys.modules[name].__path__ != [str(folder)]:
        for known in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
            del sys.modules[known]
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name


def add_folders(folders: Sequence[Path]) -> None:
    """Folders of tasks for this process and all that it starts, before those that are named already."""
    named = [str(folder.absolute()) for folder in folders]
    os.environ[VARIABLE] = os.pathsep.join([*named, *filter(None, [os.environ.get(VARIABLE)])])


def environment_elsewhere() -> dict[str, str]:
    """This process's environment for one that works in another folder: those of tasks have absolute paths."""
    named = filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
    return {**os.environ, VARIABLE: os.pathsep.join(str(Path(folder).absolute()) for folder in named)}


def places() -> Mapping[str, TaskPlace]:
    """All tasks by name. Raises StemdlError where two have one name, or a folder that is named holds none."""
    return _places(os.environ.get(VARIABLE, ""))


@functools.cache
def _places(variable: str) -> Mapping[str, TaskPlace]:
    found: dict[str, TaskPlace] = {}
    for place in _all(variable):
        before = found.setdefault(place.name, place)
        if before.folder.resolve() != place.folder.resolve():
            raise StemdlError(
                f"two tasks are called {place.name!r}",
                where=place.folder,
                found=f"the other is {before.folder}",
                remedy="rename one folder, or leave it out",
            )
    return found


def _all(variable: str) -> Iterator[TaskPlace]:
    yield from (TaskPlace(path.parent.name, path.parent) for path in sorted(SHIPPED.glob(f"*/{DEFINITION}")))
    for entry in filter(None, variable.split(os.pathsep)):
        folder = Path(entry)
        own = [folder / DEFINITION] if (folder / DEFINITION).is_file() else sorted(folder.glob(f"*/{DEFINITION}"))
        if not own:
            raise StemdlError(
                "no task lies here", where=folder, expected=f"{DEFINITION}, or folders that hold one", found="none"
            )
        yield from (TaskPlace(path.resolve().parent.name, path.resolve().parent) for path in own)
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        top, *below = point.value.split(".")
        for location in _locations_of(top)[:1]:
            yield TaskPlace(point.name, Path(location, *below), point.value)


def _locations_of(package: str) -> list[str]:
    """Where the modules of a package lie; nowhere, if there is none. Nothing is imported for it, as it would be for a
    package that lies within another."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # ValueError: an empty name, or a module that says nothing of itself
        return []
    return list(spec.submodule_search_locations or ()) if spec is not None else []


@functools.cache
def _read(path: Path, name: str) -> Benchmark:
    try:
        return read_benchmark(path, name)
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:  # whatever YAML can hold
        raise StemdlError("the benchmark's definition cannot be read", where=path, found=repr(error)) from error


def find_task(name: str) -> TaskPlace:
    """The task of that name. Raises StemdlError with the nearest known name."""
    known = places()
    if name not in known:
        raise StemdlError(f"there is no task {name!r}", remedy=nearest(name, known))
    return known[name]


def load_benchmark(task: str) -> Benchmark:
    """What the definition of a task says. Raises as `find_task` and `TaskPlace.benchmark` do."""
    return find_task(task).benchmark()


def readable() -> dict[str, Benchmark]:
    """Every task whose definition is sound: one that is not disturbs nobody who asks for another."""
    found = {}
    for name, place in places().items():
        try:
            found[name] = place.benchmark()
        except StemdlError:
            continue
    return found


def benchmark_with(rung: str) -> Benchmark | None:
    """The benchmark that has a rung of that name; None where no sound definition does. Raises StemdlError where two
    have it."""
    having = [found for found in readable().values() if rung in found.rungs]
    if len(having) > 1:
        tasks = ", ".join(str(find_task(each.task).folder) for each in having)
        raise StemdlError(f"several tasks have a rung {rung!r}", found=tasks, remedy="leave one of them out")
    return having[0] if having else None


def benchmark_of(rung: str) -> Benchmark:
    """The benchmark that has a rung of that name. Raises StemdlError with the nearest known name, or where two have it;
    a definition that is wrong says so where it has the rung, and is named where nobody has it."""
    if (found := benchmark_with(rung)) is not None:
        return found
    known = readable()
    wrong = [place for name, place in places().items() if name not in known]
    for place in wrong:
        if place.definition.is_file() and f"{rung}:".encode() in place.definition.read_bytes():
            place.benchmark()  # raises what is wrong with it
    unread = ", ".join(str(place.definition) for place in wrong)
    raise StemdlError(
        f"there is no rung {rung!r}",
        where="--rung",
        found=f"{unread} cannot be read" if wrong else None,
        remedy=nearest(rung, [name for one in known.values() for name in one.rungs]),
    )
