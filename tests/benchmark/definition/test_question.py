"""Names of pictures after those of inputs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmark.definition.question import PictureNames


@given(st.lists(st.text(max_size=300) | st.sampled_from(["x", "x~2", "..", "a/b", "a_b", "n" * 600]), max_size=20))
def test_each_is_a_files_name_of_its_own(texts: list[str]) -> None:
    names = PictureNames()
    found = [names.of(text) for text in texts]
    assert len(set(found)) == len(found)
    assert all(name and "/" not in name and not name.startswith(".") and len(name) < 150 for name in found)
