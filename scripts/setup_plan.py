"""What an installation by pip will bring: how many packages, how much to fetch, how much on the disk.

    PYTHON scripts/setup_plan.py FOLDER [ARGUMENTS of pip install...]

Asks pip what it would install into the environment of PYTHON, and the index for the size of each file and, by the list
of contents at its end, of what is in it. Prints 'PACKAGES FETCHED_MB INSTALLED_MB', the last two '-' where the index
does not say. Exit code 3, with a line on stderr, where the disk has too little room for it; FOLDER is the
environment. scripts/setup_env.sh calls this, with the standard library alone.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

TAILS_BYTES = (1 << 16, 1 << 23)
"""What is read of a file's end: its list of contents is there, whose length is known only once it has been read."""
PAUSES_SECONDS = (0.5, 2.0, 5.0)
UNPACKED_PER_PACKED = 4
"""For an archive that has no list of contents at its end."""
MARGIN = 1.05
"""For compiled modules (.pyc) and blocks that are not full: 2 % with CUDA and without, measured."""


def planned(arguments: list[str]) -> list[str]:
    """The addresses of all that would be installed; what pip says meanwhile goes to stderr."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--no-input",
                "--progress-bar",
                "off",
                "--dry-run",
                "--report",
                report,
                *arguments,
            ],
            check=True,
            stdout=sys.stderr,
        )
        return [each["download_info"]["url"] for each in json.loads(report.read_text(encoding="utf-8"))["install"]]


def certificates() -> ssl.SSLContext:
    """Those that pip uses, where it was given some."""
    given = os.environ.get("PIP_CERT")
    for name in ("global.cert", "install.cert") if not given else ():
        asked = subprocess.run([sys.executable, "-m", "pip", "config", "get", name], capture_output=True, text=True)
        given = asked.stdout.strip() if asked.returncode == 0 else given
    return ssl.create_default_context(cafile=given or None)


def tail_of(url: str, length: int, context: ssl.SSLContext) -> tuple[int, bytes]:
    """A file's size and at most its last `length` bytes; none of them where the server gives only whole files."""
    if urlsplit(url).scheme == "file":
        path = Path(unquote(urlsplit(url).path))
        with open(path, "rb") as file:
            size = path.stat().st_size
            file.seek(max(0, size - length))
            return size, file.read()
    with urlopen(Request(url, headers={"Range": f"bytes=-{length}"}), timeout=20, context=context) as answer:
        if answer.status != 206:
            return int(answer.headers["Content-Length"]), b""
        return int(answer.headers["Content-Range"].rpartition("/")[2]), answer.read()


def patient_tail_of(url: str, length: int, context: ssl.SSLContext) -> tuple[int, bytes]:
    """`tail_of`, tried again where the network fails: pip, too, is patient."""
    for pause_seconds in PAUSES_SECONDS:
        try:
            return tail_of(url, length, context)
        except HTTPError:
            raise
        except OSError:
            time.sleep(pause_seconds)
    return tail_of(url, length, context)


def sizes_of(url: str, context: ssl.SSLContext) -> tuple[int, int]:
    """Bytes of a file, and of what is packed in it."""
    size = 0
    for length in TAILS_BYTES:
        size, tail = patient_tail_of(url, length, context)
        try:
            return size, sum(each.file_size for each in zipfile.ZipFile(BytesIO(tail)).infolist())
        except zipfile.BadZipFile:
            continue
    return size, size * UNPACKED_PER_PACKED


def existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def too_little_room(folder: Path, fetched: int, installed: int) -> str | None:
    """Which file system lacks room, where one does. pip fetches into its temporary folder, with a copy in its cache."""
    asked = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True)
    needed: dict[int, int] = defaultdict(int)
    places: dict[int, Path] = {}
    for place, size in [
        (folder, installed),
        (Path(tempfile.gettempdir()), fetched),
        *([(Path(asked.stdout.strip()), fetched)] if asked.returncode == 0 else []),
    ]:
        place = existing(place.absolute())
        needed[place.stat().st_dev] += size
        places.setdefault(place.stat().st_dev, place)
    for device, place in places.items():
        free = shutil.disk_usage(place).free
        if free < needed[device]:
            return f"too little disk space in {place}: {needed[device] / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free"
    return None


def main() -> None:
    folder, arguments = Path(sys.argv[1]), sys.argv[2:]
    urls = planned(arguments)
    try:
        context = certificates()
        with ThreadPoolExecutor(max_workers=8) as pool:
            sizes = list(pool.map(lambda url: sizes_of(url, context), urls))
    except (OSError, ValueError, TypeError) as error:  # an index that asks for a password, say
        print(f"the index does not tell sizes: {error}", file=sys.stderr)
        print(len(urls), "-", "-")
        return
    fetched, installed = sum(size for size, _ in sizes), round(MARGIN * sum(size for _, size in sizes))
    print(len(urls), round(fetched / 1e6), round(installed / 1e6))
    if "STEMDL_DISK_GB" not in os.environ and (problem := too_little_room(folder, fetched, installed)):
        print(problem, file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
