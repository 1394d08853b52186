"""On which software the ranks of a run ran, and on which devices: told, and as the log says elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmark import __version__
from benchmark.events import keys
from benchmark.launch.rank import ALONE
from benchmark.launch.system import ABSENT, VERSIONED
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, as_count

SOFTWARE = ("python", "MPI", *VERSIONED)
OF_ACCELERATORS = ("CUDA", "ROCm", "NCCL")
OLDEST = {
    "python": (3, 10),
    "torch": (2, 2),
    "numpy": (1, 26),
    "h5py": (3, 8),
    "spglib": (2, 7),
    "gemmi": (0, 7),
    "mpi4py": (4, 0),
    "mlperf-logging": (4, 1),
}
"""What this software asks for: setup.cfg."""
NEEDS_PYTHON = {"numpy": ((2, 3), (3, 11)), "torch": ((2, 9), (3, 10))}
"""From which version on a package asks for which Python (its `requires-python`)."""
HARNESS = "stemdl-benchmark"
_VERSION = re.compile(r"[^\s].*[0-9].*|" + re.escape(ABSENT))


def _numbers(version: object) -> tuple[int, ...]:
    """The numbers of a version before its first other word."""
    told = re.match(r"\d{1,9}(\.\d{1,9}){0,3}", version) if isinstance(version, str) else None
    return tuple(map(int, told[0].split("."))) if told else ()


@check("R7.6", of=Log, ours_alone=True)
def software_is_told(log: Log) -> Iterator[Fault]:
    """The versions name all that a result depends on, and what the settings say was used is among it; devices are
    names."""
    event = next(iter(log.of(keys.VERSIONS)), None)
    if event is None or not isinstance(event.value, dict):
        return  # R4.8 says so
    versions, settings = event.value, log.settings()
    for name in sorted({*versions, *(SOFTWARE if log.closed else ())}, key=str):
        if not isinstance(versions.get(name), str) or not _VERSION.fullmatch(versions[name]):
            yield Fault(
                f"the version of {shown(name)} says nothing",
                line=event.line,
                expected=f"a version, or {ABSENT!r}",
                found=shown(versions.get(name)),
            )
    unknown = sorted({*map(str, versions)} - {*SOFTWARE, *OF_ACCELERATORS})
    if log.closed and unknown:
        yield Fault(
            "the versions are of software that no release names",
            line=event.line,
            expected=", ".join((*SOFTWARE, *OF_ACCELERATORS)),
            found=", ".join(map(shown, unknown[:6])),
            severity=Severity.WARNING,
        )
    used = {"torch": log.closed, "horovod": settings.get("comm") == "horovod", "mpi4py": False}
    used["MPI"] = settings.get("comm") == "horovod" and settings.get("launcher") == "mpirun"
    for name, was in used.items():
        if was and versions.get(name, ABSENT) == ABSENT:
            yield Fault(
                f"the run used {name}, which was not installed",
                line=event.line,
                expected=f"the version of {name}",
                found=shown(versions.get(name)),
            )
    for name, oldest in OLDEST.items():
        if () < _numbers(versions.get(name)) < oldest:
            yield Fault(
                f"this software does not run on that {'Python' if name == 'python' else name}",
                line=event.line,
                expected=f"at least {'.'.join(map(str, oldest))}",
                found=shown(versions[name]),
                severity=Severity.ERROR if name == "python" else Severity.WARNING,
            )
    python = _numbers(versions.get("python"))
    for name, (version, needed) in NEEDS_PYTHON.items():
        if _numbers(versions.get(name)) >= version and () < python < needed:
            yield Fault(
                f"that {name} does not run on that Python",
                line=event.line,
                expected=f"Python {'.'.join(map(str, needed))} or later with {name} {shown(versions[name])}",
                found=shown(versions["python"]),
                severity=Severity.WARNING,
            )
    if _numbers(versions.get(HARNESS)) > _numbers(__version__):
        yield Fault(
            "this software is older than the release that the run says it was made with",
            line=event.line,
            expected=f"at most {HARNESS} {__version__}",
            found=shown(versions[HARNESS]),
            severity=Severity.WARNING,
            hint="a release is judged by itself or a later one",
        )
    device, torch = str(settings.get("device")), str(versions.get("torch"))
    built = sorted({*OF_ACCELERATORS} & versions.keys())
    if built and torch.endswith("+cpu"):
        yield Fault(
            "a PyTorch for CPUs was built with no library of accelerators",
            line=event.line,
            expected=f"no {built[0]} beside it",
            found=f"torch {shown(versions.get('torch'))}, {built[0]} {shown(versions[built[0]])}",
            severity=Severity.WARNING,
        )
    if device.startswith("cuda") and (torch.endswith("+cpu") or not {"CUDA", "ROCm"} & versions.keys()):
        yield Fault(
            "the run computed on an accelerator with a PyTorch for CPUs",
            line=event.line,
            expected="a PyTorch with CUDA or ROCm, and which",
            found=f"torch {shown(versions.get('torch'))} on {shown(device)}",
        )
    for each in log.of(keys.DEVICES):
        names = each.value if isinstance(each.value, list) else []
        if not names or not all(isinstance(name, str) and any(map(str.isalnum, name)) for name in names):
            yield Fault(
                "the devices are not named", line=each.line, expected="a name for each", found=shown(each.value)
            )
        elif len(names) > 1 and torch.endswith("+cpu"):
            yield Fault(
                "a PyTorch for CPUs knows no devices but the processor",
                line=each.line,
                expected="one name",
                found=shown(each.value),
            )
    ranks = as_count(settings.get("ranks"))
    for name, alone in (("comm", "solo"), ("launcher", ALONE.launcher)):
        if ranks is not None and ranks > 1 and settings.get(name) == alone:
            yield Fault(
                f"{ranks} ranks were joined by what a single one has",
                line=next(iter(log.of(keys.CONFIG)), event).line,
                expected=f"another {name}",
                found=f"{name} {alone}",
            )
