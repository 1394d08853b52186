"""mpirun's block about a rank's end is kept off the screen, and nothing else that its ranks print."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.launch.last_words import BlockFilter, LastWords, rank_that_ended
from benchmark.launch.launchers import Job, get_launcher
from benchmark.launch.supervise import start

RULE = "-" * 74 + "\n"
KILLED = f"""{RULE}prterun noticed that process rank 1 with PID 2609 on node vm exited on
signal 9 (Killed).
{RULE}"""
LEFT = f"""{RULE}prterun detected that one or more processes exited with non-zero status,
thus causing the job to be terminated. The first process to do so was:

   Process name: [prterun-vm-2647@1,0]
   Exit code:    75
{RULE}"""
ABORTED = f"""{RULE}MPI_ABORT was invoked on rank 3 in communicator MPI_COMM_WORLD
  Proc: [[46235,1],3]
  Errorcode: 1

NOTE: invoking MPI_ABORT causes Open MPI to kill all MPI processes.
{RULE}"""
OLDER = f"""{RULE}Primary job  terminated normally, but 1 process returned
a non-zero exit code. Per user-direction, the job has been aborted.
{RULE}"""
BLOCKS = (KILLED, LEFT, ABORTED, OLDER)
TABLE = f"{RULE}epoch  loss\n{RULE}    1   0.5\n{RULE}"
NO_SLOTS = (
    f"{RULE}There are not enough slots available in the system to satisfy the 9\nslots that were asked for.\n{RULE}"
)
OTHERS = ("epoch 1 of 3\n", "---\n", "\n", TABLE, NO_SLOTS, "Ü\n", "10 %\r20 %\r\n", "prterun noticed that\n")


def through(pieces: list[bytes]) -> tuple[bytes, bytes]:
    """What is passed on of the pieces, and what is kept back."""
    each = BlockFilter()
    passed = b"".join(each.passed(piece) for piece in pieces)
    return passed + each.passed(b"", last=True), each.kept


def cut(text: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(edges)]


@given(st.lists(st.sampled_from(BLOCKS + OTHERS)), st.lists(st.integers(0, 10_000), max_size=8), st.booleans())
def test_blocks_are_kept_back_and_all_else_is_passed_on(parts: list[str], places: list[int], ended: bool) -> None:
    text = "".join(parts) + ("" if ended else "a line that is not ended")
    passed, kept = through(cut(text.encode(), places))
    assert kept.decode() == "".join(part for part in parts if part in BLOCKS)
    assert passed.decode() == "".join(part for part in parts if part not in BLOCKS) + text[len("".join(parts)) :]


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=8))
def test_nothing_is_lost_of_any_bytes(text: bytes, places: list[int]) -> None:
    assert through(cut(text, places)) == (text, b"")


def test_what_is_clear_is_passed_on_at_once() -> None:
    each = BlockFilter()
    assert each.passed(b"epoch 1") == b"epoch 1" and each.passed(b"-" * 80) == b"-" * 80  # within a line
    assert each.passed(b"\nepoch 2\n---") == b"\nepoch 2\n"  # three dashes may become a rule
    assert each.passed(b" a note\n") == b"--- a note\n"
    assert each.passed(RULE.encode()) == b"" and each.passed(b"epoch 3\n") == RULE.encode() + b"epoch 3\n"


@pytest.mark.parametrize("text", [KILLED[: -len(RULE)], RULE + "prterun detected that\n" + "more\n" * 60])
def test_a_block_that_has_no_end_is_printed(text: str) -> None:
    assert through([text.encode()]) == (text.encode(), b"")


def test_the_rank_and_its_end_are_named() -> None:
    assert rank_that_ended(KILLED) == "rank 1 on vm was ended by signal 9 (Killed)"
    assert rank_that_ended(LEFT) == "rank 0 was the first to leave, with exit code 75"
    assert rank_that_ended(OLDER) is None and rank_that_ended("") is None


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("os.kill(os.getpid(), 9)", r"was ended by signal 9 (Killed)"),
        ("sys.exit(3)", "was the first to leave, with exit code 3"),
    ],
)
def test_of_real_ranks_only_their_own_words_are_printed(end: str, said: str, capfd: pytest.CaptureFixture) -> None:
    program = f"import os, sys; print('a rank speaks', file=sys.stderr, flush=True); {end}"
    argv = get_launcher("mpirun").argv(Job(2, (sys.executable, "-c", program)))
    process = start(argv, errors=subprocess.PIPE)
    words = LastWords(process.stderr)
    assert process.wait() != 0
    assert said in rank_that_ended(words.read())
    printed = capfd.readouterr().err
    assert "a rank speaks" in printed and "---" not in printed and "prterun" not in printed


def test_a_reader_that_has_gone_ends_nothing() -> None:
    read, write = os.pipe()
    os.close(read)
    process = start([sys.executable, "-c", "import sys; print('x' * 200000, file=sys.stderr)"], errors=subprocess.PIPE)
    words = LastWords(process.stderr, to=write)
    assert process.wait() == 0 and words.read() == ""
    os.close(write)
