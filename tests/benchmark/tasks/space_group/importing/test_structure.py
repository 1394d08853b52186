"""What may lie in an HDF5 file besides sound stacks: each entry goes alone, with its reason, whatever it is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.data import storage
from benchmark.data.verify import verify
from benchmark.foundation.errors import StemdlError
from benchmark.tasks.space_group.importer import import_data

Write = Callable[..., Path]
GOOD = (0, 0, 14, "mp-1")
OTHER = "sample_1_0"
SOUND = np.full((3, 16, 16), 1.0 / 256, dtype=np.float32)
ENUM = h5py.enum_dtype({"dark": 0, "bright": 1}, basetype=np.uint8)


def with_entry(path: Path, write_real: Write, add: Callable[[h5py.File], None]) -> Path:
    """A file of one sound stack and whatever `add` adds to it."""
    write_real(path, [GOOD])
    with h5py.File(path, "a") as file:
        add(file)
    return path


def sample(file: h5py.File, name: str = OTHER) -> h5py.Group:
    """A group with the attributes of a sample, without its stack."""
    group = file.create_group(name)
    group.attrs.update({"space_group": np.bytes_("14"), "material": np.bytes_("mp-2")})
    return group


def with_stack(stack: Any, **created: Any) -> Callable[[h5py.File], None]:
    """Adds a sample around a stack, or around a link in its place."""

    def add(file: h5py.File) -> None:
        if isinstance(stack, (h5py.SoftLink, h5py.ExternalLink)):
            sample(file)["cbed_stack"] = stack
        else:
            sample(file).create_dataset("cbed_stack", data=stack, **created)

    return add


def called(name: str) -> Callable[[h5py.File], None]:
    """Adds a sound sample under another name."""
    return lambda file: sample(file, name).create_dataset("cbed_stack", data=SOUND) and None


def a_ring(file: h5py.File) -> None:
    """A sample that holds the root, which holds it."""
    sample(file)["cbed_stack"] = file["/"]


def a_view(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3, 16, 16), dtype=np.float32)
    layout[:] = h5py.VirtualSource("elsewhere.h5", "stack", shape=(3, 16, 16))
    sample(file).create_virtual_dataset("cbed_stack", layout)


def raw_bytes(file: h5py.File) -> None:
    sample(file).create_dataset(
        "cbed_stack", (3, 16, 16), np.float32, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
    )


def too_large(file: h5py.File) -> None:
    sample(file).create_dataset("cbed_stack", (3, 10**6, 10**6), np.float32, chunks=(1, 64, 64))


def broken_checksum(file: h5py.File) -> None:
    with_stack(SOUND, fletcher32=True, chunks=SOUND.shape)(file)
    stack = file[OTHER]["cbed_stack"].id
    _, stored = stack.read_direct_chunk((0, 0, 0))
    stack.write_direct_chunk((0, 0, 0), stored[:-1] + bytes([stored[-1] ^ 1]))


def broken_compression(file: h5py.File) -> None:
    with_stack(SOUND, compression="gzip", chunks=SOUND.shape)(file)
    file[OTHER]["cbed_stack"].id.write_direct_chunk((0, 0, 0), b"not gzip")


def a_time(file: h5py.File) -> None:
    """Of a type that numpy does not have."""
    h5py.h5d.create(sample(file).id, b"cbed_stack", h5py.h5t.UNIX_D32LE, h5py.h5s.create_simple((3, 16, 16)))


NO_STACK, NO_SAMPLE = "it has no cbed_stack of three square patterns", "it is not a group sample_<m>_<e>"


@pytest.mark.parametrize(
    ("add", "reason"),
    [
        (with_stack(h5py.SoftLink("/gone")), "its cbed_stack is a link to nothing"),
        (with_stack(h5py.ExternalLink("gone.h5", "/x")), "its cbed_stack is a link to another file"),
        (a_ring, NO_STACK),
        (with_stack(h5py.Empty("f4")), NO_STACK),
        (with_stack(SOUND + 0j), "its patterns are of type complex64, not of real numbers"),
        (
            with_stack(SOUND.astype(np.longdouble)),
            f"its patterns are of type {np.dtype(np.longdouble)}, not of real numbers",
        ),
        (with_stack(SOUND > 0), "its patterns are of type bool, not of real numbers"),
        (with_stack(SOUND.astype("S4")), "its patterns are of type |S4, not of real numbers"),
        (
            with_stack(np.zeros((3, 16, 16), [("x", "f4")])),
            "its patterns are of type [('x', '<f4')], not of real numbers",
        ),
        (with_stack(np.zeros((3, 16, 16), "V4")), "its patterns are of type |V4, not of real numbers"),
        (
            with_stack(np.full((3, 16, 16), "x", dtype=object), dtype=h5py.string_dtype()),
            "its patterns are of type object, not of real numbers",
        ),
        (
            with_stack(np.zeros((3, 16, 16), np.uint8), dtype=ENUM),
            "its patterns are of type uint8, not of real numbers",
        ),
        (a_time, "its patterns are of a type that cannot be read"),
        (a_view, "its patterns lie in another file"),
        (raw_bytes, "its patterns lie in another file"),
        (too_large, "its patterns are of more than 4096 pixels"),
        (broken_checksum, "its cbed_stack is damaged"),
        (broken_compression, "its cbed_stack is damaged"),
        (lambda file: file.create_dataset(OTHER, data=1), NO_SAMPLE),
        (lambda file: file.create_dataset("sample_1_1", data=h5py.Empty("f4")), NO_SAMPLE),
        (called("sample_1_0\n"), NO_SAMPLE),
        (called(f"sample_{'9' * 5000}_0"), NO_SAMPLE),
        (called("sample_\u0661_0"), NO_SAMPLE),
    ],
)
def test_an_entry_that_is_not_a_stack_goes_alone(add: Callable, reason: str, tmp_path: Path, write_real: Write) -> None:
    source = with_entry(tmp_path / "batch_train_0.h5", write_real, add)
    done = import_data(source, tmp_path / "data")
    assert done.tally.imported == 1 and dict(done.tally.reasons) == {f"dropped: {reason}": 1}
    assert not verify(tmp_path / "data", quick=True).faults


def test_two_links_that_lead_to_each_other_go_both(tmp_path: Path, write_real: Write) -> None:
    def add(file: h5py.File) -> None:
        file[OTHER], file["sample_2_0"] = h5py.SoftLink("/sample_2_0"), h5py.SoftLink(f"/{OTHER}")

    source = with_entry(tmp_path / "batch_train_0.h5", write_real, add)
    assert dict(import_data(source, tmp_path / "data").tally.reasons) == {"dropped: it is a link to nothing": 2}


@pytest.mark.parametrize("material", ["", "a\x1b[31m", "a" * 2000, np.nan, np.array(["a", "b"], "S1"), b"\xff"])
def test_a_material_must_be_text(material: Any, tmp_path: Path, write_real: Write) -> None:
    path = write_real(tmp_path / "batch_train_0.h5", [GOOD, (1, 0, 14, "mp-2", {"material": material})])
    done = import_data(path, tmp_path / "data")
    assert (done.tally.imported, done.tally.dropped) == (1, 1)


TEXT = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=6)
VALUES = st.one_of(
    TEXT,
    st.binary(max_size=8).map(np.bytes_),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.complex_numbers().map(np.complex128),
    st.booleans(),
    st.just(h5py.Empty("f8")),
    st.lists(st.floats(width=32), max_size=4).map(lambda rows: np.array(rows, np.float32)),
    st.sampled_from([np.zeros(2, [("a", "i4")]), np.zeros(40_000, np.uint8)]),
    st.lists(st.integers(-9, 9), min_size=9, max_size=9).map(lambda rows: np.array(rows).reshape(1, 3, 3)),
)
NAMES = st.one_of(
    st.sampled_from(["space_group", "material", "energy_keV", "formula", "z_dirs", "abc_angstrom", "d_hkls_angstrom"]),
    st.text("ab\u00e9\u202e\x01", min_size=1, max_size=4),
)
STACKS = st.one_of(
    st.sampled_from(
        [
            SOUND,
            SOUND * np.nan,
            -SOUND,
            SOUND + 0j,
            SOUND.astype("f2"),
            SOUND.astype("i8"),
            SOUND[:2],
            SOUND[0],
            np.float64(1),
            np.full((3, 16, 16), np.inf),
            h5py.Empty("f4"),
            SOUND > 0,
        ]
    ),
    st.sampled_from(["/gone", "/", "/sample_0_0/cbed_stack", "."]).map(h5py.SoftLink),
)
ENTRY_NAMES = st.one_of(
    st.sampled_from(["sample_1_0", "sample_01_0", "sample_0_999999999", "sample_5_x", "notes"]),
    TEXT.filter(lambda name: name != "."),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(ENTRY_NAMES, st.tuples(STACKS, st.dictionaries(NAMES, VALUES, max_size=4)), max_size=3))
def test_whatever_a_file_holds_the_sound_stack_arrives_and_the_rest_is_counted(
    tmp_path_factory: pytest.TempPathFactory, write_real: Write, entries: dict[str, tuple[Any, dict[str, Any]]]
) -> None:
    def add(file: h5py.File) -> None:
        for name, (stack, attributes) in entries.items():
            group = sample(file, name)
            group.attrs.update(attributes)
            if isinstance(stack, h5py.SoftLink):
                group["cbed_stack"] = stack
            else:
                group.create_dataset("cbed_stack", data=stack)

    folder = tmp_path_factory.mktemp("fuzz")
    done = import_data(with_entry(folder / "batch_train_0.h5", write_real, add), folder / "data")
    assert done.tally.imported >= 1 and done.tally.imported + done.tally.dropped == 1 + len(entries)
    dropped = sum(count for reason, count in done.tally.reasons.items() if reason.startswith("dropped: "))
    assert dropped == done.tally.dropped and all(reason.isprintable() for reason in done.tally.reasons)
    with h5py.File(folder / "data" / "train" / "batch_train_0.h5") as shard:
        materials = [group.attrs["material"] for group in shard.values()]
        assert b"mp-1" in materials and len(materials) == done.tally.imported


# ---- locks, and filters to store with


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Held for writing by another process."""
    hold = "import h5py, sys; file = h5py.File(sys.argv[1], 'a'); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            process.stdin.close()


def test_a_locked_source_is_one_message_and_not_a_smaller_set(
    tmp_path: Path, write_real: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HDF5_USE_FILE_LOCKING", raising=False)
    for number in range(2):
        write_real(tmp_path / "source" / f"batch_train_{number}.h5", [(number, 0, 14, f"mp-{number}")])
    held = tmp_path / "source" / "batch_train_1.h5"
    with locked(held), pytest.raises(StemdlError, match="open for writing") as caught:
        import_data(tmp_path / "source", tmp_path / "data")
    assert caught.value.where == held and "HDF5_USE_FILE_LOCKING=FALSE" in caught.value.remedy
    assert "errno" not in str(caught.value) and not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", sorted(storage.PLUGIN_FILTERS))
def test_storing_without_the_filters_library_is_refused_before_anything_is_made(
    name: str, real_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    with pytest.raises(StemdlError) as caught:
        import_data(real_set, tmp_path / "data", storage=storage.Storage(filter=name))
    assert f"the filter {name}" in str(caught.value) and "0x" not in str(caught.value)
    assert "[storage]" in caught.value.remedy and not (tmp_path / "data").exists()
