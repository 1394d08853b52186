"""What a submission says in words: the fields of a description, READMEs and other documents, and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.validation.checks.scripts import own_files, own_scripts
from benchmark.validation.checks.tables import rows_in_words
from benchmark.validation.limits import Limits
from benchmark.validation.subjects import ResultSet

MOST_LETTERS, MOST_OF_A_SENTENCE, MOST_DOCUMENTS = 100_000, 2_000, 16
DOCUMENTS = (".md", ".txt", ".rst", ".html")
"""At the top of a submission, where a reader looks first, and beside its scripts."""
SEPARATED = (".csv", ".tsv")
BEFORE = 40
"""Letters before a claim, or within it, in which a "no" takes it back."""
_COMMENT = re.compile(r"^[^\n#\"']*#(?!!)(.*)$", re.MULTILINE)
_SETTING = re.compile(r"\s*(\w+):[ \t]")
_SENTENCE = re.compile(r"[;!?]|\.(?:\s|$)|\n\s*\n|\n(?=\s*(?:[-*#|]|```))")
_NOT = re.compile(r"\b(?:no|not|none|never|nor|neither|without|nothing|isn't|wasn't|weren't|cannot)\b", re.IGNORECASE)
_NOT_AFTER = re.compile(
    r"\W*(?:(?:is|are|was|were|do|does|did|has been|have been) )?(?:not|never|unused)\b", re.IGNORECASE
)


def texts(results: ResultSet) -> Iterator[tuple[str, str]]:
    """What is said of a set, with the files' names: in the fields of its description, in READMEs, in comments of its
    scripts and settings, and in the submission's documents."""
    if results.system is not None:
        yield from ((results.system.file, str(text)[:MOST_LETTERS]) for text in (results.system.values or {}).values())
    for suffix in DOCUMENTS:
        for _, file, text in own_files(results, f"*{suffix}"):
            yield from _with_tables(file, text[:MOST_LETTERS])
    for suffix in SEPARATED:
        for _, file, text in own_files(results, f"*{suffix}"):
            yield from ((file, row) for row in rows_in_words(text[:MOST_LETTERS], separated=True))
    for _, file, text in (*own_scripts(results), *own_files(results, "config.yaml")):
        yield from ((file, comment) for comment in _comments(text[:MOST_LETTERS]))
    yield from _documents(results)


def _with_tables(file: str, text: str) -> Iterator[tuple[str, str]]:
    yield file, text
    yield from ((file, row) for row in rows_in_words(text))


def _comments(text: str) -> Iterator[str]:
    """The comments of a script or of settings, each behind the setting that it is of."""
    for comment in _COMMENT.finditer(text):
        named = _SETTING.match(comment[0])
        yield f"{named[1].replace('_', ' ')}: {comment[1].strip()}" if named else comment[1]


def _documents(results: ResultSet) -> Iterator[tuple[str, str]]:
    """The sentences of the documents at the top that name the benchmark; those that name none belong to each set."""
    if not results.submitted:
        return
    folder, file = results.folder.parents[3], results.file.rsplit("/results/", 1)[0]
    names = {path.name.lower() for path in folder.glob("benchmarks/*")} - {results.benchmark.lower()}
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in DOCUMENTS)[:MOST_DOCUMENTS]:
        try:
            text = read_bytes(path, Limits().text_bytes).decode("utf-8", "replace")[:MOST_LETTERS]
        except Unreadable:
            continue  # R8.6 says so
        for sentence in (*sentences(text), *rows_in_words(text)):
            plain = re.sub(r"[\s-]", "_", sentence.lower())
            if results.benchmark.lower() in plain or not any(name in plain for name in names):
                yield f"{file}/{path.name}", sentence


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, each on one line."""
    yield from (" ".join(each.split())[:MOST_OF_A_SENTENCE] for each in _SENTENCE.split(text) if each.strip())


def is_taken_back(sentence: str, match: re.Match[str]) -> bool:
    """Whether the claim is denied; a "not" that is itself claimed, as in "not listed", is not that."""
    before = sentence[max(0, match.start() - BEFORE) : match.start()]
    inside = re.sub(
        r"\bnot (?:listed|reported|counted|in the|recorded)\b|\bno (?:other|further)\b|nothing else", "", match[0]
    )
    after = _NOT_AFTER.match(sentence[match.end() : match.end() + BEFORE])
    return bool(_NOT.search(before.rpartition(",")[2]) or _NOT.search(inside) or after)


def claimed(says: re.Pattern[str], text: str) -> str:
    """What a text has of a pattern in a sentence that does not take it back; empty where it has nothing."""
    found = ((sentence, match) for sentence in sentences(text) for match in says.finditer(sentence))
    return next((match[0] for sentence, match in found if not is_taken_back(sentence, match)), "")
