"""The hash chain: what is added stays, whoever adds at the same time, and no change goes unnoticed."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.foundation.errors import StemdlError
from benchmark.submission import chain


def filled(path: Path, count: int) -> bytes:
    for number in range(count):
        chain.append(path, {"number": number})
    return path.read_bytes()


def _add_twenty(path: Path, writer: int) -> None:
    for number in range(20):
        chain.append(path, {"writer": writer, "number": number})


def test_lines_follow_each_other(tmp_path: Path):
    content = filled(tmp_path / "below" / "a", 4)
    read = chain.parse(content)
    assert [link.values["number"] for link in read.links] == [0, 1, 2, 3] and not read.faults
    assert read.links[0].values[chain.PREVIOUS] == chain.FIRST
    assert [link.values[chain.PREVIOUS] for link in read.links[1:]] == [link.sha256 for link in read.links[:-1]]
    assert read.head == read.links[-1].sha256
    assert chain.append(tmp_path / "below" / "a", {}) == chain.parse((tmp_path / "below" / "a").read_bytes()).head


def test_writers_take_turns(tmp_path: Path):
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(_add_twenty, [tmp_path / "a"] * 4, range(4)))
    read = chain.parse((tmp_path / "a").read_bytes())
    assert not read.faults
    assert sorted((link.values["writer"], link.values["number"]) for link in read.links) == [
        (writer, number) for writer in range(4) for number in range(20)
    ]


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return filled(tmp_path_factory.mktemp("chain") / "a", 5)


@given(data=st.data())
def test_every_change_shows(content: bytes, data: st.DataObject):
    place = data.draw(st.integers(0, len(content) - 2))  # the last newline aside: without it the last line is not whole
    changed = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    spoiled = content[:place] + bytes([changed]) + content[place + 1 :]
    # A change within the last line is seen by its hash, which is what a submission says; any other breaks the chain.
    assert chain.parse(spoiled).faults or chain.parse(spoiled).head != chain.parse(content).head


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: lines[1:],
        lambda lines: lines[:2] + lines[3:],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [*lines[:2], lines[1], *lines[2:]],
        lambda lines: [*lines[:-1], lines[-1][:-5]],
    ],
    ids=["first gone", "one gone", "swapped", "doubled", "torn"],
)
def test_lines_gone_moved_or_torn(tmp_path: Path, spoil):
    lines = filled(tmp_path / "a", 5).splitlines(keepends=True)
    assert chain.parse(b"".join(spoil(lines))).faults


@given(st.binary(max_size=200))
def test_any_bytes_are_a_chain_or_have_faults(content: bytes):
    read = chain.parse(content)
    assert read.faults or not content


def test_deep_nesting_is_a_fault():
    assert chain.parse(b'{"a":' + b"[" * 100_000 + b"\n").faults


def test_a_torn_line_stays_and_the_next_follows_it(tmp_path: Path):
    path = tmp_path / "a"
    before = filled(path, 2)
    path.write_bytes(before + b'{"number": 2')
    chain.append(path, {"number": 3})
    assert path.read_bytes().startswith(before + b'{"number": 2\n')
    read = chain.parse(path.read_bytes())
    assert [fault[0] for fault in read.faults] == [3]  # and none at the line after it
    assert read.links[-1].values["number"] == 3


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a"
    before = filled(path, 2)
    write = os.write

    def half(descriptor: int, content: memoryview) -> int:
        if len(content) > 20:
            return write(descriptor, content[:20])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(chain.os, "write", lambda descriptor, content: half(descriptor, content))
    with pytest.raises(StemdlError, match="cannot be added to"):
        chain.append(path, {"number": 2, "text": "x" * 50})
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StemdlError, match="--ledger FILE"):
        chain.append(tmp_path / "file" / "ledger.jsonl", {})
