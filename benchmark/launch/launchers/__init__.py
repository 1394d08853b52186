"""Every launcher, a file each: a new one is a file here with one subclass of `Launcher`, and nothing else changes."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil

from benchmark.foundation.errors import StemdlError, nearest
from benchmark.launch.launcher import Job, Launcher

__all__ = [
    "Job",
    "Launcher",
    "broken_launchers",
    "every_launcher",
    "get_launcher",
    "launcher_names",
    "names_keeping_jobs_apart",
]


def launcher_names() -> list[str]:
    """Their names, in alphabetical order; loads none of them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get_launcher(name: str) -> Launcher:
    """The launcher of that name; raises StemdlError for an unknown one, and where its file is broken."""
    if name not in launcher_names():
        raise StemdlError(f"unknown launcher {name!r}", remedy=nearest(name, launcher_names()))
    loaded = _load(name)
    if isinstance(loaded, StemdlError):
        raise loaded
    return loaded


def names_keeping_jobs_apart() -> list[str]:
    """The launchers that can start several jobs at the same time on the nodes of an allocation."""
    return [launcher.name for launcher in every_launcher() if launcher.keeps_jobs_apart]


def every_launcher() -> list[Launcher]:
    """All whose files are sound."""
    return [loaded for name in launcher_names() if isinstance(loaded := _load(name), Launcher)]


def broken_launchers() -> dict[str, StemdlError]:
    """The others, by name, each with what is wrong with its file."""
    return {name: loaded for name in launcher_names() if isinstance(loaded := _load(name), StemdlError)}


@functools.cache
def _load(name: str) -> Launcher | StemdlError:
    """The launcher of that file, or what is wrong with it."""
    module_name = f"{__name__}.{name}"
    remedy = "mend the file, or take it out of the folder"
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the file does, it is named
        where = importlib.util.find_spec(module_name)
        return StemdlError(
            f"the launcher {name} cannot be loaded",
            where=where.origin if where else name,
            found=f"{type(error).__name__}: {error}",
            remedy=remedy,
        )
    classes = [each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == module_name]
    launchers = [each for each in classes if issubclass(each, Launcher)]
    fault = _fault(name, launchers)
    if fault is not None:
        return StemdlError(
            f"this is not the file of a launcher: {fault}",
            where=module.__file__,
            expected="one subclass of benchmark.launch.launcher.Launcher with "
            f"name = {name!r}, order, rank, size, local_rank, local_size (or count_local) and argv",
            remedy=remedy,
        )
    return launchers[0]()


def _fault(name: str, launchers: list[type[Launcher]]) -> str | None:
    """What is wrong with the classes in a launcher's file."""
    if len(launchers) != 1:
        return f"it holds {len(launchers)} of them"
    launcher = launchers[0]
    if inspect.isabstract(launcher):
        return f"{launcher.__name__} has no argv"
    if getattr(launcher, "name", None) != name:
        return f"{launcher.__name__} has the name {getattr(launcher, 'name', None)!r}"
    if type(getattr(launcher, "order", None)) is not int:
        return f"{launcher.__name__} has no order"
    numbers = ["rank", "size", "local_rank"]
    numbers += ["local_size"] if launcher.count_local is Launcher.count_local else []
    for number in numbers:
        names = getattr(launcher, number, ())
        if not names or not isinstance(names, tuple) or not all(isinstance(each, str) for each in names):
            return f"{launcher.__name__}.{number} is not a tuple of variables' names"
    return None
