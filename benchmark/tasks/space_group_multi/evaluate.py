"""What a trained model is asked about: crystals, stacks and pictures of patterns, as `space_group` reads them."""

from __future__ import annotations

from benchmark.definition.finder import EVALUATE, find_task

SINGLE = find_task("space_group").code(EVALUATE)
OPTIONS, read_inputs, remarks, picture = SINGLE.OPTIONS, SINGLE.read_inputs, SINGLE.remarks, SINGLE.picture
