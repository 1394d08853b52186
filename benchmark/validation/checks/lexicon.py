"""Words of what rules fix, of which sentences are made that depart from them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from benchmark.validation.checks import answers

RUNS = r"(?:runs?|seeds?|sets?|attempts?|trials?|launches|starts?|repetitions?|networks?|models?)"
DATA = (
    r"(?:patterns?|samples?|materials?|crystals?|structures?|images?|stacks?|inputs?|discs|disks of|shards?|spectra"
    r"|potentials?)"
)
HELD_OUT = r"(?:`?dev`?|`?test`?|validation|held-out|evaluation)(?![- ]?(?:time|score|error|f1))"
MACHINES = r"(?:hosts?|machines?|nodes?|computers?|servers?|boxes|box|workstations?|laptops?|clusters?|cloud)"
ANOTHER = (
    r"(?:second|another|other|third|helper|separate|remote|different|extra|neighbou?ring|auxiliary|additional|spare)"
)
DONE = (
    r"(?:started|start|ran|run|running|trained?|trains?|prepar\w+|comput(?:es|ed|ing)|evaluat\w+|serv(?:e|es|ed"
    r"|ing)|load(?:s|ed)"
    r"|feed(?:s|ing)?|fed|decod\w+|pre-?process\w*|deliver\w*|hand(?:s|ed)|does|do|did|done|took|takes|shared?|spread"
    r"|stag(?:es|ed)|augment\w*|accumulat\w*|averag\w*|works?|worked|help(?:s|ed)|join(?:s|ed)|held|hosts)"
)
DEVICES = (
    r"(?:npus?|tpus?|fpgas?|vpus?|ipus?|dsps?|asics?|gpus?|igpus?|co-?processors?|neural engines?|graphics (?:units?"
    r"|cards?|processors?)|accelerators?|tensor cores?|accelerator cards?)"
)
OPTIMIZERS = (
    r"(?:adam|adamw|lion|lamb|lars|sgd|rmsprop|adagrad|adafactor|sophia|shampoo|soap|muon|novograd|nadam|radam|adadelta"
    r"|madgrad|nesterov(?: momentum)?|l-?bfgs|k-?fac|momentum signs?|sign of (?:the )?momentum)"
)
BITS = (
    r"(?:(?:[1-9]|1[0-6])[- ]bits?(?: (?:integers?|floats?|numbers?|floating point|fixed point|arithmetic))?"
    r"|u?int(?:4|8|16)|tf-?32|fp-?(?:8|16|64)|float-?(?:8|16|64)|half[- ]precision|fixed[- ]point|quanti[sz]\w+"
    r"|integer arithmetic|ternary|binari[sz]ed|mixed[- ]precision)"
)
COMPUTES = (
    r"(?:convol\w*|matmul\w*|matri\w+|multipl\w*|arithmetic|forward|backward|gradients?|activations?|weights|layers?"
    r"|comput\w*|train(?:s|ed|ing)?|products?|all-?reduce\w*|inference|evaluat\w*)"
)
NOT_TO_BE = r"\b(?:would|could|if|unlike|untested|future|later|planned|rejected|tried|hypothe\w+)\b"


@dataclass(frozen=True)
class Concept:
    """What a rule fixes.

    Attributes
    ----------
    rule, what : which, and what a sentence says that departs from it.
    departs : such words, in a sentence whose numbers are digits.
    unless : words of a sentence that is of something else; it is left to a reader.
    answer : what was expected, by rules and logs; empty where the words may be true.
    denial : whether a "not" is itself the claim.
    """

    rule: str
    what: str
    departs: re.Pattern[str]
    unless: re.Pattern[str]
    answer: answers.Answer
    denial: bool = False


def concept(rule: str, what: str, departs: str, unless: str, answer: answers.Answer, denial: bool = False) -> Concept:
    """A concept, from its two patterns; what is not to be, or was tried alone, is always left to a reader."""
    unless = rf"{NOT_TO_BE}|{unless}" if unless else NOT_TO_BE
    return Concept(rule, what, re.compile(departs, re.IGNORECASE), re.compile(unless, re.IGNORECASE), answer, denial)
