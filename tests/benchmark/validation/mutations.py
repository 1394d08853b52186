"""The corpus of bad submissions: single mutations, at least one for each rule that a check holds, and some together."""

from __future__ import annotations

from corpus import Mutation
from mutations_across import ACROSS
from mutations_apart import APART
from mutations_between import BETWEEN
from mutations_by_rule import BY_RULE
from mutations_code import CODES
from mutations_copies import COPIES
from mutations_derived import DERIVED
from mutations_edges import EDGES
from mutations_files import FILES
from mutations_hidden import HIDDEN
from mutations_learned import LEARNED
from mutations_ledger import LEDGERS
from mutations_nearer import NEARER
from mutations_outsiders import OUTSIDERS
from mutations_pairs import PAIRS
from mutations_power import POWERED
from mutations_prose import PROSE
from mutations_published import PUBLISHED_RUNS
from mutations_related import RELATED
from mutations_relations import RELATIONS
from mutations_said import SAID
from mutations_sets import SETS
from mutations_strangers import STRANGERS
from mutations_tallies import TALLIED
from mutations_together import TOGETHER
from mutations_told import TOLD
from mutations_vendors import VENDORS
from mutations_visible import VISIBLE
from mutations_weak import WEAK
from mutations_words import WORDS

MUTATIONS: tuple[Mutation, ...] = (
    *BY_RULE,
    *(*FILES, *SETS, *COPIES, *WEAK, *LEDGERS),
    *(
        *EDGES,
        *RELATED,
        *TOLD,
        *TOGETHER,
        *LEARNED,
        *CODES,
        *TALLIED,
        *BETWEEN,
        *OUTSIDERS,
        *PUBLISHED_RUNS,
        *RELATIONS,
    ),
    *(*STRANGERS, *VENDORS, *POWERED, *VISIBLE),
    *(*HIDDEN, *WORDS, *NEARER, *ACROSS, *APART, *DERIVED, *SAID, *PROSE, *PAIRS),
)
