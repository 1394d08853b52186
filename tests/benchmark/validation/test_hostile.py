"""Whatever lies under the path, there is a verdict, soon and in little memory; nothing is run, followed or believed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from corpus import RESULTS, Tree
from honest_run import as_text, log_lines
from hypothesis import example, given
from hypothesis import strategies as st
from patience import HANG_SECONDS

from benchmark.foundation.reading import Unreadable, parse_json, read_bytes
from benchmark.validation.finding import Severity, Verdict, printable, shown
from benchmark.validation.limits import Limits
from benchmark.validation.validate import validate

ROOT = Path(__file__).resolve().parents[3]
SMALL = Limits(log_bytes=200_000, line_bytes=4_000, events=500, text_bytes=20_000, entries=300, depth=8)


def judge(path: Path, limits: Limits = SMALL):
    report = validate([path], limits=limits, official=False)
    assert not any("broke off" in finding.message for finding in report.findings)
    json.dumps(report.to_dict()).encode()
    assert all(
        text.isprintable()
        for finding in report.findings
        for text in (finding.file, finding.message, finding.expected, finding.found, finding.hint)
    )
    return report


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("bytes") / "result_0.txt"


@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(st.binary(max_size=80)).map(lambda parts: b"\n".join(b":::MLLOG " + part for part in parts)),
    )
)
@example(b":::MLLOG " + b"[" * 200_000)
@example(b':::MLLOG {"a":' * 30_000)
@example(b':::MLLOG {"time_ms": ' + b"9" * 100_000 + b"}")
@example(b':::MLLOG {"time_ms": 1e999, "key": "a", "value": NaN, "metadata": {}, "event_type": "POINT_IN_TIME"}')
@example(b":::MLLOG" * 20_000)
@example(b"\x00" * 100_000)
def test_any_bytes_have_a_verdict(file, content):
    file.write_bytes(content)
    assert judge(file).verdict is Verdict.INVALID


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data())
def test_any_json_in_any_place_has_a_verdict(file, data):
    lines = log_lines()
    for _ in range(data.draw(st.integers(1, 4))):
        line = lines[data.draw(st.integers(0, len(lines) - 1))]
        holder = (
            data.draw(
                st.sampled_from([line] + [each for each in (line["metadata"], line["value"]) if isinstance(each, dict)])
            )
            if isinstance(line.get("metadata"), dict)
            else line
        )
        holder[data.draw(st.sampled_from(sorted(holder) or ["value"]))] = data.draw(JSON)
    file.write_bytes("".join(f":::MLLOG {json.dumps(line)}\n" for line in lines).encode())
    judge(file)


@given(data=st.data())
def test_any_json_has_a_verdict_as_description_or_record(tmp_path_factory, data):
    folder = Tree.valid().write(tmp_path_factory.mktemp("json") / "S")
    name = data.draw(st.sampled_from(["systems/two-cores.json", f"{RESULTS}/result_0.json"]))
    values = json.loads((folder / name).read_text())
    values[data.draw(st.sampled_from(sorted(values)))] = data.draw(JSON)
    (folder / name).write_text(json.dumps(data.draw(st.sampled_from([values, [values], None, "x"]))))
    judge(folder)


@pytest.mark.parametrize(
    ("content", "rule", "says"),
    [
        (as_text(log_lines()) * 20, "R8.6", "bytes, of 200000 that are read"),
        (b":::MLLOG {" + b" " * 5_000 + b"}\n", "R8.6", "too long"),
        (b":::MLLOG {}\n" * 1_000, "R8.6", "not checked from here on"),
        (b"text\n" * 30_000, "R4.6", "no event"),
        (b"", "R4.6", "no event"),
    ],
)
def test_what_is_too_large_is_told_and_not_read(tmp_path, content, rule, says):
    path = tmp_path / "result_0.txt"
    path.write_bytes(content)
    assert any(finding.rule == rule and says in finding.message for finding in judge(path).findings)


@pytest.mark.parametrize(
    "name", [f"{RESULTS}/result_2.txt", f"{RESULTS}/result_2.json", "systems/two-cores.json", "benchmarks/x"]
)
@pytest.mark.parametrize("kind", ["fifo", "folder", "link out", "link to itself", "dangling link", "unreadable"])
def test_what_is_no_file_is_told_and_not_waited_for(tmp_path, name, kind):
    folder = Tree.valid().write(tmp_path / "S")
    path = folder / name
    path.unlink(missing_ok=True)
    {
        "fifo": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "link out": lambda: path.symlink_to("/etc/passwd"),
        "link to itself": lambda: path.symlink_to(path.name),
        "dangling link": lambda: path.symlink_to("nowhere"),
        "unreadable": lambda: path.write_bytes(b"{}"),
    }[kind]()
    if kind == "unreadable":
        path.chmod(0)
    report = judge(folder)
    if (kind == "folder" and name == "benchmarks/x") or (
        kind == "unreadable" and (name == "benchmarks/x" and os.geteuid() == 0)
    ):
        assert report.verdict is Verdict.CLOSED
    else:
        assert report.verdict is Verdict.INVALID
        assert not any("root:" in finding.found for finding in report.findings)


def test_a_link_as_the_path_itself_is_no_log(tmp_path):
    (tmp_path / "log").write_bytes(as_text(log_lines()))
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    assert judge(tmp_path / "loop").verdict is judge(tmp_path / "pipe").verdict is Verdict.INVALID


def test_a_link_to_a_folder_is_not_entered(tmp_path):
    folder = Tree.valid().write(tmp_path / "S")
    (folder / "benchmarks" / "all").symlink_to("/")
    (folder / "benchmarks" / "up").symlink_to("..")
    report = judge(folder)
    assert [finding.rule for finding in report.findings] == ["R8.4", "R8.4"]


def test_too_many_files_and_folders_too_deep_are_told(tmp_path):
    folder = Tree.valid().write(tmp_path / "S")
    deep = folder / "benchmarks" / "/".join("d" * 12)
    deep.mkdir(parents=True)
    assert any(finding.rule == "R8.6" and "deeper" in finding.message for finding in judge(folder).findings)
    for number in range(400):
        (folder / f"f{number}").touch()
    report = judge(folder)
    assert report.verdict is Verdict.INVALID
    assert any("more than 300 files" in finding.message for finding in report.findings)


def test_what_all_logs_together_hold_is_bounded(tmp_path):
    folder = Tree.valid().write(tmp_path / "S")
    one = (folder / RESULTS / "result_0.txt").stat().st_size
    for limits, says in (
        (Limits(set_bytes=3 * one), "more than is compared"),
        (Limits(tree_bytes=3 * one), "more bytes than are read"),
    ):
        report = judge(folder, limits)
        found = [finding for finding in report.findings if says in finding.message]
        assert {finding.rule for finding in found} == {"R8.6"} and 2 <= len(found) <= 4
        unread = {finding.file for finding in found}  # of which nothing else is said
        assert [finding.rule for finding in report.findings if finding.file in unread] == ["R8.6"] * len(found)
    for path in folder.glob("results/*/*/*/result_*.txt"):
        path.write_bytes(b"")
    report = judge(folder, Limits(findings_in_all=3))
    assert len(report.findings) == 4 and any("more findings than" in finding.message for finding in report.findings)
    assert report.verdict is Verdict.INVALID


def test_what_is_not_compared_is_not_kept(tmp_path):
    """So that a set of large logs is read whole: here 10 times what may be kept."""
    tree = Tree.valid("open")
    more = {**tree.logs[0][0], "key": "learning_rate", "event_type": "POINT_IN_TIME"}
    for lines in tree.logs.values():
        lines[8:8] = [{**more, "time_ms": lines[7]["time_ms"], "value": step} for step in range(2000)]
    folder = tree.write(tmp_path / "S")
    size = sum(path.stat().st_size for path in folder.glob("results/*/*/*/result_*.txt"))
    report = judge(folder, Limits(set_bytes=size // 10))
    assert [each for each in report.findings if each.severity > Severity.NOTE] == []


def test_names_and_values_cannot_write_on_the_terminal(tmp_path):
    folder = Tree.valid().write(tmp_path / "S")
    (folder / "benchmarks" / "\x1b[2J\x1b]0;owned\x07\n.py").write_bytes(b"")
    (folder / os.fsdecode(b"benchmarks/\xff\xfe")).write_bytes(b"")
    assert {finding.rule for finding in judge(folder).findings} == {"R8.3"}


@given(st.text())
def test_what_is_shown_is_printable_and_short(text):
    for each in (printable(text), shown(text), shown([text]), shown({text: text})):
        assert each.isprintable() and len(each) <= 160


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100 + "]" * 100,
        '{"a": 1, "a": 2}',
        "NaN",
        "-Infinity",
        "1e999",
        "9" * 5000,
        "[1",
        "",
        "{'a': 1}",
        '"\ud800',
    ],
)
def test_json_that_readers_do_not_agree_about_is_refused(text):
    with pytest.raises(Unreadable):
        parse_json(text, nesting=32)


def test_brackets_in_strings_are_no_nesting():
    assert parse_json('["' + "[" * 100 + '\\"[{"]', nesting=2) == ["[" * 100 + '"[{']


def test_a_growing_file_is_read_to_its_bound(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 11)
    with pytest.raises(Unreadable, match="11 bytes"):
        read_bytes(path, 10)
    assert read_bytes(path, 11) == b"x" * 11
    with pytest.raises(Unreadable):  # the kernel says that it has no bytes, and gives more than are read
        read_bytes(Path("/proc/self/environ") if len(os.environ) > 3 else Path("/proc/cpuinfo"), 10)


def test_code_and_pickles_are_not_run(tmp_path):
    folder = Tree.valid().write(tmp_path / "S")
    mark = tmp_path / "ran"
    code = folder / "benchmarks" / "stemdl_mini" / "implementations" / "reference"
    (code / "conftest.py").write_text(f"open({str(mark)!r}, 'w')")
    (code / "sitecustomize.py").write_text(f"open({str(mark)!r}, 'w')")
    (code / "model.pkl").write_bytes(b"cposix\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR.")
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", "validate", str(folder)],
        cwd=code,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 1 and "Python runs this file by itself" in done.stdout, done.stdout + done.stderr
    assert "\n1 error," in done.stdout, "the other two are read as texts"
    assert not mark.exists()


@pytest.mark.slow
def test_10_gb_a_line_of_1_gb_and_60000_files_in_bounded_time_and_memory(tmp_path):
    """In a process that may have 1 GB and 100 s of a processor, of which it takes less than 15 s."""
    folder = Tree.valid().write(tmp_path / "S")
    with open(folder / RESULTS / "result_0.txt", "r+b") as handle:
        handle.truncate(10 * 2**30)
    (folder / RESULTS / "result_1.txt").write_bytes(b":::MLLOG ")
    with open(folder / RESULTS / "result_1.txt", "r+b") as handle:
        handle.truncate(2**30)
    (folder / RESULTS / "result_2.txt").write_bytes(b":::MLLOG [" * 1_600_000)
    (folder / RESULTS / "result_3.txt").write_bytes((b":::MLLOG {" + b'"a":[],' * 30_000 + b"}\n") * 70)
    (folder / RESULTS / "result_4.txt").write_bytes(b"\n" * 16_000_000 + b":::MLLOG {}")
    (folder / "many").mkdir()
    for number in range(60_000):
        (folder / "many" / str(number)).touch()
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30));"
        "resource.setrlimit(resource.RLIMIT_CPU, (100, 100));"
        "from benchmark.cli.main import main; sys.exit(main(['validate', sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr and "INVALID" in done.stdout and "broke off" not in done.stdout
