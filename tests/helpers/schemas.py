"""What the software writes, held to the schemas in docs/schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
PUBLISHED = sorted(SCHEMAS.glob("*.json"))


def held(name: str, value: Any) -> None:
    """Raises jsonschema.ValidationError where a value is not valid under the schema NAME.json; skips without
    jsonschema."""
    jsonschema, referencing = pytest.importorskip("jsonschema"), pytest.importorskip("referencing")
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    others = [(path.name, referencing.Resource.from_contents(json.loads(path.read_text()))) for path in PUBLISHED]
    kind(schema, registry=referencing.Registry().with_resources(others)).validate(value)


def held_but_not_spoiled(name: str, value: Any, *spoils: dict[str, Any]) -> None:
    """A value is valid, and is not with other fields in the place of its own, those of any of `spoils`; nor is nothing
    at all."""
    held(name, value)
    jsonschema = pytest.importorskip("jsonschema")
    for spoilt in ({}, *(value | spoil for spoil in spoils)):
        with pytest.raises(jsonschema.ValidationError):
            held(name, spoilt)
