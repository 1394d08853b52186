"""Submissions that say in words, or in a field, what no log has: figures, other machines, other ways of training."""

from __future__ import annotations

import random

from changes import Change, describe, every_log, ledger, more_run, put, setting, together
from corpus import Tree
from mutations_power import measured
from mutations_published import warned
from mutations_visible import readme
from mutations_weak import at_once
from mutations_words import notes

from benchmark.events import keys


def told(text: str) -> Change:
    """A README with a sentence more."""
    return readme(f"{text}\n".encode())


def of_status(status: str, **described: str) -> Change:
    """A system of another status in logs, settings, ledger and description."""

    def change(tree: Tree) -> None:
        every_log(together(put(keys.SUBMISSION_STATUS, status), setting("status", status)))(tree)
        ledger(
            lambda entries: [each["settings"].update(status=status) for each in entries if each["event"] == "start"]
        )(tree)
        describe(status=status, **described)(tree)

    return change


def tuned_before(entries: list[dict]) -> None:
    """Three runs of other learning rates, after the others."""
    for number, rate in enumerate((0.002, 0.006, 0.008)):
        settings = {**entries[0]["settings"], "learning_rate": rate}
        more_run(entries, 11.0 + random.Random(number).random(), settings=settings)


def tuned(text: str) -> Change:
    return lambda tree: (ledger(tuned_before)(tree), told(text)(tree))


SAID = (
    warned("notes on watts that nobody measured", "R5.6", notes("draws nine watts at the plug while it trains")),
    warned("a README of kilowatts that nobody measured", "R5.6", told("The node takes 0.04 kW on average.")),
    warned(
        "a README of less power than was measured",
        "R5.6",
        lambda tree: (measured()(tree), told("The node draws 61 W by the mean.")(tree)),
    ),
    warned("objections that are over", "R9.1", told("Two weeks of objections have passed, and none was upheld.")),
    warned("a review that was passed", "R9.1", told("The result has passed the review without objections.")),
    warned("half the time of the reference", "R6.2", told("It takes half the time of the published reference result.")),
    warned("faster than other systems", "R6.2", told("It is faster than any other submission.")),
    warned("two epochs told of three", "R6.1", told("The target is reached after two epochs in every run.")),
    warned("notes on a run of one epoch", "R6.1", notes("training needs only one epoch to converge")),
    warned("a dev score that no log has", "R6.1", told("The networks end with a macro-F1 of 0.96 on the dev split.")),
    warned("a test score that no log has", "R6.1", told("The F1 is 0.91 on dev, and 0.97 on test.")),
    warned("an accuracy in percent that no log has", "R6.1", told("Accuracy on the test split: 97.3 %.")),
    warned("a boot between runs that follow each other", "R6.1", told("The machine was booted anew before each run.")),
    warned("a rest between runs that follow each other", "R6.1", told("It cooled down for five minutes between runs.")),
    warned("runs on a Raspberry Pi in words", "R7.3", told("The runs were made on a Raspberry Pi 5.")),
    warned("notes on a Xeon", "R7.3", notes("the machine has Xeon processors")),
    warned("a rented instance on premises", "R7.3", of_status("onprem", system_type="instance of a public cloud")),
    warned("a cloud on premises", "R7.3", of_status("cloud", system_type="server, on premises")),
    warned(
        "an evaluation on another host",
        "R7.3",
        describe(host_networking="eth0, to the second host that evaluates the dev split"),
    ),
    warned("a README of an evaluation elsewhere", "R7.3", told("Evaluation runs on a separate GPU server.")),
    warned(
        "weights of another rung in a note", "R2.4", notes("the early layers start from weights trained on stemdl_full")
    ),
    warned("layers that were copied", "R2.4", told("The first layers are copied from a larger network.")),
    warned("nothing tuned, in words, of four rates", "R4.17", tuned("Nothing was tuned for this system.")),
    warned("defaults in words, of four rates", "R4.17", tuned("The settings are the reference's defaults.")),
    warned("measured patterns in words", "R2.2", told("Patterns are measured ones, recorded with a microscope.")),
    warned("experimental patterns in words", "R2.2", told("The network trains on experimental CBED patterns.")),
    warned(
        "a processor slowed in words",
        "R7.3",
        describe(host_processor_frequency="2596 MHz", hw_notes="the processor was held at 800 MHz during the runs"),
    ),
    warned("all space groups in words", "R1.5", told("The network tells all 230 space groups apart.")),
    warned(
        "seconds that are spelled out", "R6.1", told("Every run reaches the target in nine seconds, staging included.")
    ),
    warned("seconds in words of two parts", "R6.1", told("Time to train: twenty-five seconds.")),
    warned("twelve runs told of five", "R4.12", told("Twelve runs were made in a row, these are the window.")),
    warned("models in an hour that were not trained", "R6.1", told("The system trains 2,600 models per hour.")),
    warned(
        "models in an hour of weak scaling",
        "R6.1",
        lambda tree: (at_once()(tree), told("Six at once are 2,600 models an hour.")(tree)),
    ),
    warned("power from a data sheet", "R5.6", measured(covers="two of the cores, estimated from the data sheet")),
)
