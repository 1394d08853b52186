"""A schema says what a sample is made of, and survives its way through a manifest."""

from __future__ import annotations

import json

import pytest

from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError

STACK = Field("cbed_stack", (3, 64, 64), unit="share of the beam")
GROUP = Field("space_group", (), "int64")


def test_a_schema_comes_back_from_its_json() -> None:
    schema = SampleSchema((STACK,), (GROUP,), "material", "space_group", {"space_group": ("2", "62")})
    assert SampleSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    assert schema.bytes == 3 * 64 * 64 * 4 + 8
    assert [each.name for each in schema.fields] == ["cbed_stack", "space_group"]


@pytest.mark.parametrize(
    "values",
    [("a b", (3,)), ("", (3,)), ("a/b", ()), ("a", (0,)), ("a", (3.0,)), ("a", (True,)), ("a", (3,), "complex64")],
)
def test_a_field_that_no_file_could_hold_is_refused(values: tuple) -> None:
    with pytest.raises(StemdlError):
        Field(*values)


@pytest.mark.parametrize(
    ("inputs", "targets", "classes"),
    [
        ((), (GROUP,), {}),
        ((STACK,), (STACK,), {}),
        ((STACK,), (GROUP,), {"cbed_stack": ("a",)}),
        ((STACK,), (Field("space_group", (2,), "int64"),), {"space_group": ("a",)}),
    ],
)
def test_a_schema_that_contradicts_itself_is_refused(inputs: tuple, targets: tuple, classes: dict) -> None:
    with pytest.raises(StemdlError):
        SampleSchema(inputs, targets, classes=classes)
