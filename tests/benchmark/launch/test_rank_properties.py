"""Rank detection of any environment: what one launcher wrote is read, and two agree or are refused."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import Rank, detect_rank, starters


@st.composite
def _environments(draw: st.DrawFn) -> tuple[str, dict[str, str], Rank]:
    """The environment of one rank of any launcher, and the rank that it stands for."""
    family = draw(st.sampled_from([family for family in starters() if family.local_size or family.name == "srun"]))
    assume(family.name != "local")  # torchrun's variables, and a sign
    size = draw(st.integers(1, 100_000))
    local_size = draw(st.integers(1, min(size, 512)))
    rank, local_rank = draw(st.integers(0, size - 1)), draw(st.integers(0, local_size - 1))
    environ = {
        draw(st.sampled_from(family.rank)): str(rank),
        family.size[0]: str(size),
        draw(st.sampled_from(family.local_rank)): str(local_rank),
    }
    if family.name == "srun":
        environ |= {"SLURM_STEP_ID": "3", "SLURM_NODEID": "1", "SLURM_STEP_TASKS_PER_NODE": f"1,{local_size}"}
    else:
        environ[draw(st.sampled_from(family.local_size))] = str(local_size)
    return family.name, environ, Rank(rank, size, local_rank, local_size, family.name)


@given(_environments())
def test_what_a_launcher_wrote_is_what_is_read(drawn: tuple[str, dict[str, str], Rank]) -> None:
    _, environ, rank = drawn
    assert detect_rank(environ) == rank


@given(_environments(), _environments())
def test_two_launchers_agree_or_are_refused(
    one: tuple[str, dict[str, str], Rank], other: tuple[str, dict[str, str], Rank]
) -> None:
    assume(one[0] != other[0])
    order = [family.name for family in starters()]
    first = min(one, other, key=lambda drawn: order.index(drawn[0]))
    if (one[2].rank, one[2].size) == (other[2].rank, other[2].size):
        assert detect_rank(one[1] | other[1]) == first[2]
    else:
        with pytest.raises(StemdlError, match="disagree"):
            detect_rank(one[1] | other[1])
        by_name = {family.name: family for family in starters()}
        last = other if first is one else one
        mended = last[1] | {by_name[last[0]].rank[0]: str(first[2].rank), by_name[last[0]].size[0]: str(first[2].size)}
        assert detect_rank(first[1] | mended) == first[2], "they agree once the second says what the first says"
