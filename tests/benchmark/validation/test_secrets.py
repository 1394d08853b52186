"""Each kind of secret is found wherever it stands, whatever its case where that is free."""

from __future__ import annotations

import pytest

from benchmark.validation.checks.package import SECRETS

# Put together here, so that no scanner takes this file for a leak.
EXAMPLES = {
    "key": ["-----BEGIN " + "PRIVATE KEY-----", "-----BEGIN " + "RSA PRIVATE KEY-----"],
    "amazon": ["AKIA" + "A1" * 8],
    "github": ["ghp_" + "a" * 36, "gho_" + "a" * 36, "github_pat_" + "a" * 60],
    "gitlab": ["glpat-" + "a" * 20],
    "face": ["hf_" + "a" * 34],
    "slack": ["xoxb-" + "1" * 20],
    "word": [f'{word} = "{"x" * 8}"' for word in ("password", "Passwd", "SECRET", "Secret", "api_key", "APIKey")],
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_each_kind_is_found_at_its_place(kind: str) -> None:
    for example in EXAMPLES[kind]:
        for before in ("", "a line\n", "x = "):
            match = SECRETS.search(f"{before}{example}\n".encode())
            assert match is not None and (match.lastgroup, match.start()) == (kind, len(before)), example


def test_there_is_an_example_of_every_kind() -> None:
    assert set(SECRETS.groupindex) == set(EXAMPLES)
    assert SECRETS.search(b"a password is asked for; AKIA, ghp_ and hf_ alone are none") is None
