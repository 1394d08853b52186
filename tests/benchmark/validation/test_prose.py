"""Prose of honest submitters has no finding; what the software cannot read is shown to a person."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import Tree
from mutations_visible import readme
from test_words import warnings

from benchmark.validation.checks.numerals import in_digits
from benchmark.validation.checks.prose import CONCEPTS
from benchmark.validation.checks.tables import rows_in_words
from benchmark.validation.finding import TO_BE_READ, Severity
from benchmark.validation.validate import validate

HONEST = """\
The machine is our departmental server; SMT is off and the governor is set to performance.
We used the scripts as they are shipped and changed only the path of the data.
Slurm job header is for our cluster, please adapt the partition.
The job ran on one node of the cluster; the other nodes were used by other users.
A second node was available but was not used.
Rates of 0.002, 0.004 and 0.008 were tried, the best on dev was kept.
The learning rate was raised to 0.005 after a search over four values on dev.
We kept the default settings except for the batch size.
The first attempt crashed because the disk was full; it is in the ledger as crashed.
Two runs were interrupted when the queue's time limit was reached, see the ledger.
One run was killed by the operating system for lack of memory before its first epoch.
Data were generated on a bigger machine and copied over with rsync.
The data set was verified with stemdl data verify before the runs.
Training takes about 11 s of computing, the rest is staging and evaluation.
Gradients are averaged over both ranks with Horovod's all-reduce after each step.
All-reduce overlaps with the backward pass.
Horovod fuses tensors up to 25 MiB before each all-reduce.
Gradients are accumulated over two micro-batches per step.
Weights are kept in fp32 and the optimizer is AdamW as in the reference.
The optimizer state lives in memory and is not written to disk.
Patterns are stored as 16-bit integers on disk and converted to fp32 when they are loaded.
Seeds have 31 bits and come from /dev/urandom.
Patterns are randomly flipped along both axes, as the task allows.
Checkpoints are written after every epoch to the local NVMe disk.
The log's clock is that of the host, synchronised by chrony.
The clock of the processor is fixed at 2.6 GHz by the BIOS.
The GPU clock was left at its default.
The virtual machine has two virtual CPUs pinned to two cores of its host.
The host is shared; other virtual machines may have run at the same time.
The machine was not suspended between the runs.
Power was not measured since the machine has no meter.
The package power limit is 120 W, as delivered.
The power supply is an 80 Plus Platinum unit of 750 W.
The board has an integrated GPU, which is disabled.
There is no GPU in this machine.
The login node has a GPU, the compute node has none.
Logs were copied to another machine and validated there.
The container was built on a separate machine and pushed to our registry.
We plan to submit a run on 64 nodes in the next round.
Scaling beyond one node was not tested.
Evaluation of dev takes about 3 % of the time.
The dev split decides when the clock stops; test is read once afterwards.
The macro-F1 on test is printed by stemdl summary.
The ledger has eight runs of this configuration, of which the median window is submitted.
Run 2 needed one epoch more than the others.
The slowest run was disturbed by a backup job, as its load figures say.
The fastest and the slowest run do not count.
The environment was installed with uv from the lock file.
PyTorch 2.13 was built from source with oneDNN and OpenMP.
Contact: hpc-support@example.org, please open an issue for questions.
We thank the computing centre for the time on the machine.
This work was supported by the ministry of science, grant number 12345.
Measurements with a stopwatch agree with the log to a second.
The results were obtained in November 2026 on an otherwise empty machine.
Please cite the benchmark's paper when you use these numbers.
Transparent huge pages are on, NUMA balancing is off.
The temperature of the room was 21 degrees, the fans ran at half speed.
Cooling is by air, with three fans in the chassis.
The five logs were packed by stemdl submit without any change.
Each rank was bound to its own core by mpirun.
Die Läufe wurden nacheinander auf einem Knoten gestartet; kein Lauf wurde weggelassen.
Jeder Lauf zieht seinen eigenen Startwert vom Betriebssystem.
Die Daten liegen auf einer lokalen NVMe-Platte, das Dateisystem ist ext4.
Der Rechner steht im Serverraum und wird mit Luft gekühlt.
Zum Aufsetzen der Umgebung genügt setup.sh.
Les données ont été générées sur la même machine avant les essais.
Toutes les exécutions figurent dans le registre, aucune n'a été écartée.
Le nœud est refroidi par air; la consommation n'a pas été mesurée.
データは実行前に同じマシンで生成した。
すべての実行が台帳に記録されている。
電力は測定していない。
Los datos se generaron en el mismo nodo antes de las ejecuciones.
The benchmark scales to more ranks by the option --ranks, limited by the number of cores.
The container image is 4 GB and is pulled from our registry.
Better cooling than in the last round of our cluster's refurbishment.
bf16 was tried and is not faster on this processor.
The processor supports AVX-512 and VNNI (int8), which are not used.
Every tenth step is printed, every epoch is evaluated.
The fans of the chassis run at a fixed speed and are not part of the cooling loop.
Our old cluster was retired, this is the first result on the new one.
The weights of the network are averaged with a factor of 0.98, as the reference does.
All runs start from random weights drawn from the seed in their log.
Each run started where the scheduler placed it, always on the same node.
The dev split was not used for training.
Train, dev and test have been generated in one go by stemdl data generate.
Nothing was chosen by the test scores.
The test score of run 4 is the lowest of the five.
Batch normalisation is not synchronised between ranks, as in the reference.
The gradients of both ranks are summed in fp32.
AdamW with the reference's schedule was used.
Learning rate and batch size are those of the reference point.
The rate is scaled linearly from batch 16 to batch 32.
The learning rate warms up in the first epoch and then falls to zero by a cosine.
The score after the first epoch is about 0.5 and rises quickly.
The evaluation takes 0.4 s after each epoch.
Slow runs are slow because of the other guests on the host.
We repeated the whole set after a kernel update; both sets are in the ledger.
Nodes boot from the network and have no local disks.
Another job was running on the second socket during run 3.
The second node of the system holds ranks 2 and 3.
NFS is served by a separate storage server.
The home directory lives on another server, data are on a local disk.
The host has two GPUs which were not used.
No accelerators were used.
Energy was metered at the plug with a calibrated meter for the whole node.
The power of the node is measured by the BMC once per second.
The processor's power limit is 225 W by default.
We measured 2 ranks only; larger numbers need more memory.
Strong scaling from 1 to 2 ranks gives a speed-up of 1.8.
This submission is new and has not been reviewed.
Submitted to the November round of the STEMDL benchmark.
The result was validated with stemdl validate before it was submitted.
The run time is faster than in our own first attempts due to huge pages.
The log says AMD EPYC because the hypervisor hides the model.
Timestamps are in UTC.
The system was last rebooted a week before the runs.
A warm-up run on the smoke rung was made first.
See the paper for the details of the architecture.
There is no speed-up to 4 ranks on this machine.
No gradients of earlier steps are applied.
Precision is fp32; bf16 was not tried.
The images have 12 bits per pixel in the simulation.
Our cluster has 64 nodes, of which one was used.
Runs can be repeated with run_and_time.sh on any machine with two cores.
Sämtliche Einstellungen stehen in config.yaml.
Der Prozessor lief mit seinem normalen Takt.
Alle fünf Läufe wurden am selben Tag gemacht, ohne Unterbrechung.
Merci à l'équipe du centre de calcul pour son aide.
Les cinq exécutions se suivent sans pause.
測定は2026年11月に行った。"""
"""As busy people write them, a sentence a line."""
AT_ONCE = 10


@pytest.mark.parametrize("first", range(0, len(HONEST.split("\n")), AT_ONCE))
def test_honest_prose_has_no_finding(tmp_path: Path, first: int) -> None:
    tree = Tree.valid()
    readme("\n\n".join(HONEST.split("\n")[first : first + AT_ONCE]).encode())(tree)
    assert warnings(tree, tmp_path) == []


@pytest.mark.parametrize(
    "sentence", ["Bad attempts do not appear here.", "A slow beginning was reason enough to stop a run and start over."]
)
def test_runs_that_were_given_up_are_found(tmp_path: Path, sentence: str) -> None:
    tree = Tree.valid()
    readme(f"{sentence}\n".encode())(tree)
    assert any("runs were given up" in message for message in warnings(tree, tmp_path))


def test_patterns_say_how_many_letters_lie_between() -> None:
    """A brace that a formatted text took for its own leaves a tuple."""
    assert [each.what for each in CONCEPTS if "(0, " in each.departs.pattern + each.unless.pattern] == []


def notes_of(tree: Tree, folder: Path) -> list[tuple[str, str]]:
    report = validate([tree.write(folder / "Somewhere")], official=False)
    return [
        (each.rule, each.message)
        for each in report.findings
        if each.severity is Severity.NOTE and each.message.endswith(TO_BE_READ)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Each run takes a fresh seed. Evaluation is of the whole dev split.", []),
        ("Der Rechner steht im Serverraum und wird mit Luft gekühlt.", [("R6.1", f"1 sentence {TO_BE_READ}")]),
        ("データは実行前に生成した。", [("R6.1", f"1 sentence {TO_BE_READ}")]),
        (
            "Layers are fused in a way of our own. Gradients pass through a filter of ours.",
            [("R5.1", f"2 sentences {TO_BE_READ}")],
        ),
        ("Unlike the reference, layers are fused by a compiler.", [("R5.1", f"1 sentence {TO_BE_READ}")]),
        ("The weights are not pretrained.", []),
        ("Convolutions run on eight-bit integers with a scale for each channel.", []),  # a warning says it
    ],
)
def test_what_cannot_be_read_is_one_note_of_its_file(
    tmp_path: Path, text: str, expected: list[tuple[str, str]]
) -> None:
    tree = Tree.valid()
    readme(f"{text}\n".encode())(tree)
    assert notes_of(tree, tmp_path) == expected


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("nearly two thousand models an hour", "nearly 2000 models an hour"),
        ("five hundred and twelve ranks, eight-bit", "512 ranks, 8-bit"),
        ("one and two", "1 and 2"),
        ("half a minute", "0.5 minute"),
    ],
)
def test_spelled_out_numbers_are_digits(words: str, digits: str) -> None:
    assert in_digits(words) == digits


@pytest.mark.parametrize(
    ("table", "separated", "expected"),
    [
        ("| measure | value |\n|---|---|\n| time to train, s | 9.8 |\n", False, ["time to train: 9.8 s"]),
        (
            "| run | seconds | epochs |\n|---|---|---|\n| 0 | 9.8 | 3 |\n",
            False,
            ["time to train: 9.8 seconds", "epochs: 3"],
        ),
        ("run,time_to_train_seconds\n0,9.6\n", True, ["time to train: 9.6 seconds"]),
        ("models per kWh\n4100\n", True, ["models per kWh: 4100"]),
        ("no table | here\n", False, []),
    ],
)
def test_cells_are_sentences(table: str, separated: bool, expected: list[str]) -> None:
    assert list(rows_in_words(table, separated)) == expected


@pytest.mark.parametrize("separated", [False, True])
def test_tables_are_read_to_their_last_row_and_column(separated: bool) -> None:
    def row(*cells: str) -> str:
        return ",".join(cells) + "\n" if separated else f"| {' | '.join(cells)} |\n"

    long = row("epoch", "loss") + ("" if separated else row("---", "---")) + row("e", "-") * 3_000 + row("last", "9.8")
    wide = row(*["none"] * 100, "seconds") + ("" if separated else row(*["---"] * 101)) + row(*["-"] * 100, "9.8")
    assert list(rows_in_words(long, separated)) == ["last, loss: 9.8"]
    assert list(rows_in_words(wide, separated)) == ["-, seconds: 9.8"]
