"""The page about a data set: whole in one file, with the data's own numbers, whatever the data."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import h5py
import matplotlib.image as mpimg
import numpy as np
import pytest
from sealing import seal

from benchmark.crystals import cbed_stack
from benchmark.data import layout
from benchmark.data.manifest import WrittenShard, read_manifest, write_manifest
from benchmark.foundation.errors import StemdlError
from benchmark.report.explored import MARK
from benchmark.simulation import cbed_fields
from benchmark.tasks.space_group.explore import find_leaks, read_histogram, real_counts, write_page
from benchmark.tasks.space_group.explore import page as page_of
from benchmark.tasks.space_group.exploring import overview as module
from benchmark.tasks.space_group.exploring.material_figures import _place_in_the_table
from benchmark.tasks.space_group.exploring.overview import SYSTEM_COLOURS, look_over
from benchmark.tasks.space_group.importer import import_data

GROUPS = (2, 62, 63, 225)
MATERIALS = {"train": 56, "dev": 12, "test": 12}


def write_data(folder: Path, pixels: int = 16, energies: int = 1) -> Path:
    """A data set whose group 63 has heavier elements than 62: a leak to be found."""
    number, written = 0, []
    for split, count in MATERIALS.items():
        path = layout.shard_path(folder, split, 0)
        path.parent.mkdir(parents=True)
        groups = []
        with h5py.File(path, "w") as shard:
            for _ in range(count):
                generator, group = np.random.default_rng(number), GROUPS[number % 4]
                heavy = ("Ba", "La") if group == 63 else ("Li", "Na")
                edge = generator.uniform(4.0, 7.0)
                patterns = generator.exponential(size=(3, pixels, pixels))
                patterns /= patterns.sum(axis=(1, 2), keepdims=True)
                for energy in range(energies):
                    cbed_stack.write_stack(
                        shard,
                        number,
                        energy,
                        cbed_stack.Stack(
                            patterns.astype(np.float32),
                            group,
                            f"m{number}",
                            100.0 + 10 * energy,
                            f"{heavy[number // 4 % 2]}{generator.integers(1, 4)} O4",
                            np.eye(3, dtype=np.int64),
                            np.eye(3),
                            np.ones(3),
                            np.ones(3),
                            np.full(3, edge),
                            np.full(3, 90.0),
                            {},
                        ),
                    )
                    groups.append(group)
                number += 1
        written.append(WrittenShard(split, 0, groups))
    write_manifest(
        folder,
        rung="written <b>",
        standard=False,
        recipe_sha256="0",
        source={"kind": "structures", "name": "a.npz"},
        schema=cbed_fields.sample_schema(16, GROUPS),
        shards=written,
        about={},
    )
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    """The page of the data set next to a histogram of the real set; what `explore` returned, and the folder."""
    folder = tmp_path_factory.mktemp("explore")
    histogram = folder / "real.csv"
    histogram.write_text("space_group,train,total\n2,30,40\n62,10,20\n225,40,60\n14,70,80\n")
    report = write_page(read_manifest(write_data(folder / "data")), folder / "page", histogram=histogram)
    return report, folder / "page"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_one_file_that_needs_no_other(page: tuple[dict, Path]) -> None:
    report, folder = page
    assert report["page"] == str(folder / "index.html")
    text = (folder / "index.html").read_text(encoding="utf-8")
    parser = _Tags()
    parser.feed(text)
    assert parser.open == []
    pictures = [attributes for tag, attributes in parser.tags if tag == "img"]
    assert len(pictures) == len(report["figures"]) == 9
    for picture in pictures:
        assert picture["src"].startswith("data:image/png;base64,iVBOR") and len(picture["alt"]) > 30
    assert not {"script", "link", "iframe"} & {tag for tag, _ in parser.tags}
    assert not re.search(r"https?://|url\(", text)
    assert MARK.decode() in text, "so that it may be made again"
    assert "written &lt;b&gt;" in text and "<b>" not in text  # names are not markup
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["index.html", *(Path(figure).name for figure in report["figures"])]
    )


def test_the_numbers_are_the_data_s(page: tuple[dict, Path]) -> None:
    report, folder = page
    assert (report["stacks"], report["materials"], report["groups"], report["pixels"]) == (80, 80, 4, 16)
    assert report["stacks_looked_at"] == 80 and report["imbalance"] == 1.0
    assert 0.0 < sum(report["explained_variance"]) <= 1.0 and report["label_bits"] == 2.0
    json.dumps(report, allow_nan=False)
    text = (folder / "index.html").read_text(encoding="utf-8")
    for split, count in MATERIALS.items():
        assert f"<dt>{split}</dt><dd>{count}</dd>" in text
    assert read_manifest(folder.parent / "data").sha256 in text


def test_the_leak_that_was_put_in_is_found(page: tuple[dict, Path]) -> None:
    """Groups 62 and 63 differ in the weight of their elements, the other groups in nothing."""
    report, _ = page
    assert report["pairs_told_apart"][0]["groups"] == [62, 63]
    assert report["pairs_told_apart"][0]["accuracy"] > 0.95
    bits = report["mutual_information_bits"]
    assert max(bits, key=bits.get) in ("mean_z", "max_z", "std_z") and bits["a"] < 0.3
    told = report["macro_f1_without_network"]
    assert told["formula and volume"] > told["patterns of 8 x 8 pixels"]


def test_two_energies_of_a_material_are_one_material(tmp_path: Path) -> None:
    seen = look_over(read_manifest(write_data(tmp_path / "data", energies=2)))
    assert sum(seen.samples.values()) == 160 and sum(seen.materials.values()) == 80
    assert len(seen.features.items) == 80 and seen.elements[8] == 80


def test_imported_data_that_hold_patterns_and_labels_alone_have_a_page(tmp_path: Path) -> None:
    """The NPZ form: no formula, no cell, no zone axes, no material."""
    number = 0
    for split in MATERIALS:
        (tmp_path / "npz" / split).mkdir(parents=True)
        for _ in range(12):
            data = np.random.default_rng(number).uniform(1.0, 60.0, size=(3, 128, 128))
            np.savez(tmp_path / "npz" / split / f"sample-{number}.npz", data=data, label=np.array([GROUPS[number % 4]]))
            number += 1
    manifest = import_data(tmp_path / "npz", tmp_path / "data", rung="stemdl_smoke").manifest
    report = write_page(manifest, tmp_path / "page")
    assert (report["stacks"], report["groups"], report["pixels"]) == (36, 4, 128)
    assert {Path(figure).stem for figure in report["figures"]}.isdisjoint({"lattice", "composition"})
    assert report["mutual_information_bits"] == {} and "too few to measure" in Path(report["page"]).read_text()


def test_the_real_sets_counts_are_the_published_ones() -> None:
    counts = real_counts()
    assert (len(counts), sum(counts.values()), counts[14], max(counts.values())) == (200, 187_155, 14_784, 14_784)


def test_of_many_stacks_some_are_looked_at_and_all_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STACKS_LOOKED_AT", 20)
    seen = look_over(read_manifest(write_data(tmp_path / "data")))
    assert seen.looked_at == 20 and sum(seen.samples.values()) == 80
    assert seen.components.components_.shape == (12, 3 * 16 * 16)
    assert seen.radial.counts.sum() == 20 * 3 * len(seen.radial.inside)


def test_places_in_the_periodic_table() -> None:
    """Row and column as on the wall."""
    known = {
        1: (1, 1),
        2: (1, 18),
        3: (2, 1),
        5: (2, 13),
        10: (2, 18),
        13: (3, 13),
        21: (4, 3),
        26: (4, 8),
        56: (6, 2),
        57: (8, 3),
        71: (8, 17),
        72: (6, 4),
        86: (6, 18),
        88: (7, 2),
        92: (9, 6),
    }
    assert {number: _place_in_the_table(number) for number in known} == known
    places = [_place_in_the_table(number) for number in range(1, 104)]
    assert len(set(places)) == 103 and all(1 <= row <= 9 and 1 <= column <= 18 for row, column in places)


def test_each_crystal_system_has_a_colour_of_its_own() -> None:
    assert len(SYSTEM_COLOURS) == len(set(SYSTEM_COLOURS.values())) == 7


@pytest.mark.parametrize("text", ["space_group,count\n1,2\n", "space_group,total\nP1,2\n", "no table", "", None])
def test_a_histogram_that_is_none_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "real.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StemdlError, match="the histogram cannot be read"):
        read_histogram(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("space_group", np.bytes_("0"), "the label is not a space group"),
        ("space_group", np.bytes_("231"), "the label is not a space group"),
        ("formula", "water", "does not say what it is of"),
    ],
)
def test_a_sample_that_cannot_be_read_is_one_clear_error(
    tmp_path: Path, name: str, value: object, message: str
) -> None:
    folder = write_data(tmp_path / "data")
    with h5py.File(folder / "dev" / "batch_dev_0.h5", "r+") as shard:
        shard["sample_60_0"].attrs[name] = value
    seal(folder)
    with pytest.raises(StemdlError, match=message):
        look_over(read_manifest(folder))


def test_nan_and_broken_shards_are_one_clear_error(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "data")
    with h5py.File(folder / "dev" / "batch_dev_0.h5", "r+") as shard:
        shard["sample_60_0/cbed_stack"][0, 0, 0] = np.nan
    with pytest.raises(StemdlError, match="batch_dev_0.h5: a shard has changed since the manifest was written"):
        look_over(read_manifest(folder))
    seal(folder)
    with pytest.raises(StemdlError, match="sample_60_0: intensities are not finite"):
        look_over(read_manifest(folder))
    (folder / "dev" / "batch_dev_0.h5").write_bytes(b"")
    seal(folder)
    with pytest.raises(StemdlError, match="batch_dev_0.h5: a shard cannot be read"):
        look_over(read_manifest(folder))


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "data")
    (tmp_path / "page").write_text("in the way")
    with pytest.raises(StemdlError, match="the page cannot be written"):
        write_page(read_manifest(folder), tmp_path / "page")
    assert (tmp_path / "page").read_text() == "in the way"


def test_groups_that_the_real_set_lacks_are_named(page: tuple[dict, Path]) -> None:
    assert (
        "the real set&#39;s share of the same group, of all its stacks (it has none of 63)."
        in (page[1] / "index.html").read_text()
    )


def test_too_few_materials_and_data_of_another_recipe_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MATERIALS, "train", 8)
    monkeypatch.setitem(MATERIALS, "dev", 4)
    monkeypatch.setitem(MATERIALS, "test", 4)
    manifest = read_manifest(write_data(tmp_path / "data"))
    leaks = find_leaks(look_over(manifest))
    assert (leaks.materials, leaks.pairs) == (0, [])
    drawn = {**manifest.values, "source": {"kind": "drawn", "crystals": "realistic"}}
    text = page_of(replace(manifest, values=drawn), look_over(manifest), [], leaks)
    assert "too few to measure" in text
    assert "Drawn, crystals realistic; not the rung's own." in html.unescape(text)


def test_on_a_dark_page_charts_are_dark_and_patterns_stay_as_they_are(page: tuple[dict, Path]) -> None:
    text = (page[1] / "index.html").read_text()
    dark = text.partition("@media screen and (prefers-color-scheme: dark)")[2]
    assert "figure img:not(.patterns) { filter: invert(" in dark
    kept = list(map(bool, re.findall(r'<img( class="patterns")? alt=', text)))
    assert kept == [True, True] + [False] * (len(page[0]["figures"]) - 2)
    for is_kept, path in zip(kept, page[0]["figures"], strict=True):
        corner = mpimg.imread(path)[0, 0, :3]
        assert corner.max() < 0.1 if is_kept else corner.min() == 1.0, path
