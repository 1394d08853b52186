"""How measurements for a GPU are recorded, continued and shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from patience import HANG_SECONDS, wait_until

from benchmark.foundation.errors import StemdlError
from performance.gpu import gather, page
from performance.gpu import record as record_module
from performance.gpu.__main__ import main
from performance.gpu.record import Record, measure, read_record, read_records, slug
from performance.gpu.step import Failed, Item, Step, StepSetting, command
from performance.gpu.steps import STEPS

ROOT = Path(__file__).resolve().parents[2]
ABOUT = {
    "card": "a card",
    "card_memory_gib": 80.0,
    "driver": "1",
    "cuda": "13",
    "torch": "2",
    "python": "3",
    "cores": 2,
    "processor": "one",
}


def setting(folder: Path, seconds: float = HANG_SECONDS, dry: bool = True) -> StepSetting:
    return StepSetting(dry, folder, time.monotonic() + seconds)


def step_of(*items: Item) -> Step:
    return Step("toy", "A toy", 1.0, lambda setting: items)


def fails() -> dict:
    raise Failed("no such thing")


def test_a_measurement_needs_a_card_and_a_dry_run_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def said(*words: str) -> str:
        assert main(list(words)) == 2
        return capsys.readouterr().err

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "no GPU is seen here" in said("--output", str(tmp_path))
    assert "a dry run is not a measurement" in said("--dry")
    assert "there is no such step" in said("--dry", "--steps", "rates", "nonsense", "--output", str(tmp_path))


def test_what_is_done_is_not_done_again_and_what_failed_is(tmp_path: Path) -> None:
    done: list[str] = []

    def counted(name: str) -> Callable[[], dict]:
        return lambda: done.append(name) or {"runs": len(done)}

    first = measure(
        step_of(Item("a", 1, counted("a")), Item("b", 1, fails), Item("c", 1, counted("c"))),
        setting(tmp_path),
        tmp_path,
        ABOUT,
    )
    assert (done, first.complete) == (["a", "c"], False)
    assert first.items["b"]["fault"] == "Failed: no such thing"
    items = [Item(name, 1, counted(name)) for name in "abc"]
    second = measure(step_of(*items), setting(tmp_path), tmp_path, ABOUT)
    assert (done, second.complete) == (["a", "c", "b"], True)
    assert read_record(tmp_path / "toy.json") == second


def test_after_a_fault_that_broke_the_device_the_rest_waits_for_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [Item("a", 1, lambda: {"x": 1}), Item("b", 1, fails), Item("c", 1, lambda: {"x": 2})]
    with monkeypatch.context() as broken:
        broken.setattr(record_module, "_answers", lambda setting: False)
        assert list(measure(step_of(*items), setting(tmp_path), tmp_path, ABOUT).items) == ["a", "b"]
        again = measure(step_of(*items), setting(tmp_path), tmp_path, ABOUT)
    assert list(again.items) == ["a", "b", "c"] and again.items["c"]["figures"] == {"x": 2}
    assert record_module._answers(setting(tmp_path))


def test_an_item_is_begun_only_where_its_time_is_left(tmp_path: Path) -> None:
    items = [Item("long", 100, lambda: {"x": 1}), Item("short", 1, lambda: {"x": 1})]
    record = measure(step_of(*items), setting(tmp_path, seconds=50), tmp_path, ABOUT)
    assert list(record.items) == ["short"] and not record.complete
    assert measure(step_of(*items), setting(tmp_path, seconds=500), tmp_path, ABOUT).complete


def test_a_killed_step_has_kept_what_was_measured(tmp_path: Path) -> None:
    def killed() -> dict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(step_of(Item("a", 1, lambda: {"x": 1}), Item("b", 1, killed)), setting(tmp_path), tmp_path, ABOUT)
    assert read_record(tmp_path / "toy.json").items["a"]["figures"] == {"x": 1}


def test_a_record_of_another_card_is_not_written_over(tmp_path: Path) -> None:
    step = step_of(Item("a", 1, lambda: {"x": 1}))
    measure(step, setting(tmp_path), tmp_path, ABOUT)
    for other in ({**ABOUT, "card": "another"}, ABOUT):
        with pytest.raises(StemdlError, match="a record of another machine is in the way"):
            measure(step, setting(tmp_path, dry=other is not ABOUT), tmp_path, other)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"step": 1'])
def test_what_is_no_record_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "toy.json").write_text(text)
    with pytest.raises(StemdlError, match="not a record"):
        measure(step_of(), setting(tmp_path), tmp_path, ABOUT)


def test_a_figure_that_is_no_number_is_a_fault(tmp_path: Path) -> None:
    record = measure(
        step_of(Item("a", 1, lambda: {"x": float("nan")}), Item("b", 1, lambda: {"x": 1})),
        setting(tmp_path),
        tmp_path,
        ABOUT,
    )
    assert "nan" in record.items["a"]["fault"] and record.items["b"]["figures"] == {"x": 1}


def test_a_command_ends_with_the_call_and_with_all_that_it_started(tmp_path: Path) -> None:
    class OverWhenStarted(StepSetting):
        """Its time is over when the command has started a process of its own."""

        def seconds_left(self) -> float:
            wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n"))
            return 0.0

    program = (
        "import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-c', "
        "'import time; time.sleep(9999)']).pid, file=open(sys.argv[1], 'w'), flush=True); time.sleep(9999)"
    )
    with pytest.raises(Failed, match="not done when the time was over"):
        command(OverWhenStarted(True, tmp_path, 0.0), "-c", program, tmp_path / "pid")
    grandchild = int((tmp_path / "pid").read_text())
    wait_until(lambda: not _runs(grandchild))
    with pytest.raises(Failed, match="exit code 3(.|\n)*why"):
        command(setting(tmp_path), "-c", "import sys; print('why'); sys.exit(3)")


def _runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_page_is_made_of_the_records() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(read_records()), "python -m performance.gpu --page"


def records() -> Iterator[Record]:
    yield Record(
        "rates",
        ABOUT,
        False,
        {
            "products": {"figures": {"Tflop/s": 51.23456, "n": 12}, "seconds": 1.0},
            "memory": {"fault": "broke", "seconds": 1.0},
        },
        False,
    )
    yield Record("rates", ABOUT | {"card": "B|200"}, False, {"products": {"figures": {"Tflop/s": 7e13}}}, True)
    yield Record("later", ABOUT, False, {"own": {"figures": {"what": "so\nand so"}}}, True)


def test_the_page_has_each_figure_with_its_card() -> None:
    text = page.page(records())
    for line in (
        "| products | Tflop/s | 51.23 | a card |",
        "| products | n | 12 | a card |",
        "| products | Tflop/s | 7e+13 | B\\|200 |",
        "| own | what | so and so | a card |",
        "## later",
    ):
        assert line in text
    assert "memory" not in text.split("## What")[1] and "broke" not in text


def test_nothing_measured_is_said_and_nothing_else(tmp_path: Path) -> None:
    nothing = page.page([])
    assert nothing.endswith(page.NOTHING) and all(f"| `{step.name}` |" in nothing for step in STEPS)
    failed = Record("rates", ABOUT, False, {"products": {"fault": "broke"}}, False)
    assert page.page([failed]) == nothing
    measure(step_of(Item("a", 1, lambda: {"x": 1})), setting(tmp_path), tmp_path / "card", ABOUT)
    assert list(read_records(tmp_path)) == [], "a dry run is not recorded"


def test_a_folder_is_named_as_the_card() -> None:
    assert slug("NVIDIA H100 80GB HBM3") == "nvidia-h100-80gb-hbm3"


def test_every_carried_release_is_pinned_and_horovod_is_that_of_the_build() -> None:
    versions = {name: gather.release(name, "3.12") for name in gather.names()}
    assert {"gemmi", "spglib", "mlperf-logging", "horovod"} <= set(versions)
    assert all(re.fullmatch(r"[0-9][0-9.]*", version) for version in versions.values())
    assert gather.release("pycparser", "3.10") != gather.release("pycparser", "3.12")


def test_what_is_too_much_to_carry_is_said_and_old_wheels_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def downloaded(package: str, version: str, python: str, folder: Path) -> None:
        (folder / f"{package}-{version}-py3-none-any.whl").write_bytes(bytes(2**20))

    monkeypatch.setattr(gather, "WHEELS", tmp_path)
    monkeypatch.setattr(gather, "tree_bytes", lambda: 2**20)
    monkeypatch.setattr(gather, "names", lambda: ["gemmi", "horovod"])
    monkeypatch.setattr(gather, "download", downloaded)
    (tmp_path / "gemmi-0.0.1-py3-none-any.whl").touch()
    monkeypatch.setattr(sys, "argv", ["gather.py", "--limit-mib", "4"])
    gather.main()
    assert "3.00 MiB  together" in capsys.readouterr().out
    assert not (tmp_path / "gemmi-0.0.1-py3-none-any.whl").exists()
    assert (tmp_path / "constraints.txt").read_text() == f"gemmi=={gather.release('gemmi', '3.12')}\n"
    monkeypatch.setattr(sys, "argv", ["gather.py", "--limit-mib", "2"])
    with pytest.raises(SystemExit, match="too much"):
        gather.main()


def test_without_wheels_the_script_says_where_to_get_them(tmp_path: Path) -> None:
    script = tmp_path / "performance/gpu/run.sh"
    script.parent.mkdir(parents=True)
    script.write_text((ROOT / "performance/gpu/run.sh").read_text())
    done = subprocess.run(["bash", str(script)], capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 2 and "performance/gpu/gather.py" in done.stderr


def test_records_in_the_checkout_are_whole() -> None:
    for record in read_records():
        assert record.machine["card"] and json.dumps(record.items)
