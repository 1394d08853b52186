"""Submissions that say more, less or something else than can be of placement, software, system, settings and fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from changes import Change, add, describe, every_log, figure, put, setting, tell
from corpus import RESULTS, Mutation
from honest_run import Lines, at

from benchmark.events import keys

H100 = "NVIDIA H100 80GB HBM3"


def place(which: int, /, **changes: Any) -> Callable[[Lines], None]:
    """Something else of where one rank ran."""
    return lambda lines: lines[at(lines, keys.PLACEMENT)]["value"][which].update(changes)


def preflight(**changes: Any) -> Callable[[Lines], None]:
    return lambda lines: lines[at(lines, keys.PREFLIGHT)].update(
        value={**lines[at(lines, keys.PREFLIGHT)]["value"], **changes}
    )


def all_reduce(**changes: Any) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        told = lines[at(lines, keys.PREFLIGHT)]["value"]["figures"]["all_reduce"]
        figure(all_reduce={**told, **changes})(lines)

    return change


def versions(**changes: Any) -> Callable[[Lines], None]:
    return lambda lines: lines[at(lines, keys.VERSIONS)].update(
        value={**lines[at(lines, keys.VERSIONS)]["value"], **changes}
    )


def fields(key: str, **changes: Any) -> Callable[[Lines], None]:
    """Fields of an event besides its key and value."""
    return lambda lines: lines[at(lines, key)].update(changes)


def on_accelerators(lines: Lines) -> None:
    """As a run on two H100, in all places of the log but its versions."""
    put(keys.ACCELERATORS_PER_NODE, 2)(lines)
    put(keys.DEVICES, [H100, H100])(lines)
    setting("device", "cuda:0")(lines)
    put(keys.SUBMISSION_PLATFORM, "two cores")(lines)
    for rank in range(2):
        place(rank, device=f"cuda:{rank}")(lines)


def recorded(**changes: Any) -> Change:
    """The record of run 0 with other fields, its log as it was."""
    return lambda tree: tree.records.update({0: lambda record: record.update(changes)})


TOLD = (
    # where the ranks ran
    Mutation("an accelerator in the placement alone", "R7.4", every_log(place(0, device="cuda:0"))),
    Mutation(
        "all ranks on accelerators, and none declared",
        "R7.4",
        every_log(lambda lines: [place(rank, device=f"cuda:{rank}")(lines) for rank in (0, 1)]),
    ),
    Mutation("accelerators declared, and none in the placement", "R7.4", every_log(put(keys.ACCELERATORS_PER_NODE, 2))),
    Mutation("two hosts, and one node declared", "R7.4", every_log(place(1, host="another"))),
    Mutation(
        "eight places of two ranks",
        "R7.4",
        every_log(
            put(
                keys.PLACEMENT,
                [{"rank": rank, "host": "node", "cpus": str(rank), "device": "cpu"} for rank in range(8)],
            )
        ),
    ),
    Mutation(
        "a rank without a place", "R7.4", every_log(lambda lines: lines[at(lines, keys.PLACEMENT)]["value"].pop())
    ),
    Mutation(
        "a place without its CPUs",
        "R7.4",
        every_log(lambda lines: lines[at(lines, keys.PLACEMENT)]["value"][1].pop("cpus")),
    ),
    Mutation("CPUs that are none", "R7.4", every_log(place(0, cpus="all"))),
    Mutation("a host without a name", "R7.4", every_log(place(0, host=""))),
    Mutation("one rank logged twice", "R7.4", every_log(place(1, rank=0))),
    Mutation("no placement", "R7.4", every_log(lambda lines: lines.pop(at(lines, keys.PLACEMENT)))),
    Mutation("a place that says more", "R7.4", every_log(place(0, overclocked=True))),
    Mutation("the settings on an accelerator, the ranks not", "R7.4", every_log(setting("device", "cuda:0"))),
    Mutation("two ranks on one CPU", "R7.4", every_log(place(1, cpus="0")), invalid=False),
    Mutation("more threads than CPUs", "R7.4", every_log(setting("threads_per_rank", 4)), invalid=False),
    # the preflight
    Mutation("a preflight that failed", "R7.5", every_log(preflight(ok=False))),
    Mutation("a preflight that names what failed", "R7.5", every_log(preflight(failed=[{"name": "all-reduce"}]))),
    Mutation("a preflight without its checks", "R7.5", every_log(preflight(checks=["ranks"]))),
    Mutation("no preflight", "R7.5", every_log(lambda lines: lines.pop(at(lines, keys.PREFLIGHT)))),
    Mutation("a preflight without figures", "R7.5", every_log(preflight(figures=None))),
    Mutation("an all-reduce that was wrong", "R7.5", every_log(all_reduce(wrong="1 number summed to 2 instead of 3"))),
    Mutation("an all-reduce by something else", "R7.5", every_log(all_reduce(by="torch"))),
    Mutation("an all-reduce in no time", "R7.5", every_log(all_reduce(latency_seconds=0))),
    Mutation("no all-reduce over two ranks", "R7.5", every_log(figure(all_reduce=None))),
    Mutation("clocks an hour apart", "R7.5", every_log(figure(clock_offset_seconds=3600.0))),
    Mutation("a preflight longer than the init", "R7.5", every_log(figure(seconds=900.0))),
    # software and devices
    Mutation("a version that says nothing", "R7.6", every_log(versions(numpy=""))),
    Mutation("a version that is a number", "R7.6", every_log(versions(torch=2.13))),
    Mutation(
        "versions without PyTorch", "R7.6", every_log(lambda lines: put(keys.VERSIONS, {"python": "3.11.7"})(lines))
    ),
    Mutation("Horovod used and not installed", "R7.6", every_log(versions(horovod="not installed"))),
    Mutation("an accelerator with a PyTorch for CPUs", "R7.6", every_log(on_accelerators)),
    Mutation("devices without names", "R7.6", every_log(put(keys.DEVICES, ["", "-"]))),
    Mutation("no devices", "R7.6", every_log(put(keys.DEVICES, []))),
    Mutation("two ranks without anything that joins them", "R7.6", every_log(setting("comm", "solo"))),
    # the description
    Mutation(
        "another processor in the description", "R7.3", describe(host_processor_model_name="Intel Xeon Platinum 8480+")
    ),
    Mutation(
        "another accelerator in the log than described", "R7.3", every_log(put(keys.DEVICES, [H100])), invalid=False
    ),
    Mutation(
        "accelerators described as another model",
        "R7.3",
        lambda tree: (
            every_log(on_accelerators)(tree),
            describe(
                accelerators_per_node="2",
                accelerator_model_name="NVIDIA A100",
                accelerator_memory_capacity="80 GB",
                accelerator_interconnect="NVLink",
            )(tree),
        ),
    ),
    Mutation("another framework altogether", "R7.3", describe(framework="TensorFlow 2.15")),
    Mutation("a framework without its version", "R7.3", describe(framework="PyTorch, Horovod")),
    Mutation("a framework without what joins the ranks", "R7.3", describe(framework="PyTorch 2.13.0+cpu")),
    Mutation(
        "other software in another version",
        "R7.3",
        describe(other_software_stack="python 3.12.1, MPI Open MPI v5.0.11, numpy 2.4.6"),
    ),
    Mutation(
        "more CPUs used than described", "R7.3", describe(host_processor_core_count="1", host_processor_vcpu_count="1")
    ),
    Mutation("notes of other ranks", "R7.3", describe(sw_notes="64 ranks on 8 nodes")),
    Mutation("9999 processors", "R7.7", describe(host_processors_per_node="9999")),
    Mutation("half a processor", "R7.2", describe(host_processors_per_node="0.5")),
    Mutation("no processor at all", "R7.7", describe(host_processors_per_node="0")),
    Mutation(
        "threads that cores do not have", "R7.7", describe(host_processor_core_count="2", host_processor_vcpu_count="3")
    ),
    Mutation("memory without a unit", "R7.7", describe(host_memory_capacity="plenty")),
    Mutation("a memory that is a dash", "R7.2", describe(host_memory_capacity="-")),
    Mutation("a field to be determined", "R7.2", describe(cooling="TBD")),
    Mutation("a field that is question marks", "R7.2", describe(host_networking="???")),
    Mutation("an operating system that is not there", "R7.7", describe(operating_system="N/A")),
    Mutation("an accelerator where there is none", "R7.7", describe(accelerator_model_name=H100)),
    # values of settings
    Mutation("a checkpoint to start from", "R4.14", every_log(setting("checkpoint", "/data/pretrained.pt"))),
    Mutation("a file to be staged", "R4.14", every_log(setting("stage", "/data/weights.safetensors"))),
    Mutation("a free setting of another type", "R4.14", every_log(setting("eval_batch_size", "100"))),
    Mutation("a free setting below its bound", "R4.14", every_log(setting("eval_batch_size", 0))),
    Mutation("a free setting that is an object", "R4.14", every_log(setting("timeline", {"path": "x"}))),
    Mutation("a tuned setting that is a text", "R4.14", every_log(setting("warmup_fraction", "0.05"))),
    Mutation("a backend that does not exist", "R4.14", every_log(setting("torch_backend", "magic"))),
    Mutation("what joins the ranks left open", "R4.14", every_log(setting("comm", "auto"))),
    Mutation("threads left open", "R4.14", every_log(setting("threads_per_rank", 0))),
    Mutation("more memory than there is", "R4.14", every_log(setting("memory_share", 40.0))),
    Mutation("a signal that does not exist", "R4.14", every_log(setting("warning_signals", "TERM NOW"))),
    Mutation("a setting of older logs that is a text", "R4.14", every_log(setting("check_hashes", "skip"))),
    Mutation("no launcher", "R4.14", every_log(setting("launcher", ""))),
    Mutation("steps accumulated", "R5.1", every_log(put(keys.GRADIENT_ACCUMULATION_STEPS, 16))),
    Mutation("a platform unlike the settings", "R4.8", every_log(put(keys.SUBMISSION_PLATFORM, "a supercomputer"))),
    # what nothing read
    Mutation("an event of a namespace", "R4.6", every_log(fields(keys.RUN_START, namespace="worker1"))),
    Mutation("an event with a field more", "R4.6", every_log(fields(keys.SEED, comment="slower"))),
    Mutation("metadata that nothing reads", "R4.15", every_log(tell(keys.EVAL_ACCURACY, ensemble=5))),
    Mutation("an event logged by another file", "R4.15", every_log(tell(keys.RUN_STOP, file="fast/train.py"))),
    Mutation("an event logged from nowhere", "R4.15", every_log(tell(keys.RUN_STOP, lineno=0))),
    Mutation(
        "an event logged from a line that the source does not have",
        "R8.7",
        every_log(tell(keys.RUN_STOP, lineno=99_999)),
    ),
    Mutation("a start with a value", "R4.15", every_log(put(keys.RUN_START, 3.0))),
    Mutation(
        "staging that says neither in memory nor streamed", "R4.15", every_log(tell(keys.STAGING_STOP, in_memory="yes"))
    ),
    Mutation("energy without a power log", "R5.6", recorded(energy_joules=12.5, energy_covers="all nodes")),
    Mutation("a record that says more", "R4.15", recorded(bonus=1)),
    Mutation("a clock of 9999 GHz", "R7.7", describe(host_processor_frequency="9999 GHz")),
    Mutation("a model that no log names", "R7.3", describe(host_processor_model_name="AMD EPYC 9654"), invalid=False),
    Mutation("a factor for the score", "R8.1", add(f"{RESULTS}/scaling.json", b"{}"), invalid=False),
    Mutation("options for the checker", "R8.1", add(f"{RESULTS}/package_checker_params", b"x"), invalid=False),
    Mutation("a record of another benchmark", "R4.15", recorded(benchmark="cosmoflow")),
    Mutation("a record of another metric", "R4.15", recorded(metric="accuracy")),
    Mutation("a record of no run", "R4.15", recorded(index=-1)),
    Mutation("records out of order", "R4.15", recorded(index=7, log={"name": "result_7.txt"})),
    Mutation("a record of a log of another name", "R4.15", recorded(log={"name": "best.txt"})),
)
