"""Submissions whose notes, READMEs, documents and comments say in words what rules forbid or logs deny."""

from __future__ import annotations

from changes import Change, add, describe
from corpus import Mutation
from mutations_related import RUN, script
from mutations_visible import readme


def notes(text: str) -> Change:
    return describe(hw_notes=text)


def comment(text: str) -> Change:
    """One in the script of the runs."""
    return script(f"# {text}", RUN)


def said(name: str, rule: str, change: Change) -> Mutation:
    return Mutation(name, rule, change, invalid=False)


WORDS = (
    said("notes on the best of twenty sets", "R4.5", notes("best of twenty sets of five runs")),
    said("a README of the fastest five of 20", "R4.5", readme(b"Of twenty runs the five fastest are submitted.\n")),
    said("a comment on the luckiest set", "R4.5", comment("40 sets were tried, this was the luckiest")),
    said("a README of runs left out", "R4.12", readme(b"Runs on this machine in other folders are left out.\n")),
    said("notes on weights of an earlier run", "R2.4", notes("weights initialised from an earlier run")),
    said("a README of a pretrained network", "R2.4", readme(b"The network is pre-trained on ImageNet.\n")),
    said("a README of dev in training", "R2.4", readme(b"Training was on the dev split as well.\n")),
    said("a README of mixup", "R2.4", readme(b"Training used mixup and rotations besides flips.\n")),
    said(
        "a README of a run from its checkpoint", "R4.4", readme(b"Run 2 went on from its checkpoint after a crash.\n")
    ),
    said("a README of a choice by the test score", "R4.17", readme(b"The rate was chosen by the test score.\n")),
    said("a README of half of dev", "R4.1", readme(b"evaluation is of half of the `dev`\nsplit after each epoch\n")),
    said("notes on an evaluation of 100 samples", "R4.1", notes("evaluated on 100 samples of dev")),
    said("a README of every second epoch", "R4.1", readme(b"It evaluates after every second epoch.\n")),
    said("a README of bf16", "R5.3", readme(b"Training was in bf16 by autocast.\n")),
    said("notes on fp64", "R5.3", notes("trained in fp64 throughout")),
    said("notes on dropped caches", "R3.4", notes("page caches were dropped before each run")),
    said("notes on eight cores, in words", "R7.3", notes("all eight cores were used by the runs")),
    said("notes on one of two cores", "R7.3", notes("runs had one of the two cores, by affinity")),
    said("a README of an accelerator by its name", "R7.4", readme(b"The two ranks share one H200.\n")),
    said("a README of seeds by hand", "R4.2", readme(b"Each run takes a seed of ours, 1 to 5.\n")),
    said(
        "a document at the top with a time of its own",
        "R6.1",
        add("RESULTS.md", b"# Results\n\nstemdl mini on 2 cores: time to train 1.2 s.\n"),
    ),
    said("a document at the top that claims a review", "R6.1", add("RESULTS.md", b"Verified by MLCommons.\n")),
)
