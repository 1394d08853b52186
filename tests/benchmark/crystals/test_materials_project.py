"""Crystals of the Materials Project, of a service that stands for it: page by page; every fault with its reason."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from compounds import EXPECTED, ROCK_SALT, RUTILE, groups

from benchmark.crystals import materials_project
from benchmark.crystals.sources import read_candidates, source_sha256
from benchmark.crystals.tables import CELL_COLUMNS
from benchmark.foundation.errors import StemdlError


def document(
    identifier: str, cell: tuple[float, ...], symbols: list[str], positions: list, occupancy: float = 1.0
) -> dict:
    """An answer's entry in pymatgen's form, as the service gives it."""
    return {
        "material_id": identifier,
        "structure": {
            "@class": "Structure",
            "lattice": dict(zip(CELL_COLUMNS, cell, strict=True)),
            "sites": [
                {"species": [{"element": symbol, "occu": occupancy}], "abc": position, "label": symbol}
                for symbol, position in zip(symbols, positions, strict=True)
            ],
        },
    }


DOCUMENTS = [
    document("rutile", (4.59, 4.59, 2.96, 90, 90, 90), ["Ti"] * 2 + ["O"] * 4, RUTILE),
    document("salt", (3.988, 3.988, 3.988, 60, 60, 60), ["Na", "Cl"], ROCK_SALT),
    document("alloy", (3.8, 3.8, 3.8, 90, 90, 90), ["Cu"], [[0, 0, 0]], occupancy=0.5),
    {"material_id": "empty", "structure": None},
]


class Service:
    """A recorded service on this host: answers in pages, remembers what it was asked."""

    def __init__(self, address: str) -> None:
        self.address, self.asked, self.status, self.body = address, [], 200, None


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            recorded.asked.append(query | {"key": self.headers["X-API-KEY"], "agent": self.headers["User-Agent"]})
            first, count = int(query["_skip"]), int(query["_limit"])
            page = {"data": DOCUMENTS[first : first + count], "meta": {"total_doc": len(DOCUMENTS)}}
            self.send_response(recorded.status)
            self.end_headers()
            self.wfile.write(json.dumps(page).encode() if recorded.body is None else recorded.body)

        def log_message(self, *_: object) -> None:
            return None

    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    recorded = Service(f"http://127.0.0.1:{server.server_port}/materials/summary/")
    monkeypatch.setenv(materials_project.ENDPOINT_VARIABLE, recorded.address)
    monkeypatch.setenv(materials_project.KEY, "a-key")
    monkeypatch.setattr(materials_project, "DOCUMENTS_AT_ONCE", 3)
    materials_project.fetch.cache_clear()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield recorded
    server.shutdown()
    server.server_close()
    materials_project.fetch.cache_clear()


def test_the_materials_project_is_asked_page_by_page(service: Service) -> None:
    candidates = list(read_candidates(Path("mp:spacegroup_number=225&nsites_max=40")))
    assert groups(candidates) == EXPECTED
    assert {one.identifier: one.faulty for one in candidates if one.faulty} == {
        "alloy": "sites are partly occupied",
        "empty": "its document cannot be read",
    }
    assert [(one["_skip"], one["_limit"]) for one in service.asked] == [("0", "3"), ("3", "3")]
    assert service.asked[0]["spacegroup_number"] == "225" and service.asked[0]["nsites_max"] == "40"
    assert service.asked[0]["_fields"] == "material_id,structure"
    assert service.asked[0]["key"] == "a-key" and "urllib" not in service.asked[0]["agent"]
    assert source_sha256("mp:spacegroup_number=225&nsites_max=40") and len(service.asked) == 2, "asked twice"


def test_identifiers_alone_are_a_query(service: Service) -> None:
    list(read_candidates("mp:mp-149,mp-66"))
    assert service.asked[0]["material_ids"] == "mp-149,mp-66"


def refuse(service: Service) -> None:
    service.status = 403


def fail(service: Service) -> None:
    service.status = 500


def babble(service: Service) -> None:
    service.body = b"<html>"


def withhold(service: Service) -> None:
    service.body = json.dumps({"data": [], "meta": {"total_doc": 7}}).encode()


def find_nothing(service: Service) -> None:
    service.body = json.dumps({"data": [], "meta": {"total_doc": 0}}).encode()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (refuse, "refuses(.|\n)*look at the key"),
        (fail, "cannot answer(.|\n)*500"),
        (babble, "cannot be reached or understood"),
        (withhold, "gave fewer structures"),
        (find_nothing, "has no such structures"),
    ],
)
def test_a_service_that_does_not_answer_is_one_error(service: Service, what: Callable, message: str) -> None:
    what(service)
    with pytest.raises(StemdlError, match=message):
        list(read_candidates("mp:mp-149"))


def test_no_key_no_service_and_no_query(monkeypatch: pytest.MonkeyPatch) -> None:
    materials_project.fetch.cache_clear()
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv(materials_project.KEY, raising=False)
    with pytest.raises(StemdlError, match="asks for a key(.|\n)*MP_API_KEY"):
        list(read_candidates("mp:mp-149"))
    monkeypatch.setenv(materials_project.KEY, "a-key")
    monkeypatch.setenv(materials_project.ENDPOINT_VARIABLE, "http://127.0.0.1:9/")
    with pytest.raises(StemdlError, match="cannot be reached"):
        list(read_candidates("mp:mp-149"))
    with pytest.raises(StemdlError, match="query of the Materials Project cannot be read"):
        list(read_candidates("mp:a=1&nonsense"))
