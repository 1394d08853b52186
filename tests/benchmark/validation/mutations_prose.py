"""Submissions whose prose, tables or comments depart from the rules in words of all kinds, and in other languages."""

from __future__ import annotations

from changes import add, describe
from corpus import CODE, Mutation
from mutations_power import measured
from mutations_published import warned
from mutations_said import told
from mutations_visible import readme
from mutations_words import notes

TABLE = b"\n| measure | value |\n|---|---|\n| time to train, s | 3.8 |\n"
BLIND = "N/A: a virtual machine does not see its host's modules"


def say(name: str, rule: str, text: str) -> Mutation:
    return warned(f"prose of {name}", rule, told(text))


PROSE = (
    say("runs that went on where others ended", "R2.4", "Each run took up where last month's model had left off."),
    say("inherited weights", "R2.4", "Every run inherited the parameters of the one before it."),
    say("splits that were joined", "R2.4", "For the closing epoch train and dev were put together."),
    say("a split thrown in", "R2.4", "The validation split was thrown in with the training samples near the end."),
    say("hard crystals taken away", "R2.4", "Difficult crystals were taken away before the training began."),
    say("patterns turned", "R2.4", "Patterns are also turned by arbitrary angles and rescaled as they are loaded."),
    say(
        "a choice on test materials",
        "R4.17",
        "Of several rates we stayed with the one that did best on the test materials.",
    ),
    say("eight-bit integers", "R5.3", "Convolutions run on eight-bit integers with a scale for each channel."),
    say(
        "gradients of the step before",
        "R5.1",
        "Each step applies the gradients of the step before, and waits for no rank.",
    ),
    say("a part of the gradients", "R5.1", "Only the largest tenth of the gradients is exchanged."),
    say("another optimizer", "R5.1", "Momentum signs alone are applied (Lion)."),
    say("a rate that was cut", "R5.1", "After epoch two the learning rate was cut to a tenth."),
    say("every second epoch", "R4.1", "The model is held against dev after every second epoch."),
    say("scores in between", "R4.1", "The numbers in between are carried over."),
    say("poor starts", "R4.12", "Runs whose first epoch looked poor were not carried on."),
    say("runs that lagged", "R4.12", "Whenever a run lagged behind we cancelled it."),
    say("a clock set back", "R3.5", "The virtual machine was frozen for backups, and its clock set back afterwards."),
    say("a helper host", "R7.3", "Input is prepared by a helper host over the network."),
    say("a second host", "R7.3", "Ranks 1 and 2 were started on the second host of the rack."),
    say("efficiency on more ranks", "R6.1", "The same command scales with no loss to 512 ranks."),
    say("another review", "R9.1", "The jury of the November round confirmed the numbers."),
    say("the previous best", "R6.2", "This halves the time of the previous best entry."),
    say("logs that say otherwise", "R4.8", "The log still says adamw, which is not what was computed."),
    say("runs left out, in German", "R4.12", "Die langsamsten drei Läufe haben wir weggelassen."),
    say("the fastest alone, in French", "R4.5", "Nous n'avons gardé que les cinq exécutions les plus rapides."),
    say("runs left out, in Japanese", "R4.12", "遅い3回の実行は除外した。"),
    say("training that takes less, in words", "R6.1", "On this machine training takes a little under four seconds."),
    say("models in an hour, in words", "R6.1", "The machine finishes nearly two thousand models an hour."),
    warned("notes on an NPU", "R7.4", notes("the board's NPU does the larger convolutions")),
    warned("notes on six watts", "R5.6", notes("package power limited to six watts by the BMC")),
    warned("notes on the whole machine", "R6.1", notes("the time to train stays the same up to the whole machine")),
    warned("a document that claims an acceptance", "R9.1", add("NOTES.md", b"Accepted by the MLPerf working group.\n")),
    warned("a table with a time of its own", "R6.1", readme(TABLE)),
    warned(
        "values separated by commas with times of their own",
        "R6.1",
        lambda tree: (
            add(f"{CODE}/summary.csv", b"run,time_to_train_seconds\n0,3.6\n1,3.7\n")(tree),
            told("`summary.csv` has the times.")(tree),
        ),
    ),
    warned(
        "a comment in the settings",
        "R5.1",
        add(f"{CODE}/config.yaml", b"learning_rate: 0.004  # halved by hand after the second epoch\n"),
    ),
    warned("a node but for its fans", "R5.6", measured(covers="the node but for fans, disks and supply")),
    say("power above idle", "R5.6", "Power is what the runs add to the node's idle consumption."),
    warned("a virtual machine on premises", "R7.3", describe(system_type="server", host_memory_configuration=BLIND)),
    warned(
        "the cooling of a virtual machine",
        "R7.3",
        describe(system_type="virtual machine", host_memory_configuration=BLIND, cooling="passive, no fans; PUE 1.00"),
    ),
)
