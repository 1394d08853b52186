"""Numbers that cannot be, in all logs of a set, have a verdict: what is asked of a whole set meets them too."""

from __future__ import annotations

from corpus import Tree
from honest_run import log_lines
from hypothesis import given, settings
from hypothesis import strategies as st
from test_hostile import JSON, judge

from benchmark.validation.limits import Limits

ODD = [None, [], {}, "x", -1, 0, 1e308, 1e-320, True, 10**30, 0.0]
SET_WIDE = sorted({line["key"] for line in log_lines()})


@settings(max_examples=20)
@given(data=st.data())
def test_any_json_in_all_logs_of_a_set_has_a_verdict(tmp_path_factory, data):
    tree = Tree.valid()
    key, value = data.draw(st.sampled_from(SET_WIDE)), data.draw(st.sampled_from(ODD) | JSON)
    name = data.draw(st.sampled_from(["value", "throughput", "loss", "figures", "seconds", "load", "all_reduce"]))
    for index, lines in tree.logs.items():
        for line in [line for line in lines if line["key"] == key and (index or data.draw(st.booleans()))]:
            held = [line, line["value"]]
            held += [line["value"].get("figures")] if isinstance(line["value"], dict) else []
            for holder in [each for each in held if isinstance(each, dict) and name in each]:
                holder[name] = value
    judge(tree.write(tmp_path_factory.mktemp("set") / "S"), Limits())
