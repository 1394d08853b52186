"""The values of a run's settings: each of the type and within the bounds that the trainer takes, and resolved."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from benchmark.definition.setting import Setting
from benchmark.definition.settings import BACKENDS
from benchmark.events import keys
from benchmark.foundation.errors import StemdlError
from benchmark.validation.finding import Fault, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, as_count

OF_OLDER_LOGS = {"check_hashes": Setting("check_hashes", False)}
"""Settings that released trainers had and this one has no more."""
NOBODY_HEARS = {"KILL", "STOP"}
"""Signals that no program can wait for."""
_DEVICE = re.compile(r"cpu|cuda(:\d{1,4})?")
RESOLVED: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "comm": (lambda value: value in BACKENDS, " or ".join(BACKENDS)),
    "device": (lambda value: isinstance(value, str) and _DEVICE.fullmatch(value) is not None, "cpu, or cuda:0 ..."),
    "threads_per_rank": (lambda value: 0 < (as_count(value) or 0) < 100_000, "a whole number above 0"),
}
"""Settings that may be left open, and what a log has in their place once the ranks have found it."""


@check("R4.14", of=Log, ours_alone=True)
def settings_may_be(log: Log) -> Iterator[Fault]:
    """Each setting is one that the trainer would have taken; what was left open is resolved."""
    settings, standard = log.settings(), log.standard
    config = next(iter(log.of(keys.CONFIG)), None)
    if config is None or standard is None:
        return
    known = {**standard.settings, **OF_OLDER_LOGS}
    for name, value in settings.items():
        if name in RESOLVED:
            sound, expected = RESOLVED[name]
            reason = "" if sound(value) else f"{name} is not resolved, or has no such choice"
        elif name in known:
            reason, expected = _reason(known[name], value)
        else:
            continue  # R5.1 asks about it
        if reason:
            yield Fault(reason, line=config.line, expected=expected, found=shown(value))
    yield from _words(log, config.line)
    for name, sound, expected in (
        ("ranks", (as_count(settings.get("ranks")) or 0) > 0, "a whole number above 0"),
        ("launcher", isinstance(settings.get("launcher"), str) and settings["launcher"] != "", "what began the ranks"),
    ):
        if not sound and (log.closed or name in settings):
            yield Fault(
                f"config does not say {name}", line=config.line, expected=expected, found=shown(settings.get(name))
            )


def _reason(setting: Setting, value: object) -> tuple[str, str]:
    """Why a setting may not have a value, and what it may have; empty where it may."""
    if isinstance(setting.default, float) and type(value) is not float:
        return f"{setting.name} has the wrong type", "a number with a point, as the trainer writes it"
    if type(setting.default) is int and type(value) is float:
        return f"{setting.name} has the wrong type", "a whole number without a point, as the trainer writes it"
    try:
        setting.checked(value, "config")
    except StemdlError as error:
        expected = error.expected if error.expected is not None else type(setting.default).__name__
        return error.what, str(expected)
    return "", ""


def _words(log: Log, line: int) -> Iterator[Fault]:
    """Settings whose texts have a form: signals, a folder, who runs it on what."""
    settings = log.settings()
    signals = settings.get("warning_signals")
    told = signals.split() if isinstance(signals, str) else []
    if odd := [each for each in told if each in NOBODY_HEARS or not hasattr(signal, f"SIG{each}")]:
        yield Fault("warning_signals has no such signal", line=line, expected="TERM USR1 ...", found=shown(odd))
    stage = settings.get("stage")
    if isinstance(stage, str) and (PurePosixPath(stage).suffix or "\n" in stage):
        yield Fault("stage is the name of a file", line=line, expected="a folder, or nothing", found=shown(stage))
    platform, devices = settings.get("platform"), log.value(keys.DEVICES)
    wanted = platform or (devices[0] if isinstance(devices, list) and devices else None)
    for event in log.of(keys.SUBMISSION_PLATFORM):
        if isinstance(platform, str) and wanted is not None and event.value != wanted:
            yield Fault(
                f"{keys.SUBMISSION_PLATFORM} is not the platform of the settings",
                line=event.line,
                expected=shown(wanted) + (", the first device" if not platform else ", as platform in config"),
                found=shown(event.value),
                rule="R4.8",
            )
