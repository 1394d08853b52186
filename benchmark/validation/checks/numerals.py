"""Numbers that are spelled out, and their digits."""

from __future__ import annotations

import re

NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen twenty"
).split()
TENS = {
    each: 20 + 10 * place for place, each in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split())
}
WORDS = {each: place + 1 for place, each in enumerate(NUMBERS)} | TENS
WORDS |= {"dozen": 12, "dozens": 24, "hundreds": 200, "thousands": 2000}
SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_SMALL = rf"(?:(?:{'|'.join(TENS)})[- ](?:{'|'.join(NUMBERS[:9])})|{'|'.join(sorted(WORDS, key=len, reverse=True))})"
_SCALED = rf"(?:(?:(?<![\w.,])\d{{1,3}}|\ban?|\b{_SMALL})[- ])?\b(?:{'|'.join(SCALES)})"
_NUMERAL = re.compile(rf"{_SCALED}\b(?:(?: and)? (?:{_SCALED}|{_SMALL})\b)*|\b{_SMALL}\b", re.IGNORECASE)
_HALF = re.compile(r"\bhalf an? (?=(?:second|minute|hour)\b)", re.IGNORECASE)


def in_digits(sentence: str) -> str:
    """A sentence whose numbers in words are digits."""
    return _NUMERAL.sub(_digits, _HALF.sub("0.5 ", sentence))


def _digits(match: re.Match[str]) -> str:
    whole, part = 0, 0
    for word in re.split(r"[- ]", match[0].lower()):
        if word in SCALES:
            part = (part or 1) * SCALES[word]
            if word != "hundred":
                whole, part = whole + part, 0
        elif word not in ("a", "an", "and"):
            part += int(word) if word.isdigit() else WORDS[word]
    return str(whole + part)
