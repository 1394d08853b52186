"""Extinction groups, derived by program, are those of the literature."""

from __future__ import annotations

import pytest

from benchmark.tasks.powder.extinction import SPLIT, extinction_group, extinction_groups, label, members_of

PUBLISHED = """1 2|3 6 10|4 11|5 8 12|7 13|9 15|14|16 25 47|17|18|19|20|21 35 38 65|22 42 69|23 24 44 71|26 28 51|27 49
29 57|30 53|31 59|32 55|33 62|34 58|36 40 63|37 66|39 67|41 64|43|45 72|46 74|48|50|52|54|56|60|61|68|70|73
75 81 83 89 99 111 115 123|76 78 91 95|77 84 93|79 82 87 97 107 119 121 139|80 98|85 129|86|88|90 113|92 96|94
100 117 127|101 116 132|102 118 136|103 124|104 128|105 112 131|106 135|108 120 140|109 122|110|114|125|126|130|133|134
137|138|141|142|143 147 149 150 156 157 162 164 168 174 175 177 183 187 189 191|144 145 151 152 153 154|171 172 180 181
146 148 155 160 166|158 165 185 188 193|159 163 186 190 194|161 167|169 170 178 179|173 176 182|184 192
195 200 207 215 221|196 202 209 216 225|197 199 204 211 217 229|198|208|201 224|203 227|205|206|210|212 213|214|218 223
219 226|220|222|228|230"""
"""The 99 of the table by which the literature counts (scattering/paper-ai-diffraction, assets/lookups, MIT)."""


def test_the_99_are_those_of_the_published_table() -> None:
    published = {tuple(map(int, group.split())) for group in PUBLISHED.replace("\n", "|").split("|")}
    assert len(published) == 99
    assert set(extinction_groups()) == published


def test_the_strict_97_differ_where_a_laue_class_alone_tells_two_apart() -> None:
    strict, counted = set(extinction_groups(strict=True)), set(extinction_groups())
    assert len(strict) == 97
    assert counted - strict == {(144, 145, 151, 152, 153, 154), (198,), *SPLIT}
    assert strict - counted == {(144, 145, 151, 152, 153, 154, 171, 172, 180, 181), (198, 208)}


def test_every_space_group_is_in_one_and_is_found_by_its_label() -> None:
    assert sorted(number for members in extinction_groups() for number in members) == list(range(1, 231))
    for members in extinction_groups():
        assert members_of(label(members)) == members
        assert all(extinction_group(number) == members for number in members)


@pytest.mark.parametrize(("number", "name"), [(2, "1:P1"), (225, "196:F23"), (14, "14:P21/c"), (167, "161:H3c")])
def test_labels(number: int, name: str) -> None:
    assert label(extinction_group(number)).replace("R", "H") == name
