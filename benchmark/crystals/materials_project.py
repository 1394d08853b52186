"""Structures of the Materials Project (CC BY 4.0) over its public interface, with the user's own key.

A query is `mp:` and what the summary search takes, such as `mp:material_ids=mp-149,mp-66`, `mp:chemsys=Sr-Ti-O` or
`mp:spacegroup_number=225&nsites_max=40&is_stable=true`; `mp:mp-149,mp-66` is short for the first. The interface is that
of the client `mp-api`, spoken directly: two fields of one collection do not need its hundred megabytes.
"""

from __future__ import annotations

import functools
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.progress import progress

PREFIX = "mp:"
ENDPOINT = "https://api.materialsproject.org/materials/summary/"
KEY, ENDPOINT_VARIABLE = "MP_API_KEY", "MP_API_ENDPOINT"
DOCUMENTS_AT_ONCE = 500
SECONDS_TO_ANSWER = 120


def is_query(source: object) -> bool:
    """Whether a source of structures is a query of the Materials Project and no path."""
    return str(source).startswith(PREFIX)


@functools.lru_cache(maxsize=1)
def fetch(query: str) -> tuple[dict[str, Any], ...]:
    """All documents (`material_id`, `structure`) that a query finds, sorted by their identifiers; asked for once.

    Raises StemdlError without a key, for a query that cannot be read, and where the service cannot be reached or
    refuses.
    """
    parameters = _parameters(query)
    key = os.environ.get(KEY)
    if not key:
        raise StemdlError(
            "the Materials Project asks for a key",
            where=query,
            remedy=f"export {KEY}=... (https://next-gen.materialsproject.org/api gives one)",
        )
    documents, total = _page(query, key, parameters, skip=0)
    with progress("Asking the Materials Project", total, "structures") as advance:
        while len(documents) < total:
            advance(len(documents))
            page, _ = _page(query, key, parameters, skip=len(documents))
            if not page:
                raise StemdlError(
                    "the Materials Project gave fewer structures than it has",
                    where=query,
                    expected=total,
                    found=len(documents),
                    remedy="try again later",
                )
            documents += page
        advance(len(documents))
    if not documents:
        raise StemdlError("the Materials Project has no such structures", where=query)
    return tuple(sorted(documents, key=lambda document: str(document.get("material_id"))))


def _parameters(query: str) -> dict[str, Any]:
    text = query.removeprefix(PREFIX).strip()
    if text and "=" not in text:
        text = f"material_ids={text}"
    try:
        criteria = dict(urllib.parse.parse_qsl(text, strict_parsing=True))
    except ValueError as error:
        raise StemdlError(
            "the query of the Materials Project cannot be read",
            where=query,
            expected="mp:mp-149,mp-66 or mp:chemsys=Sr-Ti-O&nsites_max=40",
            found=error,
        ) from error
    return criteria | {"_fields": "material_id,structure", "deprecated": "false"}


def _page(query: str, key: str, parameters: dict[str, Any], skip: int) -> tuple[list[dict[str, Any]], int]:
    """Some documents from number `skip` on, and how many there are in all."""
    paged = parameters | {"_skip": skip, "_limit": DOCUMENTS_AT_ONCE}
    address = f"{os.environ.get(ENDPOINT_VARIABLE, ENDPOINT)}?{urllib.parse.urlencode(paged)}"
    # The service refuses urllib's own name.
    headers = {"X-API-KEY": key, "Accept": "application/json", "User-Agent": "stemdl-benchmark"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(address, headers=headers), timeout=SECONDS_TO_ANSWER
        ) as answer:
            content = json.load(answer)
            documents, total = list(map(dict, content["data"])), int(content["meta"]["total_doc"])
    except urllib.error.HTTPError as error:
        refused = error.code in (401, 403)
        raise StemdlError(
            "the Materials Project refuses" if refused else "the Materials Project cannot answer",
            where=query,
            found=f"{error.code} {error.reason}",
            remedy=f"look at the key in {KEY}" if refused else "look at the query, or try again later",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StemdlError(
            "the Materials Project cannot be reached or understood",
            where=query,
            found=repr(error),
            remedy="try again later, or give a table of structures",
        ) from error
    return documents, total
