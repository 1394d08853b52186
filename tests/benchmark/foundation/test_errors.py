"""The one shape of error messages."""

from __future__ import annotations

import pytest

from benchmark.foundation.errors import CheckFailed, StemdlError, closest, nearest


def test_a_message_says_what_where_expected_found_and_what_to_do() -> None:
    error = StemdlError("the seed is missing", where="a.yaml:3", expected=1, found=0, remedy="add `seed: 1`")
    assert str(error).splitlines() == [
        "a.yaml:3: the seed is missing",
        "  expected: 1",
        "  found: 0",
        "  what to do: add `seed: 1`",
    ]
    assert (error.what, error.where, error.expected, error.found, error.remedy) == (
        "the seed is missing",
        "a.yaml:3",
        1,
        0,
        "add `seed: 1`",
    )


def test_what_is_not_known_takes_no_line() -> None:
    assert str(StemdlError("no")) == "no"
    assert str(StemdlError("no", found="")) == "no\n  found: "


def test_wrong_use_exits_with_2_and_a_failed_check_with_1() -> None:
    assert StemdlError("a").exit_code == 2
    assert CheckFailed("a").exit_code == 1
    assert issubclass(CheckFailed, StemdlError)


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("stemdl_mni", "did you mean 'stemdl_mini'?"),
        ("xyzzy", "known: stemdl_mini, stemdl_smoke"),
    ],
)
def test_the_nearest_known_name_is_offered(word: str, answer: str) -> None:
    assert nearest(word, ["stemdl_smoke", "stemdl_mini"]) == answer


@pytest.mark.parametrize(
    ("word", "meant"),
    [("--rugn", "--rung"), ("--rusn", "--runs"), ("--rank", "--ranks"), ("--xyz", None), ("", None)],
)
def test_of_names_as_near_that_of_the_same_letters_is_meant(word: str, meant: str | None) -> None:
    assert closest(word, ["--ranks", "--rung", "--runs", "--resume"], alike=0.6) == meant
