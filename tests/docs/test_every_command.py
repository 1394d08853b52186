"""Every command of the README, of docs/ and of the tasks' READMEs is run as it stands, on small rungs; one list has
those that are not run here, with the reason."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
import yaml
from cif_text import cif
from crystal_tables import drawn, write_table
from PIL import Image
from runs import printed
from scipy.ndimage import zoom
from shown import blocks, shape, shown
from small_rungs import small_rungs, typed
from walks import commands_in

from benchmark.data.recipe import Sample, recipe_of, samples_of_unit
from benchmark.definition.finder import benchmark_of

ROOT = Path(__file__).resolve().parents[2]
WALKS = ("docs/add_a_benchmark.md", "docs/bring_your_model.md")
"""Documents that tests/toy_task/test_walks.py runs, as they stand."""
WITH_RESULTS = "test_commands.py runs it, on results that it has"
TEN_RUNS = "half an hour of training, whose result its document shows: sets of five are made here"
EXAMPLE = "tests/examples/test_examples.py runs it"
NOT_HERE = {
    "run --rung fingerprints_mini --ranks 1 --runs 10": TEN_RUNS,
    "run --rung fingerprints_unsupervised_mini --ranks 1 --runs 10": TEN_RUNS,
    "compare runs/before runs/after": WITH_RESULTS,
    "compare results/reference latest --format markdown -o comparison.md": WITH_RESULTS,
    "compare hpc_results_v3.0 --baseline NVIDIA/eos_n64 --format json": WITH_RESULTS,
    "report results -o site": WITH_RESULTS,
    "report runs hpc_results_v3.0 -o site --logs": WITH_RESULTS,
    "report results --table leaderboard.md": WITH_RESULTS,
    "report results --table results/leaderboard.md": WITH_RESULTS,
    "review results/reference -o review": WITH_RESULTS,
    "validate results/reference": WITH_RESULTS,
    "validate submission": WITH_RESULTS,
    "score submission": WITH_RESULTS,
    "submit runs/set -o submission": WITH_RESULTS,
    "submit runs/five -o results": WITH_RESULTS,
    "submit runs/mine -o submission": WITH_RESULTS,
    "run --rung density_mini --ranks 1 --runs 10": TEN_RUNS,
    "run --rung powder_mini --ranks 1 --runs 10": TEN_RUNS,
    "run --rung stemdl_mini_v2 --ranks 1 --runs 10": TEN_RUNS,
    "run --rung stemdl_smoke --trainer examples/my_model.py:make_task": EXAMPLE,
    "data generate examples/my_rung.yaml -o data/my_rung": EXAMPLE,
    "run --rung examples/my_rung.yaml --data data/my_rung": EXAMPLE,
    "doctor": "asks whether a whole rung fits this machine: tests/benchmark/cli/test_doctor_command.py does",
    "run --instances 2 --ranks 1": "starts runs side by side: tests/benchmark/cli/test_run_sets.py does",
    "run --scale 1,2 --runs 3": "starts several ranks: tests/benchmark/cli/test_run_sets.py does",
    "run --data DIR --output DIR --seed 7 --config FILE": "names stand for the user's own",
    "data generate stemdl_small -o": "takes hours",
    "run --rung stemdl_small": "needs the data of hours",
    "data generate stemdl_small --device cuda --dry-run": "simulates crystals of a larger rung: the tests of CUDA do",
}
"""What is not run here, by how the command begins; the parser takes them all (test_documented_commands.py)."""
NEEDS_A_GPU = "run --rung stemdl_mini --ranks 2 --set device=cuda"
"""Refused where no GPU is seen, as its document says."""
MEASURED = "evaluate runs/seed13 measured/ --labels labels.csv --no-pictures -o answers_measured"
SHOWN = {MEASURED: "of 112 labelled inputs"}
"""Commands below which their document shows what they print, and words of it."""
DONE: set[str] = set()
"""What a document before had too."""
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("README.md", "docs/*.md", "results/README.md", "*/tasks/*/README.md")
    for path in ROOT.glob(pattern)
)


def commands(document: str) -> list[str]:
    return [re.sub(" +", " ", each) for text in blocks(ROOT / document) for each in commands_in(text.splitlines())]


def is_here(command: str) -> bool:
    return not any(command.startswith(each) for each in NOT_HERE)


def first_sample(rung: str) -> Sample:
    found = benchmark_of(rung).rung(rung)
    recipe = recipe_of(found)
    return next(iter(samples_of_unit(recipe, found, recipe.units()[0])))


def crystals(place: Path, folder: str = "crystals") -> None:
    (place / folder).mkdir(exist_ok=True)
    (place / folder / "salt.cif").write_text(cif(name="F m -3 m"))


def curves(place: Path, folder: str = "curves") -> None:
    (place / folder).mkdir()
    profile = first_sample("powder_smoke").arrays["profile"][0]
    lines = [f"{x:.3f} {1e3 * y:.2f}" for x, y in zip(np.linspace(5.0, 90.0, len(profile)), profile, strict=True)]
    (place / folder / "one.xy").write_text("\n".join(["# wavelength 1.540593", *lines]))


def minerals(place: Path) -> None:
    crystals(place, "minerals")


def measured(place: Path) -> None:
    curves(place, "measured")
    (place / "labels.csv").write_text("input,extinction_group\none.xy,1:P1\n")
    shutil.copytree(latest(place), place / "runs" / "seed13")


def scan(place: Path) -> None:
    patterns = first_sample("density_smoke").arrays["scan"]
    finer = patterns.repeat(3, axis=0).repeat(3, axis=1)  # in steps of a third, and pixels of two thirds
    np.save(place / "scan.npy", zoom(finer, (1, 1, 1.5, 1.5), order=1))
    with h5py.File(place / "scan.emd", "w") as file:
        group = file.create_group("datacube_root/datacube")
        group["data"] = patterns
        for number, (units, step) in enumerate([("A", 0.9)] * 2 + [("A^-1", 0.075)] * 2):
            axis = group.create_dataset(f"dim{number}", data=np.array([0.0, step]))
            axis.attrs["units"] = units
    shutil.copytree(latest(place), place / "runs" / "mine")


def stacks(place: Path) -> None:
    crystals(place)
    with h5py.File(place / "stacks.h5", "w") as file:
        file["cbed_stack"] = first_sample("stemdl_smoke").arrays["cbed_stack"]


def materials(place: Path) -> None:
    write_table(place / "crystals.npz", [*drawn(2, 12), *drawn(225, 12)])


def compounds(place: Path) -> None:
    """Crystals as the rung itself draws them, of which each split has some."""
    rung = benchmark_of("fingerprints_small").rung("fingerprints_small")
    recipe = recipe_of(rung)
    asked = [(each.content, each.split, np.random.default_rng(turn)) for turn, each in enumerate(recipe.units())]
    crystals = [recipe.crystal(*each) for each in asked]
    write_table(place / "crystals.npz", [(str(turn), crystal) for turn, crystal in enumerate(crystals)])


def smoke(place: Path) -> None:
    assert typed("run --rung stemdl_smoke") in (0, 1) and (place / "data" / "stemdl_smoke").is_dir()


def latest(place: Path) -> Path:
    return max(
        (each for each in (place / "runs").iterdir() if (each / "run.json").is_file()), key=lambda each: each.name
    )


def own_rung(name: str, **less: Any) -> Callable[[Path], None]:
    """A rung of performance/, with two groups and few samples."""

    def write(place: Path) -> None:
        (place / "performance").mkdir(exist_ok=True)
        rung = yaml.safe_load((ROOT / "performance" / f"{name}.yaml").read_text())
        text = yaml.safe_dump({**rung, "space_groups": [2, 225], **less})
        (place / "performance" / f"{name}.yaml").write_text(text)

    return write


def of_materials(rung: Callable[[Path], None]) -> Callable[[Path], None]:
    """A rung of one's own, and structures for it."""

    def write(place: Path) -> None:
        materials(place)
        rung(place)

    return write


