"""The trainer of a run: the reference's, or one of a user's own, found by name and loaded when it is called."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import benchmark
from benchmark.foundation.errors import StemdlError, nearest
from benchmark.foundation.guests import line_of, mark_guest

ROOT = Path(benchmark.__file__).resolve().parents[1]
"""Where the packages of this version lie."""
HARNESS = "reference"
"""The package of the trainers that come with the harness."""
DEFAULT_FUNCTION, TASK_FUNCTION = "train", "make_task"


@dataclass(frozen=True)
class Trainer:
    """A function that makes one run: `function(request: RunRequest) -> bool`, whether the target was reached. Or one
    that makes a task, `function(schema, settings)`, for the benchmark's trainer to train: see reference/task.py.

    `module` is its dotted name; `file` is where it is, for one that is given as a file.
    """

    module: str
    function: str
    file: Path | None = None

    @classmethod
    def named(cls, name: str) -> Trainer:
        """The trainer of a name `module:function`, or `path/to/file.py:function`; without a function, `train`."""
        place, colon, function = name.rpartition(":")
        place, function = (place, function) if colon else (name, DEFAULT_FUNCTION)
        if place.endswith(".py"):
            return cls(Path(place).stem, function, Path(place))
        return cls(place, function)

    def __str__(self) -> str:
        return f"{self.module if self.file is None else self.file}:{self.function}"

    @property
    def package(self) -> str:
        """The name that its source goes by."""
        return self.module.partition(".")[0]

    def source(self) -> Path:
        """The folder of its package, or its file. Raises StemdlError where there is none."""
        if self.file is not None:
            if not self.file.is_file():
                nearby = sorted(each.name for each in self.file.parent.glob("*.py"))
                raise StemdlError(
                    "there is no such file",
                    where="--trainer",
                    found=self.file,
                    remedy=nearest(self.file.name, nearby) if nearby else None,
                )
            return self.file.resolve()
        own = ROOT / self.package
        if own.is_dir():
            return own
        spec = _spec(self.package)
        if spec is None or spec.origin is None:
            raise StemdlError(
                f"there is no module {self.package!r}",
                where="--trainer",
                expected="FILE.py:FUNCTION or MODULE:FUNCTION",
                remedy="name its file, or install its package into this environment",
            )
        path = Path(spec.origin).resolve()
        return path.parent if path.name == "__init__.py" else path

    def load(self) -> Callable[..., Any]:
        """The function. Raises StemdlError where its module cannot be imported, naming its line, or lacks it, and where
        it takes neither a request nor a schema and settings."""
        try:
            module = self._import()
        except StemdlError:
            raise
        except (Exception, SystemExit) as error:  # whatever a user's file does when it is imported
            raise StemdlError(
                "the trainer cannot be imported",
                where=line_of(error, self.source()) or self.source(),
                found=f"{type(error).__name__}: {error}",
            ) from error
        found: Callable[..., Any] | None = getattr(module, self.function, None)
        if not callable(found):
            names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
            raise StemdlError(
                f"the trainer has no function {self.function!r}",
                where=self.source(),
                remedy=f"--trainer {self}".replace(f":{self.function}", f":{TASK_FUNCTION}")
                if self.function == DEFAULT_FUNCTION and TASK_FUNCTION in names
                else nearest(self.function, names),
            )
        if not takes(found, 1) and not takes(found, 2):
            raise StemdlError(
                "the trainer does not take a request, nor a schema and settings",
                where=self.source(),
                expected=f"def {self.function}(request: RunRequest) -> bool, or def make_task(schema, settings)",
            )
        return found

    def require_possible(self, settings: Mapping[str, Any], train_samples: int, ranks: int) -> None:
        """Raises StemdlError for settings that it cannot train by on so many samples and ranks, where its module has a
        function `require_possible` that knows."""
        check = getattr(self._import(), "require_possible", None)
        if check is not None:
            check(settings, train_samples, ranks)

    def answerer(self) -> Callable[..., Any]:
        """`answerer(checkpoint, benchmark, schema, settings, make_task)` of its module: what a checkpoint's model says
        of inputs. Raises StemdlError where its runs leave no model."""
        return self._of_model("answerer")

    def explainer(self) -> Callable[..., Any]:
        """`explainer(checkpoint, benchmark, schema, settings, make_task)` of its module: what a checkpoint's model
        looks at in an input. Raises StemdlError where its runs leave no model."""
        return self._of_model("explainer")

    def _of_model(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] | None = getattr(self._import(), name, None)
        if found is None:
            raise StemdlError("what this trainer trains cannot be asked again", where=self, expected=f"{name}(...)")
        return found

    def _import(self) -> ModuleType:
        self.source()
        if self.file is None:
            # What is installed comes first: the working directory may hold a `reference.py` of somebody's own.
            if importlib.util.find_spec(self.module.partition(".")[0]) is None and str(Path.cwd()) not in sys.path:
                sys.path.append(str(Path.cwd()))
            module = importlib.import_module(self.module)
            if self.package != HARNESS:
                mark_guest(module, f"the trainer {self.module}")
            return module
        path = self.file.resolve()
        known = sys.modules.get(self.module)
        if known is not None and getattr(known, "__file__", None) == str(path):
            return known
        taken = known is not None
        if (
            not taken and (other := importlib.util.find_spec(self.module)) is not None
        ):  # itself, where we are in its folder
            taken = other.origin is None or Path(other.origin).resolve() != path
        if taken:
            raise StemdlError(
                f"the name {self.module!r} is that of another module",
                where=path,
                remedy="give the file a name of its own",
            )
        spec = importlib.util.spec_from_file_location(self.module, path)
        assert spec is not None and spec.loader is not None, "its name ends in .py"
        module = importlib.util.module_from_spec(spec)
        mark_guest(module, f"the trainer {path.name}")
        sys.modules[self.module] = module
        sys.path.append(str(path.parent))  # for what lies next to it
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[self.module]
            raise
        return module


def takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function can be called with so many values and nothing else."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except (TypeError, ValueError):
        return False
    return True


def _spec(package: str) -> importlib.machinery.ModuleSpec | None:
    """The spec of a module that can be imported, or lies in the folder that we were called in."""
    try:
        return importlib.util.find_spec(package) or importlib.machinery.PathFinder.find_spec(package, [str(Path.cwd())])
    except (ImportError, ValueError):
        return None
