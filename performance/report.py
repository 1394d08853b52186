"""A site of many results: how long `stemdl report` takes, and how large it is.

    python performance/report.py [--submissions 1000] [--logs 50] [--keep FOLDER]

Makes so many submissions of one system each, with so many logs each, and builds their site. CPU seconds are those of
all processes together, start-up included; the load is the machine's of the last minute, before and after. Where
playwright and a Chromium are there, the table is opened, sorted and filtered in it, and the milliseconds of each are
printed, by the browser's own clock.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "helpers"))

from made_logs import write_submission

BENCHMARKS = ("stemdl_mini", "stemdl_smoke", "cosmoflow", "deepcam")


def make(tree: Path, submissions: int, logs: int) -> None:
    """Systems of 1 to 1,024 accelerators, of which each is a little off the ideal line."""
    draw = random.Random(7)
    for number in range(submissions):
        scale = 2 ** draw.randrange(11)
        mean = 6000 / scale**0.9 * draw.uniform(0.7, 1.4)
        write_submission(
            tree,
            f"submitter{number // 4:03d}",
            f"system-{number:04d}",
            [mean * draw.gauss(1, 0.04) for _ in range(logs)],
            benchmark=BENCHMARKS[number % len(BENCHMARKS)],
            accelerators_per_node=scale,
            epochs=draw.randrange(3, 25),
        )


def measured(*arguments: str) -> tuple[float, float]:
    """CPU and wall seconds of a command and its children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments], env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        sys.exit(f"exit code {done.returncode}: {' '.join(arguments)}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - began


def in_browser(site: Path) -> dict[str, float] | None:
    """Milliseconds of the table in a browser: from its opening until it is there, to sort it, to filter it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None or find_spec("playwright") is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto((site / "index.html").as_uri())
        opened = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        sort = "document.querySelectorAll('#results thead button')[1].click()"
        search = (
            "const field = document.querySelector('input[name=search]'); field.value = '-0042';"
            "field.dispatchEvent(new Event('input', { bubbles: true }))"
        )
        found = {"opened": opened}
        for name, action in (("sorted", sort), ("filtered", search)):
            laid_out = f"{action}; document.body.offsetHeight"
            found[name] = page.evaluate(
                f"() => {{ const began = performance.now(); {laid_out}; return performance.now() - began }}"
            )
        browser.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--logs", type=int, default=50)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="the folder of the site")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        tree, site = Path(scratch) / "tree", arguments.keep or Path(scratch) / "site"
        make(tree, arguments.submissions, arguments.logs)
        logs = list(tree.rglob("result_*.txt"))
        size = sum(path.stat().st_size for path in logs)
        before = os.getloadavg()[0]
        cpu, wall = measured("report", str(tree), "-o", str(site), "--processes", str(arguments.processes))
        first = sum((site / name).stat().st_size for name in ("index.html", "site.css", "site.js"))
        whole = [path.stat().st_size for path in site.rglob("*") if path.is_file()]
        print(f"{arguments.submissions} submissions, {len(logs)} logs of {size / len(logs) / 1e3:.1f} kB in the mean")
        load = f"load {before:.1f}, then {os.getloadavg()[0]:.1f}"
        print(f"stemdl report {cpu:.1f} CPU s, {wall:.1f} s of wall time; {load}")
        if browser := in_browser(site):
            print("in a browser: " + ", ".join(f"{name} in {ms:.0f} ms" for name, ms in browser.items()))
        print(f"first view {first / 1e3:.0f} kB; the site {len(whole)} files, {sum(whole) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
