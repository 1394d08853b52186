"""File names of pages: plain, apart whatever is named, on file systems that do not tell A from a either."""

from __future__ import annotations

import re

import pytest

from benchmark.report.site.naming import benchmark_file, page_name, submitter_file

ALIKE = (
    *("a b", "a-b", "a_b", "A-b", "a.b", "a/b", "é", "e", "", "-", ".", "..", "CON", "con"),
    *("x" * 90, "x" * 91, "\ud800", "\udcff"),
)


@pytest.mark.parametrize("name_of", [benchmark_file, submitter_file, page_name])
def test_no_two_names_have_one_page(name_of) -> None:
    names = [name_of(each).lower() for each in ALIKE]
    assert len(set(names)) == len(ALIKE)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._-]*", each) and len(each) < 130 for each in names)


def test_a_name_made_to_look_like_another_ones_page_has_its_own() -> None:
    for name in ("a b", "A", "\ud800"):
        page = benchmark_file(name).removeprefix("benchmark-").removesuffix(".html")
        assert benchmark_file(page) != benchmark_file(name)


def test_the_parts_of_a_name_are_told_apart() -> None:
    pairs = [page_name(*each) for each in (("a", "b"), ("a-b",), ("a-b", ""), ("", "a-b"))]
    assert len(set(pairs)) == len(pairs)
    assert page_name("a", kept_apart="/x") != page_name("a", kept_apart="/y")


def test_nobody_finds_a_name_with_the_page_of_another_one() -> None:
    """A hash of 24 bits, which an afternoon finds, would let one submitter overwrite the page of another."""
    letters = {len(page_name(each).rpartition("-")[2]) for each in ALIKE}
    assert letters == {13}  # of 32, five bits each


def test_the_page_of_a_rung_has_its_name() -> None:
    assert benchmark_file("stemdl_mini") == "benchmark-stemdl_mini.html"
    assert len({benchmark_file(each) for each in ("", "unnamed", "Unnamed")}) == 3
