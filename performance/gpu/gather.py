"""Gathers what a bare GPU machine without a network lacks, as wheels, to be carried there with the checkout.

    python performance/gpu/gather.py [--python 3.12] [--limit-mib 64]

Downloads what `carried.txt` names into `.wheels` in the checkout, which git ignores, and removes what else is there.
Writes `.wheels/constraints.txt`, which pins these releases and lets all others be the machine's own. Ends by listing
the size of each part; with exit code 1 where the checkout and the wheels together exceed the limit.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CARRIED = Path(__file__).with_name("carried.txt")
WHEELS = ROOT / ".wheels"
PLATFORMS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_27_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
    "manylinux_2_5_x86_64",
    "manylinux1_x86_64",
)
MIB = 2**20


def names() -> list[str]:
    """The packages to carry."""
    lines = CARRIED.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def release(package: str, python: str) -> str:
    """The exact release that the project tests with on a Python such as "3.12". Exits where none is pinned."""
    if package == "horovod":
        return re.search(r"^version=(\S+)$", (ROOT / "scripts/build_horovod.sh").read_text(), re.MULTILINE)[1]
    old = tuple(map(int, python.split("."))) < (3, 11)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        pin, _, marker = line.partition(";")
        name, _, version = pin.strip().partition("==")
        if name.lower() == package and (not marker or ("<" in marker) == old):
            return version
    sys.exit(f"constraints.txt pins no release of {package} for Python {python}")


def download(package: str, version: str, python: str, folder: Path) -> None:
    """One wheel (of Horovod the source) without what it needs. Exits with pip's words where there is none."""
    argv = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        "--dest",
        str(folder),
        f"{package}=={version}",
    ]
    if package == "horovod":
        argv += ["--no-build-isolation", "--no-binary", "horovod"]
    else:
        argv += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", python]
        argv += [word for platform in PLATFORMS for word in ("--platform", platform)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{package} {version} cannot be had for Python {python}:\n{done.stderr}")


def tree_bytes() -> int:
    """Of the files of the checkout that git does not ignore."""
    argv = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split("\0")
    return sum((ROOT / name).stat().st_size for name in listed if name and (ROOT / name).is_file())


def sizes() -> Iterator[tuple[str, int]]:
    """Each part that is carried, and its bytes."""
    yield "the checkout", tree_bytes()
    for path in sorted(WHEELS.iterdir()):
        yield path.name, path.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="3.12", help="of the GPU machine (default: %(default)s)")
    parser.add_argument("--limit-mib", type=float, default=64.0, help="what may travel (default: %(default)s)")
    arguments = parser.parse_args()
    WHEELS.mkdir(exist_ok=True)
    kept = {"constraints.txt"}
    pins = {package: release(package, arguments.python) for package in names()}
    for package, version in pins.items():
        pattern = f"{package.replace('-', '_')}-{version}*"
        if not any(WHEELS.glob(pattern)):
            download(package, version, arguments.python, WHEELS)
        kept.update(path.name for path in WHEELS.glob(pattern))
    for path in WHEELS.iterdir():
        if path.name not in kept:
            path.unlink()
    (WHEELS / "constraints.txt").write_text(
        "".join(f"{package}=={version}\n" for package, version in pins.items() if package != "horovod")
    )
    total = 0
    for name, size in sizes():
        total += size
        print(f"{size / MIB:8.2f} MiB  {name}")
    print(f"{total / MIB:8.2f} MiB  together, of {arguments.limit_mib:g} that may travel")
    if total > arguments.limit_mib * MIB:
        sys.exit("that is too much: carry less, or remove files of the checkout that git does not ignore")
    print("next, on the GPU machine:  ./performance/gpu/run.sh")


if __name__ == "__main__":
    main()
