"""Words written to look like others: letters of two alphabets in one word, or marks that are not seen."""

from __future__ import annotations

import re
import unicodedata

_LOOK_ALIKE = {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "FULLWIDTH", "MATHEMATICAL"}
"""Alphabets with letters that a reader takes for those of another; the first words of their letters' names."""


def disguised(text: str) -> str:
    """The first word of a text that mixes such alphabets, or has a character that is not seen; empty where none does.
    A unit such as `\u00b5s` or a word in one alphabet is none."""
    for word in re.findall(r"\S+", text):
        if any(unicodedata.category(each) in ("Cf", "Co", "Cn") for each in word):
            return word
        for part in re.findall(r"[^\W\d_]+", word):
            alphabets = {unicodedata.name(each, "?").split()[0] for each in part if each != "\u00b5"} & _LOOK_ALIKE
            if len(alphabets) > 1 or alphabets & {"FULLWIDTH", "MATHEMATICAL"}:
                return word
    return ""
