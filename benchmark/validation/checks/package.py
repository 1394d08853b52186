"""A submission as a tree of files: its layout, code, names, sizes and links. Nothing in it is opened but texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from benchmark.events.power_log import POWER
from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.metrics.tallies import SUBMITTED as TALLIES
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.subjects import SCALINGS, STRONG, WEAK, Submission

TOP = {"benchmarks", "results", "systems"}
IN_RESULTS = re.compile(
    r"(result_(0|[1-9]\d*)\.(txt|json)|scaling\.json|package_checker_params|ledger\.\w+|power|tallies|"
    r"pruned_results)"
)
_OF_A_RUN = re.compile(r"result_\d+\.json")
_POWER_LOG = re.compile(r"result_(0|[1-9]\d*)/(node|sw)_\w+\.txt")
SOURCE = {".py", ".sh", ".cc", ".cpp", ".cu", ".c", ".h", ".hpp", ".f90", ".jl", ".slurm", ".lsf", ".sbatch"}
MOST_BYTES = 50 * 2**20
READ_FOR_SECRETS = 2**20
SECRET_BYTES_IN_ALL = 256 * 2**20
SECRETS = re.compile(
    rb"(?=[-AghxaPpSs])(?:"  # the first bytes of all of them: the search takes a third of the time
    rb"(?P<key>-----BEGIN (?:[A-Z]+ )*PRIVATE KEY)|(?P<amazon>\bAKIA[0-9A-Z]{16}\b)"
    rb"|(?P<github>\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{60})|(?P<gitlab>\bglpat-[A-Za-z0-9_-]{20})|(?P<face>\bhf_[A-Za-z0-9]{34}\b)"
    rb"|(?P<slack>\bxox[abps]-[A-Za-z0-9-]{20})|(?P<word>(?i:\bpass(?:word|wd)|\bsecret|\bapi_?key)\s{0,4}[:=]\s{0,4}"
    rb"[\"'][^\"'\s$<{]{8,}[\"']))"
)
SECRET_NAMES = {"id_rsa", "id_ed25519", "id_ecdsa", ".netrc", ".env", ".pypirc", ".npmrc", "credentials"}
NOT_OPENED = {
    ".pkl",
    ".pickle",
    ".pt",
    ".pth",
    ".ckpt",
    ".npy",
    ".npz",
    ".h5",
    ".hdf5",
    ".so",
    ".exe",
    ".zip",
    ".tar",
    ".gz",
    ".xz",
}


@check("R8.1", of=Submission)
def layout(submission: Submission) -> Iterator[Fault]:
    """The three folders; results/<system>/<strong or weak>/<benchmark>/; a description for each system and back."""
    ours = submission.ours
    if not submission.sets and not submission.overflow:
        yield Fault("there are no results", expected="results/<system>/strong/<benchmark>/result_0.txt ...")
    described = {PurePosixPath(system.file).stem for system in submission.systems}
    for system_id in sorted({each.system_id for each in submission.sets} - described):
        yield Fault(
            "the system of these results is not described",
            file=f"{submission.file}/results/{system_id}",
            expected=f"systems/{system_id}.json",
        )
    for system_id in sorted(described - {each.system_id for each in submission.sets}):
        yield Fault(
            "the system has no results", file=f"{submission.file}/systems/{system_id}.json", severity=Severity.WARNING
        )
    for entry in submission.entries:
        parts = PurePosixPath(entry.file).parts
        if entry.kind != "folder" and parts[0] == "results":
            regular = (
                len(parts) >= 5
                and (not ours or parts[4] != POWER or _POWER_LOG.fullmatch("/".join(parts[5:])) is not None)
                and parts[2] in SCALINGS
                and (IN_RESULTS.fullmatch(parts[4]) is not None or parts[4] == "README.md")
            )
            if not regular and parts[-1] != "package_checker_params":
                yield Fault(
                    "this file has no place among the results",
                    file=f"{submission.file}/{entry.file}",
                    expected="results/<system>/<strong or weak>/<benchmark>/result_<i>.txt",
                    severity=Severity.ERROR if ours and entry.file.endswith(".txt") else Severity.WARNING,
                )
        elif entry.kind == "folder" and len(parts) == 1 and parts[0] not in TOP:
            yield Fault(
                "this folder is not part of the layout",
                file=f"{submission.file}/{entry.file}",
                expected=", ".join(sorted(TOP)),
                severity=Severity.WARNING,
            )


@check("R4.9", of=Submission)
def records_have_their_logs(submission: Submission) -> Iterator[Fault]:
    """A record, or what a run counted, lies next to the log of its run: one alone is of a run that was left out."""
    files = {entry.file for entry in submission.entries}
    for file in sorted(files) if submission.ours else ():
        path = PurePosixPath(file)
        folder = path.parent.parent if path.parent.name == TALLIES else path.parent
        if path.parts[0] == "results" and _OF_A_RUN.fullmatch(path.name) and f"{folder / path.stem}.txt" not in files:
            yield Fault(
                "this is of a run whose log is not there",
                file=f"{submission.file}/{file}",
                expected=f"{path.stem}.txt",
                severity=Severity.WARNING,
            )


@check("R5.5", of=Submission)
def weak_beside_strong(submission: Submission) -> Iterator[Fault]:
    """Weak scaling is not submitted alone."""
    strong = {each.benchmark for each in submission.sets if each.scaling == STRONG}
    for each in submission.sets:
        if each.scaling == WEAK and each.benchmark not in strong:
            yield Fault(
                "weak scaling is submitted without strong scaling",
                file=each.file,
                expected=f"results/<system>/strong/{each.benchmark}",
                severity=Severity.ERROR if each.ours else Severity.WARNING,
            )


@check("R8.2", of=Submission)
def code_and_readme(submission: Submission) -> Iterator[Fault]:
    """The source that was run is there for each benchmark, and a README that says how."""
    files = {entry.file: entry for entry in submission.entries if entry.kind == "file"}
    for benchmark in sorted({each.benchmark for each in submission.sets}):
        ours = any(each.ours for each in submission.sets if each.benchmark == benchmark)
        above = f"benchmarks/{benchmark}/implementations/"
        within = [name for name in files if name.startswith(above)]
        missing = [
            what
            for what, there in (
                (
                    "README.md",
                    any(PurePosixPath(name).name.lower() == "readme.md" and files[name].size for name in within),
                ),
                ("source", any(PurePosixPath(name).suffix in SOURCE and files[name].size for name in within)),
            )
            if not there
        ]
        for name in within:
            if PurePosixPath(name).name.lower() == "readme.md" and not files[name].size and not missing:
                yield Fault("this README says nothing", file=f"{submission.file}/{name}", severity=Severity.WARNING)
        if missing:
            yield Fault(
                f"the code of {benchmark} is not all there",
                file=f"{submission.file}/{above.rstrip('/')}",
                expected="README.md with the command, and the source or scripts that were run",
                found=f"no {' and no '.join(missing)}",
                severity=Severity.ERROR if ours else Severity.WARNING,
            )


@check("R8.3", of=Submission)
def names_and_sizes(submission: Submission) -> Iterator[Fault]:
    """Names that every file system and tool can take; sizes that a repository can."""
    seen: dict[str, str] = {}
    for entry in submission.entries:
        name = PurePosixPath(entry.file).name
        where = f"{submission.file}/{entry.file}"
        if name.startswith(".") or any(each.isspace() or not each.isprintable() for each in name):
            yield Fault("the name is hidden, or holds a space or a control character", file=where)
        if (other := seen.setdefault(entry.file.lower(), entry.file)) != entry.file:
            yield Fault("two names differ in capitals alone", file=where, found=other, severity=Severity.WARNING)
        if entry.kind == "special":
            yield Fault("this is not a file, folder or link", file=where)
        if entry.size > MOST_BYTES:
            yield Fault(
                "the file is too large", file=where, expected=f"at most {MOST_BYTES} bytes", found=f"{entry.size} bytes"
            )
        if PurePosixPath(name).suffix.lower() in NOT_OPENED:
            yield Fault(
                "this file is not looked into",
                file=where,
                severity=Severity.WARNING,
                hint="a submission holds texts; checkpoints, arrays and archives do not belong into it",
            )


@check("R8.6", of=Submission)
def within_limits(submission: Submission) -> Iterator[Fault]:
    """The whole tree was looked at."""
    if submission.overflow:
        yield Fault(submission.overflow, hint="what was not looked at is not valid")


@check("R8.4", of=Submission)
def no_links(submission: Submission) -> Iterator[Fault]:
    """A submission holds its files themselves. A link is never followed, wherever it leads."""
    for entry in submission.entries:
        if entry.kind == "link":
            yield Fault(
                "this is a link, which is not followed",
                file=f"{submission.file}/{entry.file}",
                expected="the file itself",
            )


@check("R8.5", of=Submission)
def no_secrets(submission: Submission) -> Iterator[Fault]:
    """No keys, tokens or passwords."""
    left, unread = SECRET_BYTES_IN_ALL, 0
    for entry in submission.entries:
        where = f"{submission.file}/{entry.file}"
        name = PurePosixPath(entry.file).name
        if name in SECRET_NAMES or name.endswith((".pem", ".p12", ".pfx")):
            yield Fault("files of this name hold secrets", file=where)
        if entry.kind != "file" or entry.size > min(READ_FOR_SECRETS, left):
            unread += entry.kind == "file"
            continue
        left -= entry.size
        try:
            content = read_bytes(entry.path, READ_FOR_SECRETS)
        except Unreadable as error:
            yield Fault(f"the file could not be checked: {error}", file=where, rule="R8.6")
            continue
        if match := SECRETS.search(content):
            kind = match.lastgroup
            yield Fault(
                "this looks like a secret",
                file=where,
                line=content.count(b"\n", 0, match.start()) + 1,
                severity=Severity.WARNING if kind == "word" else Severity.ERROR,
                hint="revoke it, and take it out",
            )
    if unread:
        yield Fault(f"{unread} files are too large to be searched for secrets", severity=Severity.WARNING, rule="R8.6")
