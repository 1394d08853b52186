"""The settings of a run: what the closed division allows, and that batch, steps and counts fit each other."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.definition.dealing import steps_of_epoch
from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, as_count

LEAST_WAY = 0.005
"""How far all steps together take a weight at least, of weights of some hundredths. The reference's take 1 and more."""
OF_THE_LAUNCH = {"ranks", "launcher"}
"""What the trainer adds to its settings: how it was started."""

SAME = {
    "global_batch_size": keys.GLOBAL_BATCH_SIZE,
    "learning_rate": keys.OPT_BASE_LR,
    "weight_decay": keys.OPT_WEIGHT_DECAY,
}
"""Settings of `config` that have a key of their own."""
TOLD = {"weight_decay": keys.OPT_WEIGHT_DECAY, "warmup_fraction": keys.OPT_LR_WARMUP_STEPS}
"""Settings of the reference that have an event of their own; a trainer of somebody else's need not use them."""


@check("R5.1", of=Log)
def closed_settings(log: Log) -> Iterator[Fault]:
    """A closed run differs from the reference in nothing but what the definition lets it tune."""
    standard = log.standard
    if standard is None or not log.closed:
        return
    settings = log.settings()
    config = next(iter(log.of(keys.CONFIG)), None)
    for name, allowed in standard.fixed.items():
        said = [(event.value, event.line) for event in log.of(name)]
        if not said and config is not None and name in settings:
            said = [(settings[name], config.line)]
        for value, line in said:
            if not any(same(value, each) for each in allowed):
                yield Fault(
                    f"{name} is not the reference's",
                    line=line,
                    expected=" or ".join(map(shown, allowed)),
                    found=shown(value),
                    hint="the open division is free to change it",
                )
    if log.ours and config is not None:
        for name in settings.keys() - {*standard.fixed, *standard.tunable, *standard.free, *OF_THE_LAUNCH}:
            yield Fault(
                f"{shown(name)} is not a setting of the reference",
                line=config.line,
                found=shown(settings[name]),
                expected="the settings that the definition lists",
                hint="the open division is free to add settings",
            )
        for name in {*standard.fixed, *standard.tunable} - {*settings, *standard.implied_by_older_logs, *log.by_key}:
            yield Fault(f"config does not say {name}", line=config.line, expected="every setting of the trainer")


