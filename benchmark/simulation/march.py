"""Waves of several crystals through their slices at once: the matrix products of the engine, batched on a device.

A slice multiplies the beams by a matrix, and between the middles of two slices each incident direction K_t gives beam g
the phase exp(-2 pi i d K_t.g / K) over their distance d (Strang's splitting, `manybeam.py`). Crystals of fewer beams
are padded with zeros: matrices are block-diagonal then, and no wave enters the padding. Waves at lesser depths are
taken on the way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Block:
    """A piece of crystal in thin slices: `slice_matrix(i)` (beams, beams) of each of `count`, of one length in all."""

    beams: int
    length_angstrom: float
    count: int
    slice_matrix: Callable[[int], torch.Tensor]


@dataclass(frozen=True)
class Exit:
    """Where waves leave: behind so many slices of the course and, where a piece is left over, a block of its own."""

    slices: int
    rest: Block | None = None


@dataclass(frozen=True)
class Course:
    """A crystal's way through slices.

    Attributes
    ----------
    slant : (n, directions) float64 on the device, -K_t.g / K of each beam and direction.
    slices : (which of the crystal's matrices, thickness in Angstrom) of each slice.
    exits : one of each thickness wanted.
    entering : (n, 1) complex64 waves at the entrance; None is beam 0 alone, with amplitude 1.
    """

    slant: torch.Tensor
    slices: tuple[tuple[int, float], ...]
    exits: tuple[Exit, ...]
    entering: torch.Tensor | None = None


def _padded(tensors: Sequence[torch.Tensor], rows: int, columns: int) -> torch.Tensor:
    """(len(tensors), rows, columns) with zeros below and to the right."""
    from torch import stack
    from torch.nn.functional import pad

    return stack(
        [
            tensor
            if tensor.shape == (rows, columns)
            else pad(tensor, (0, columns - tensor.shape[1], 0, rows - tensor.shape[0]))
            for tensor in tensors
        ]
    )


def exponentials(matrices: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The matrix exponential of each square matrix."""
    from torch.linalg import matrix_exp

    largest = max(map(len, matrices))
    return [
        found[: len(own), : len(own)]
        for own, found in zip(matrices, matrix_exp(_padded(matrices, largest, largest)), strict=True)
    ]


def _through(blocks: Sequence[Block], states: torch.Tensor | None, size: int) -> list[torch.Tensor]:
    """Each block's matrices, the first one first, times its state (size, columns); of the identity by default."""
    import torch

    order = sorted(range(len(blocks)), key=lambda index: -blocks[index].count)
    if states is not None:
        states = states[order]
    for number in range(blocks[order[0]].count):
        active = sum(block.count > number for block in blocks)
        matrices = _padded([blocks[index].slice_matrix(number) for index in order[:active]], size, size)
        moved = matrices if states is None else torch.bmm(matrices, states[:active])
        states = moved if active == len(blocks) else torch.cat([moved, states[active:]])
    return [states[order.index(index)] for index in range(len(blocks))]


def products(blocks: Sequence[Block]) -> list[torch.Tensor]:
    """The matrix of each block as a whole."""
    largest = max(block.beams for block in blocks)
    return [
        whole[: block.beams, : block.beams]
        for block, whole in zip(blocks, _through(blocks, None, largest), strict=True)
    ]


def _chosen(pool: torch.Tensor, places: list[int]) -> torch.Tensor:
    """pool[places], without a copy where they follow one another."""
    if places == list(range(places[0], places[0] + len(places))):
        return pool[places[0] : places[0] + len(places)]
    return pool[places]


def march(courses: Sequence[Course], matrices: Sequence[Sequence[torch.Tensor]]) -> list[list[torch.Tensor]]:
    """The waves (n, directions) at each exit of each course.

    `matrices` are each course's own, (n, n) complex64. All courses have the same number of directions.
    """
    import torch

    order = sorted(range(len(courses)), key=lambda index: -len(courses[index].slices))
    lined = [courses[index] for index in order]
    size = max(len(course.slant) for course in courses)
    slant = _padded([course.slant for course in lined], size, lined[0].slant.shape[1])

    def phases(rows: slice, distances: Sequence[float]) -> torch.Tensor:
        rates = torch.tensor([2.0 * math.pi * distance for distance in distances], dtype=slant.dtype)
        angle = rates.to(slant.device)[:, None, None] * slant[rows]
        return torch.polar(torch.ones_like(angle), angle).to(torch.complex64)

    listed = [
        (number, row)
        for number in range(max(map(len, matrices)))
        for row, index in enumerate(order)
        if number < len(matrices[index])
    ]
    place = {key: position for position, key in enumerate(listed)}
    pool = _padded([matrices[order[row]][number] for number, row in listed], size, size) if listed else None

    beam_0 = all(course.entering is None for course in courses)
    waves = torch.zeros(len(lined), size, 1, dtype=torch.complex64, device=slant.device)
    for row, course in enumerate(lined):
        if course.entering is None:
            waves[row, 0] = 1.0
        else:
            waves[row, : len(course.entering)] = course.entering

    found: list[list[torch.Tensor | None]] = [[None] * len(course.exits) for course in lined]
    pending, pending_states = [], []
    distances, between = [], None
    for passed in range(len(lined[0].slices) + 1):
        for row, course in enumerate(lined):
            last = course.slices[passed - 1][1] if 0 < passed <= len(course.slices) else 0.0
            for number, leave in enumerate(course.exits):
                if leave.slices != passed:
                    continue
                length = leave.rest.length_angstrom if leave.rest else 0.0
                out = waves[row] * phases(slice(row, row + 1), [(last + length) / 2.0])[0]
                if leave.rest:
                    pending.append((row, number, leave.rest))
                    pending_states.append(out)
                else:
                    found[row][number] = out
        active = [row for row, course in enumerate(lined) if len(course.slices) > passed]
        if not active:
            break
        steps = [lined[row].slices[passed] for row in active]
        multiply = _chosen(pool, [place[which, row] for row, (which, _) in enumerate(steps)])
        if passed == 0 and beam_0:
            waves = multiply[:, :, :1]  # its phase is 0 for all directions
            continue
        before = [lined[row].slices[passed - 1][1] if passed else 0.0 for row in active]
        wanted = [(own + length) / 2.0 for own, (_, length) in zip(before, steps, strict=True)]
        if between is None or distances[: len(active)] != wanted:
            distances, between = wanted, phases(slice(0, len(active)), wanted)
        waves = torch.bmm(multiply, waves[: len(active)] * between[: len(active)])
    if pending:
        behind = _through([rest for _, _, rest in pending], torch.stack(pending_states), size)
        for (row, number, rest), waves in zip(pending, behind, strict=True):
            found[row][number] = waves * phases(slice(row, row + 1), [rest.length_angstrom / 2.0])[0]
    return [
        [waves[: len(courses[index].slant)] for waves in found[order.index(index)]] for index in range(len(courses))
    ]