def shot(place: Path) -> None:
    """A photograph of a pattern, its brightest disk in the middle, around which there is background to measure."""
    pattern = first_sample("stemdl_smoke").arrays["cbed_stack"][0]
    wide = np.pad(zoom(np.sqrt(pattern), 4, order=1), 64)
    Image.fromarray((20 + 200 * wide / wide.max()).clip(0, 255).astype(np.uint8)).save(place / "shot.jpg")


GIVEN: dict[str, Callable[[Path], None]] = {
    "evaluate latest crystals/ -o answers --set vacancies=0.25": crystals,
    "evaluate latest crystals/ stacks.h5 -o answers": stacks,
    "evaluate latest curves/ -o answers": curves,
    MEASURED: measured,
    "evaluate runs/mine scan.emd -o answers_emd": scan,
    "data generate stemdl_mini --structures crystals.npz -o data/real": materials,
    "data generate fingerprints_small --structures crystals.npz -o data/given": compounds,
    "data generate performance/imbalanced.yaml -o data/imbalanced": own_rung(
        "imbalanced", samples_per_group={2: [3, 1, 1], 225: [2, 1, 1]}
    ),
    "data generate performance/any_rotation.yaml -o data/any_rotation": own_rung(
        "any_rotation", materials_per_group={"train": 2, "dev": 1, "test": 1}
    ),
    "data generate performance/drawn_420.yaml -o data/drawn_420": own_rung(
        "drawn_420", materials_per_group={"train": 2, "dev": 1, "test": 1}
    ),
    "data generate performance/small_coarse.yaml -o data/small_coarse": own_rung(
        "small_coarse", materials_per_group={"train": 2, "dev": 1, "test": 1}
    ),
    "data generate stemdl_mini_v2 --structures crystals.npz --orientation olcf -o data/olcf_real": materials,
    "data generate stemdl_mini_v2 --structures minerals --no-splits -o data/minerals": minerals,
    "data generate performance/views8.yaml --structures crystals.npz --orientation olcf "
    "-o data/olcf_views": of_materials(own_rung("views8", optics={"energy_kev": [100.0, 200.0]})),
    "data generate performance/real_conditions.yaml --structures crystals.npz --set likeness=olcf "
    "-o data/conditions": of_materials(own_rung("real_conditions", samples_per_group={2: [3, 1, 1], 225: [2, 1, 1]})),
    "report latest -o site --data data/stemdl_smoke": smoke,
    "data generate performance/compounds.yaml -o data/compounds": own_rung(
        "compounds", samples_per_class={"train": 2, "dev": 1, "test": 1}, atoms=32
    ),
    "evaluate latest shot.jpg -o answers_shot --set calibration=0.004 --calibrate data/stemdl_smoke": shot,
}
"""What a document takes for granted just before a command: the user's own files."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all documents share, so that a rung's data are made once."""
    folder = tmp_path_factory.mktemp("typed")
    shutil.copytree(ROOT / "examples", folder / "examples")
    recipes = Path("reference", "tasks", "space_group", "recipes")
    shutil.copytree(ROOT / recipes, folder / recipes)
    return folder


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if each not in WALKS and commands(each)])
def test_the_commands_of_a_document_do_what_it_says(
    document: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    for left in ("answers", "runs/mine"):  # by the document before
        shutil.rmtree(left, ignore_errors=True)
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    shutil.copyfile(place / "examples" / "my_model.py", place / "my_model.py")
    with small_rungs():
        for command in filter(is_here, commands(document)):
            GIVEN.get(command, lambda place: None)(place)
            if (alike := command.replace(" --ranks 2", "")) in DONE:
                continue
            code, said = typed(command), capsys.readouterr()
            DONE.add(alike)
            if command == NEEDS_A_GPU and not torch.cuda.is_available():
                assert code == 2 and "cuda" in said.err
            elif command.startswith("run"):  # one epoch may miss the target, which is exit code 1
                assert code in (0, 1) and "epochs 1" in said.out, f"stemdl {command}\n{said.out}{said.err}"
            else:
                assert code == 0, f"stemdl {command}\n{said.out}{said.err}"
            if command in SHOWN:
                below = shown(document, SHOWN[command]).partition("\n")[2]
                assert set(shape(below)) <= set(shape(said.out)), f"stemdl {command}\n{said.out}"


def test_what_is_not_run_here_is_in_a_document() -> None:
    typed = [command for document in DOCUMENTS for command in commands(document)]
    assert [each for each in NOT_HERE if not any(command.startswith(each) for command in typed)] == []
    assert len([command for command in typed if is_here(command)]) > 60


def test_the_readme_shows_what_a_run_prints(smoke_run: Path) -> None:
    assert shape(shown("README.md", "reached in")) == shape(printed(smoke_run)["out"])
