"""A training step on the card, piece by piece: bare, as the reference does it, compiled, as a graph, in bfloat16; and
what feeds it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from benchmark.data.reader import Part
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import Storage
from benchmark.definition.sample import SampleSchema
from benchmark.definition.settings import Settings, read_settings
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.cbed_fields import sample_schema
from performance.gpu.step import Figures, Item, Step, StepSetting
from performance.gpu.timing import busy, median_seconds, peak_mib
from performance.read import write_shards
from reference.average import average_of
from reference.input import Augment, TrainingSamples
from reference.optimizer import make_optimizer
from reference.samples import SamplesInMemory, SamplesStreamed
from reference.step import step
from reference.tasks.space_group.task import make_task

RUNG = "stemdl_mini"
SAMPLES = {64: 3500, 128: 2048, 512: 256}
"""In the shards that input is read from, by pixels."""
STEPS_COMPARED = 10


@dataclass(frozen=True)
class Variant:
    """How a step is done. `kind`: bare (a network, a loss and an optimizer of torch), reference, compiled, or graph.

    `precision`: fp32, bf16, or tf32 (fp32 with convolutions of fewer bits, which the reference does not use).
    """

    kind: str
    precision: str

    @property
    def name(self) -> str:
        return f"{self.kind} step, {self.precision}"


VARIANTS = (
    *(Variant(kind, precision) for kind in ("bare", "reference", "graph") for precision in ("fp32", "bf16")),
    Variant("bare", "tf32"),
)
COMPILED = Variant("compiled", "bf16")


class Training:
    """A network with all that a step needs, from a fixed start, and one batch on the device."""

    def __init__(self, setting: StepSetting, pixels: int, batch: int, variant: Variant) -> None:
        self.device, self.variant = setting.device, variant
        torch.backends.cudnn.allow_tf32 = variant.precision == "tf32"
        precision = "bf16" if variant.precision == "bf16" else "fp32"
        self.config: Settings = read_settings(load_benchmark("space_group"), RUNG, None, (f"precision={precision}",))
        classes = CbedRung.of(load_benchmark("space_group").rung(RUNG)).classes
        torch.manual_seed(1)
        self.task = make_task(
            sample_schema(pixels, CbedRung.of(load_benchmark("space_group").rung(RUNG)).space_groups),
            self.config.to_dict(),
        )
        self.model: nn.Module = self.task.model.to(self.device)
        self.optimizer: Optimizer = make_optimizer(self.model, self.config)
        self.averaged = average_of(self.model, self.config.weight_averaging)
        generator = torch.Generator().manual_seed(2)
        self.patterns = (torch.rand(batch, 3, pixels, pixels, generator=generator) / pixels**2).to(self.device)
        self.labels = (torch.arange(batch) % classes).to(self.device)
        self.model.train()
        self.work = {
            "bare": self._bare,
            "reference": self._reference,
            "compiled": self._compiled,
            "graph": self._graph,
        }[variant.kind]

    def _bare(self) -> Callable[[], Tensor]:
        return partial(self._step, self.model)

    def _step(self, model: nn.Module) -> Tensor:
        self.optimizer.zero_grad()
        with torch.autocast(self.patterns.device.type, torch.bfloat16, enabled=self.variant.precision == "bf16"):
            logits = model(self.patterns)
        loss = F.cross_entropy(logits.float(), self.labels, label_smoothing=self.config.task["label_smoothing"])
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _reference(self) -> Callable[[], Tensor]:
        """With the running average of the weights, as `reference.train` does between two checks of the ranks."""

        def both() -> Tensor:
            batch = {"cbed_stack": self.patterns, "space_group": self.labels}
            loss = step(self.task, self.model, self.optimizer, batch, bf16=self.config.precision == "bf16")
            self.averaged.update_parameters(self.model)
            return loss

        return both

    def _compiled(self) -> Callable[[], Tensor]:
        backend = "inductor" if self.device != "cpu" else "eager"  # inductor's C++ takes a minute on a CPU
        return partial(self._step, torch.compile(self.model, backend=backend))

    def _graph(self) -> Callable[[], Tensor]:
        """The bare step captured once and replayed. On a CPU, where there are no graphs, it is the bare step."""
        if self.device == "cpu":
            return self._bare()
        for group in self.optimizer.param_groups:
            group["capturable"] = True
        start = {name: value.clone() for name, value in self.model.state_dict().items()}
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self._step(self.model)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self._step(self.model)
        self.model.load_state_dict(start)  # in place: the graph goes on with these tensors
        for state in self.optimizer.state.values():
            for value in state.values():
                value.zero_()

        def replay() -> Tensor:
            graph.replay()
            return loss.clone()

        return replay


def _measured(setting: StepSetting, pixels: int, batch: int, variant: Variant) -> Figures:
    """The loss after some steps of the same start tells whether the variants do the same."""
    training = Training(setting, pixels, batch, variant)
    work = training.work()
    loss = [float(work()) for _ in range(STEPS_COMPARED)][-1]
    seconds = median_seconds(work, setting.device, warm=1, repeats=setting.pick(50, 5))
    return {
        "samples/s": batch / seconds,
        "ms per step": 1e3 * seconds,
        f"loss of step {STEPS_COMPARED}": loss,
        **peak_mib(work, setting.device),
    }


def _busy(setting: StepSetting, pixels: int, batch: int) -> Figures:
    return busy(Training(setting, pixels, batch, Variant("reference", "fp32")).work(), setting.device)


def _input(setting: StepSetting, pixels: int, batch: int, encoding: str, name: str) -> Figures:
    """A pass over shards whose files the kernel holds, with the shuffling and flips of training, and no network."""
    with tempfile.TemporaryDirectory(dir=setting.work) as scratch:
        count = 2 * batch if setting.dry else SAMPLES[pixels]
        manifest = write_shards(Path(scratch) / "shards", pixels, count, Storage(encoding=encoding, filter=name))
        device = torch.device(setting.device)
        found = {}
        for kind, samples in (("held on the device", SamplesInMemory), ("streamed", SamplesStreamed)):
            training = TrainingSamples(
                samples(Part(manifest, "train", 0, 1), device), manifest.schema, _augment(manifest.schema), 1, 0
            )
            epoch = partial(_epoch, training, batch, count // batch)
            seconds = median_seconds(epoch, setting.device, warm=1, repeats=5)
            found[f"samples/s, {kind}"] = count // batch * batch / seconds
    return found


def _augment(schema: SampleSchema) -> Augment:
    return make_task(schema, read_settings(load_benchmark("space_group"), RUNG).to_dict()).augment


def _epoch(training: TrainingSamples, batch: int, steps: int) -> None:
    for _ in training.batches(1, batch, steps):
        pass


def items(setting: StepSetting) -> Iterator[Item]:
    setting.work.mkdir(parents=True, exist_ok=True)
    sizes = setting.pick({64: (32, 512), 128: (32, 256), 512: (32, 64)}, {32: (2,)})
    for pixels, batches in sizes.items():
        for batch in batches:
            for variant in VARIANTS:
                yield Item(
                    f"{pixels} pixels, batch {batch}, {variant.name}",
                    5,
                    partial(_measured, setting, pixels, batch, variant),
                )
            yield Item(
                f"{pixels} pixels, batch {batch}, where the time goes", 5, partial(_busy, setting, pixels, batch)
            )
        for encoding, name in setting.pick((("float32", "none"), ("log_uint8", "gzip")), (("float32", "none"),)):
            yield Item(
                f"{pixels} pixels, batch {batches[0]}, input from {encoding} with filter {name}",
                15,
                partial(_input, setting, pixels, batches[0], encoding, name),
            )
    for pixels, batches in sizes.items():  # last: compiling takes longest
        for batch in batches:
            yield Item(
                f"{pixels} pixels, batch {batch}, {COMPILED.name}",
                40,
                partial(_measured, setting, pixels, batch, COMPILED),
            )


STEP = Step("profile", "A training step, piece by piece", 200, items)
