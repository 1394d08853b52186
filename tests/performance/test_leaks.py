"""How all pairs of groups are spread by what metadata tell, next to the same with the labels shuffled."""

import numpy as np

from performance.leaks import spread


def test_groups_that_differ_are_told_apart_and_shuffled_ones_are_not() -> None:
    generator = np.random.default_rng(0)
    features = {group: generator.normal(10.0 * group, 1.0, (30, 2)) for group in (16, 17, 18)}
    drawn, shuffled = spread(features)
    assert drawn[0] == "as they are" and float(drawn[2]) > 0.95 and drawn[-1] == "3 of 3"
    assert shuffled[0] == "shuffled" and float(shuffled[2]) < 0.7
    # pairs of two systems are not compared
    assert spread({16: features[16], 75: features[17]})[0][-1] == "0 of 0"
