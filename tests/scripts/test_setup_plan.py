"""What an installation will bring: packages and bytes as the index has them, and whether the disk has room for it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
from patience import HANG_SECONDS

SCRIPT = Path(__file__).parents[2] / "scripts/setup_plan.py"


@pytest.fixture(scope="module")
def plan() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_plan", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_wheel(folder: Path, name: str, files: dict[str, bytes], needs: str = "") -> Path:
    """A wheel that pip takes; what is in it besides the files has few bytes."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n" + (f"Requires-Dist: {needs}\n" if needs else "")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file, content in files.items():
            wheel.writestr(file, content)
        wheel.writestr(f"{name}-1.0.dist-info/METADATA", about)
        wheel.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Two wheels, the second of which the first needs: 60 MB together, unpacked."""
    folder = tmp_path / "index"
    folder.mkdir()
    write_wheel(folder, "stemdl_toy_one", {"one.bin": bytes(20_000_000)}, needs="stemdl_toy_two")
    write_wheel(folder, "stemdl_toy_two", {"two.bin": bytes(40_000_000)})
    return folder


def asked(folder: Path, index: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PIP_CONFIG_FILE": "/dev/null", **variables}
    return subprocess.run(
        [sys.executable, SCRIPT, folder / "venv", "--no-index", "--find-links", index, "stemdl_toy_one"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def test_packages_and_bytes_are_those_of_the_index(tmp_path: Path, index: Path) -> None:
    done = asked(tmp_path, index)
    assert (done.returncode, done.stdout) == (0, "2 0 63\n"), done.stderr  # zeros pack well; 5 % for compiled modules


def test_what_does_not_exist_is_an_error_of_pip(tmp_path: Path, index: Path) -> None:
    (index / "stemdl_toy_two-1.0-py3-none-any.whl").unlink()
    done = asked(tmp_path, index)
    assert done.returncode == 1 and "stemdl_toy_two" in done.stderr.replace("-", "_") and done.stdout == ""


class Server(BaseHTTPRequestHandler):
    content, ranges = b"", True

    def do_GET(self) -> None:
        length = int(self.headers["Range"].removeprefix("bytes=-"))
        part = self.content[-length:] if self.ranges else self.content
        self.send_response(206 if self.ranges else 200)
        if self.ranges:
            total = len(self.content)
            self.send_header("Content-Range", f"bytes {total - len(part)}-{total - 1}/{total}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/x.whl"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("files", [1, 3000], ids=["a short list of contents", "one longer than the first look"])
def test_the_end_of_a_file_says_what_is_in_it(
    plan: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: str, files: int
) -> None:
    path = write_wheel(tmp_path, "many", {f"{number:060d}.py": b"x" * 100 for number in range(files)})
    monkeypatch.setattr(Server, "content", path.read_bytes())
    with zipfile.ZipFile(path) as wheel:
        unpacked = sum(each.file_size for each in wheel.infolist())
    assert plan.sizes_of(served, plan.certificates()) == (path.stat().st_size, unpacked)
    monkeypatch.setattr(Server, "ranges", False)
    assert plan.sizes_of(served, plan.certificates()) == (path.stat().st_size, 4 * path.stat().st_size)


def test_an_archive_without_a_list_is_taken_to_unpack_to_four_times_its_size(plan: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(bytes(1000))
    assert plan.sizes_of((tmp_path / "x.tar.gz").as_uri(), plan.certificates()) == (1000, 4000)


def test_a_network_that_fails_at_times_is_asked_again(plan: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [OSError("name resolution"), OSError("reset"), (7, b"")]

    def tail_of(*_: object) -> tuple[int, bytes]:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(plan, "tail_of", tail_of)
    monkeypatch.setattr(plan, "PAUSES_SECONDS", (0, 0, 0))
    assert plan.patient_tail_of("x", 1, None) == (7, b"") and answers == []
    answers[:] = [OSError(str(number)) for number in range(4)]
    with pytest.raises(OSError, match="3"):
        plan.patient_tail_of("x", 1, None)


Usage = namedtuple("Usage", "total used free")


def test_room_is_asked_for_what_is_fetched_kept_and_unpacked(
    plan: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one file system pip needs a file twice, in its temporary folder and in its cache, and what it unpacks to."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(plan.tempfile, "tempdir", None)
    for free, lacks in ((9_000, None), (8_999, "too little disk space")):
        monkeypatch.setattr(plan.shutil, "disk_usage", lambda path, free=free: Usage(0, 0, free))
        told = plan.too_little_room(tmp_path / "not/there/venv", 2_000, 5_000)
        assert told is None if lacks is None else lacks in told
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda path: Usage(0, 0, 7_000))
    assert plan.too_little_room(tmp_path / "venv", 2_000, 5_000) is None


def test_a_disk_that_is_too_small_is_exit_code_3(
    plan: ModuleType, tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda path: Usage(0, 0, 10_000_000))
    monkeypatch.setattr(
        sys, "argv", ["x", str(tmp_path / "venv"), "--no-index", "--find-links", str(index), "stemdl_toy_one"]
    )
    with pytest.raises(SystemExit) as left:
        plan.main()
    told = capfd.readouterr()
    assert left.value.code == 3 and "0.1 GB needed, 0.0 GB free" in told.err and told.out == "2 0 63\n"
    monkeypatch.setenv("STEMDL_DISK_GB", "0")
    plan.main()
