"""The walks of docs/ as a reader takes them: every file written, every command typed, in their order."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from patience import HANG_SECONDS

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"(?:^`(?P<name>[^`\n]+)`\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


def steps(document: str) -> list[tuple[str, str]]:
    """Files as (name, text) and commands as ("", text), in the document's order."""
    text = (DOCS / document).read_text(encoding="utf-8")
    found = [(each["name"] or "", each["kind"], each["text"]) for each in BLOCK.finditer(text)]
    return [(name, text) for name, kind, text in found if name or not kind]


PROGRAM = re.compile(r"(?:^|(?:mpirun|jsrun|srun) .*?)(?:stemdl|\./run_benchmark\.sh)(?= |$)")


def commands_in(lines: list[str]) -> list[str]:
    """The arguments of `stemdl` in each line that begins with it or starts ranks of it; comments and pipes left out."""
    whole = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    found = []
    for line in whole:
        command = line.partition("#")[0].partition(" | ")[0].strip()
        if match := PROGRAM.match(command):
            arguments = command[match.end() :].strip()
            found.append(f"run {arguments}" if match[0].endswith(".sh") else arguments)
    return found


def walk(document: str, folder: Path, python: Path, environment: dict[str, str]) -> None:
    """Take a walk in a folder where `stemdl` is on the path."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "stemdl").write_text(f'#!/bin/sh\nexec "{python}" -m benchmark "$@"\n', encoding="utf-8")
    (folder / "bin" / "stemdl").chmod(0o755)
    script = ["set -e"]
    for name, text in steps(document):
        place = f"tasks/{name}" if "/" in name else name
        script.append(f"cat > {place} <<'END_OF_FILE'\n{text}END_OF_FILE" if name else text)
    done = subprocess.run(
        ["bash"],
        cwd=folder,
        env=environment | {"PATH": f"{folder / 'bin'}:{environment['PATH']}"},
        input="\n".join(script),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