def same(value: object, other: object) -> bool:
    """Equal, true and 1 told apart, 1 and 1.0 not."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


@check("R5.3", of=Log, ours_alone=True)
def precision_allowed(log: Log) -> Iterator[Fault]:
    """The precision is logged, and one of those that are allowed."""
    precision = log.settings().get("precision")
    if log.standard is not None and precision not in log.standard.precisions:
        yield Fault(
            "the precision is not allowed",
            line=_line(log.of(keys.CONFIG)),
            found=shown(precision),
            expected=" or ".join(log.standard.precisions),
        )


@check("R4.8", of=Log, ours_alone=True)
def settings_agree(log: Log) -> Iterator[Fault]:
    """What config says, what is logged under a key of its own, and the file of settings next to the log are the
    same."""
    settings = log.settings()
    if log.config is not None and log.config.values != settings:
        differ = sorted(
            map(
                str,
                {
                    name
                    for name in {*settings, *(log.config.values or {})}
                    if settings.get(name) != (log.config.values or {}).get(name)
                },
            )
        )
        yield Fault(
            "the file of settings is not what the log says",
            file=log.config.file,
            expected="the value of config in the log",
            found=log.config.fault or ", ".join(differ[:12]),
        )
    for name, key in TOLD.items():
        if log.closed and name in settings and not log.of(key):
            yield Fault(f"{key} is missing", expected=f"one such event, as config has {name}")
    for name, key in SAME.items():
        for event in log.of(key):
            if name in settings and settings[name] != event.value:
                yield Fault(
                    f"{key} differs from the settings",
                    line=event.line,
                    found=shown(event.value),
                    expected=f"{shown(settings[name])}, as {name} in config",
                )
    epochs, most = len(log.of(keys.EPOCH_STOP)), log.setting("max_epochs")
    if most is not None and epochs > most:
        yield Fault(
            "the run has more epochs than it was allowed",
            line=log.of(keys.EPOCH_STOP)[-1].line,
            expected=f"at most {most:g}, as max_epochs in config",
            found=str(epochs),
        )


@check("R3.11", of=Log, ours_alone=True)
def steps_are_long_enough(log: Log) -> Iterator[Fault]:
    """A network that learned was moved: AdamW moves a weight by the learning rate in a step, hardly more (Kingma and Ba
    2015, section 2.1)."""
    rate, name = log.number(keys.OPT_BASE_LR), str(log.value(keys.OPT_NAME)).lower()
    steps = max((as_count(event.metadata.get("step_num")) or 0 for event in log.of(keys.TRACKED_STATS)), default=0)
    if log.stop is None or log.stop.metadata.get(keys.STATUS) != keys.SUCCESS or "adam" not in name:
        return
    if rate is not None and steps and rate * steps < LEAST_WAY:
        yield Fault(
            "the network learned by steps that move no weight",
            line=_line(log.of(keys.OPT_BASE_LR)),
            expected=f"a learning rate that comes to {LEAST_WAY:g} or more in {steps} steps",
            found=f"{shown(rate)}: {rate * steps:.1e} in all of them",
            severity=Severity.WARNING,
        )


@check("R4.7", of=Log, ours_alone=True)
def batch_fits_the_ranks(log: Log) -> Iterator[Fault]:
    """One global batch, at least a sample for each rank, whole in each accumulated step; ranks fill nodes and GPUs."""
    batch, ranks = as_count(log.value(keys.GLOBAL_BATCH_SIZE)), as_count(log.settings().get("ranks"))
    line = _line(log.of(keys.GLOBAL_BATCH_SIZE))
    pieces = as_count(log.value(keys.GRADIENT_ACCUMULATION_STEPS))
    nodes, per_node = as_count(log.value(keys.NUMBER_OF_NODES)), as_count(log.value(keys.ACCELERATORS_PER_NODE))
    if ranks is None or ranks < 1:
        yield Fault(
            "config does not say the number of ranks",
            line=_line(log.of(keys.CONFIG)),
            expected="a whole number above 0",
            found=shown(log.settings().get("ranks")),
        )
        return
    if batch is not None and pieces and (batch < ranks * pieces or batch % pieces):
        yield Fault(
            "the global batch does not fit the ranks and the accumulated steps",
            line=line,
            expected=f"a multiple of {pieces}, at least {ranks * pieces}",
            found=str(batch),
        )
    if nodes and ranks % nodes:
        yield Fault(
            "the ranks do not fill the nodes",
            line=_line(log.of(keys.NUMBER_OF_NODES)),
            expected=f"a number that divides {ranks} ranks",
            found=str(nodes),
        )
    if nodes and per_node and ranks != nodes * per_node:
        yield Fault(
            "there is not one rank for each accelerator",
            line=_line(log.of(keys.ACCELERATORS_PER_NODE)),
            expected=f"{ranks} accelerators",
            found=f"{nodes} x {per_node}",
        )


@check("R4.7", of=Log, ours_alone=True)
def steps_are_whole_batches(log: Log) -> Iterator[Fault]:
    """The samples seen are whole global batches, the same number each epoch: of a closed run as many as the train
    split holds for these ranks. Steps and warm-up follow from them."""
    batch = as_count(log.value(keys.GLOBAL_BATCH_SIZE))
    if not batch or batch < 1 or not log.metrics:
        return
    steps: int | None = _steps_of_the_reference(log) if log.closed else None
    for event in log.metrics:
        epoch = as_count(event.metadata.get(keys.EPOCH_NUM))
        count = as_count(event.metadata.get(keys.SAMPLES_COUNT))
        if not epoch or epoch < 1:
            continue
        if steps is None and count is not None and count > 0 and count % (batch * epoch) == 0:
            steps = count // (batch * epoch)
        if steps is None or count != epoch * steps * batch:
            yield Fault(
                "the samples seen by this epoch are not its whole batches",
                line=event.line,
                expected=f"{epoch} x {steps} x {batch}" if steps else f"a multiple of {epoch} x {batch}",
                found=shown(event.metadata.get(keys.SAMPLES_COUNT)),
            )
    for event in log.of(keys.TRACKED_STATS):
        epoch, step = as_count(event.metadata.get(keys.EPOCH_NUM)), as_count(event.metadata.get("step_num"))
        if steps and epoch and step != epoch * steps:
            yield Fault(
                "the number of steps is not that of the epochs",
                line=event.line,
                expected=f"{epoch} x {steps}",
                found=shown(step),
            )
    share, epochs = log.setting("warmup_fraction"), log.setting("max_epochs")
    for event in log.of(keys.OPT_LR_WARMUP_STEPS):
        if (
            steps
            and share is not None
            and epochs is not None
            and as_count(event.value) != round(share * epochs * steps)
        ):
            yield Fault(
                "the warm-up is not that of the settings",
                line=event.line,
                found=shown(event.value),
                expected=f"{round(share * epochs * steps)}: {share:g} of {epochs:g} x {steps} steps",
                severity=Severity.ERROR if log.closed else Severity.WARNING,
            )


def _steps_of_the_reference(log: Log) -> int | None:
    """How many whole global batches all ranks can make of their parts of the train split."""
    batch, samples = as_count(log.value(keys.GLOBAL_BATCH_SIZE)), as_count(log.value(keys.TRAIN_SAMPLES))
    ranks = as_count(log.settings().get("ranks"))
    if not batch or not samples or not ranks or not 0 < ranks <= batch <= samples:
        return None
    return steps_of_epoch(samples, batch, ranks)


def _line(events: list[Event]) -> int | None:
    return events[0].line if events else None
