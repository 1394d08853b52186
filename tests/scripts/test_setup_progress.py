"""What the set-up says before and while it downloads: how much will come, whether it fits, and how far it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from fake_machine import run, trace


def test_what_will_come_is_told_and_fits_the_disk(checkout: Path, machine: dict[str, str]) -> None:
    short = "too little disk space in /x: 8.3 GB needed, 3.0 GB free"
    refused = run(checkout, machine | {"PLAN_FAILS": "3", "PLAN_SAYS": short})
    assert refused.returncode == 2 and refused.stdout == "" and short in refused.stderr
    assert "what to do: free some, or set STEMDL_VENV or TMPDIR" in refused.stderr
    assert not [line for line in trace(machine) if line.startswith("start")], "nothing was installed"

    made = run(checkout, machine)
    assert made.returncode == 0 and "installing the packages: 67, 2862 MB to fetch, 5417 MB on the disk" in made.stderr


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"PLAN_SAYS": "67 - -"}, "installing the packages: 67 (the index does not tell their sizes)"),
        ({"PLAN_FAILS": "1", "PLAN_SAYS": "a traceback"}, "installing the packages\n"),
        ({"PIP_IS_OLD": "1"}, "installing the packages\n"),
    ],
)
def test_an_index_that_tells_no_sizes_stops_nothing(
    checkout: Path, machine: dict[str, str], variables: dict[str, str], told: str
) -> None:
    made = run(checkout, machine | variables)
    assert made.returncode == 0 and told in made.stderr, made.stderr
    asked = [line for line in trace(machine) if line.startswith("start install") and " -r " in line]
    assert len(asked) == 1 and ("--progress-bar off" in asked[0]) == ("PIP_IS_OLD" in variables)


PIP_SAYS = """== installing the packages: 67
Collecting torch
  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (31 kB)
  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (526.6 MB)
Progress 0 of 526574961
Progress 526574961 of 526574961
Using cached six-1.17.0-py2.py3-none-any.whl (11 kB)
  Downloading nvidia_cublas-13.1.1.3-py3-none-manylinux_2_27_x86_64.whl (423.1 MB)
Progress 0 of 423138758
Progress 100000000 of 423138758
"""


@pytest.mark.parametrize(
    ("more", "plan", "told"),
    [
        ("", "67 2862 5417", ": 3 of 67 packages, 626 of 2862 MB fetched"),
        ("", "", ": 3 packages, 626 MB fetched"),
        ("Installing collected packages: torch, six\n", "67 2862 5417", ": 2 of 67 packages unpacked"),
        ("\n== building\n  [12/93] Building CXX object x.o\n", "", ": 12 of 93 files compiled"),
        (
            "\n== asking\nCollecting torch\n  Downloading torch-2.13.0-cp311-x.whl.metadata (31 kB)\nCollecting six\n",
            "",
            ": 2 packages so far",
        ),
        ("\n== another step\n", "", ""),
    ],
)
def test_a_long_step_says_how_far_it_is(checkout: Path, tmp_path: Path, more: str, plan: str, told: str) -> None:
    log = tmp_path / "venv/setup.log"
    for name in ("pip", "torch", "six"):
        (tmp_path / f"venv/lib/python3.11/site-packages/{name}-1.dist-info").mkdir(parents=True)
    log.write_text(PIP_SAYS + more)
    shown = subprocess.run(
        [
            "bash",
            "-euc",
            ". scripts/setup_steps.sh; venv=$1 log=$1/setup.log plan=$2 had=1; how_far",
            "-",
            str(tmp_path / "venv"),
            plan,
        ],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == told
