"""The claims in words that rules forbid or logs may deny, each by a pattern and by what is held against it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from benchmark.validation.checks import answers

_MANY = r"(?:\d+|many|several|more)"
_TRIES = r"(?:runs?|sets?|seeds?|attempts?|tries|trials|repetitions?|launches)"
_OTHERS = (
    r"(?:\w+ ){0,3}?(?:references?\b(?!'s? \d|(?:'s)? (?:settings?|rate|learning|batch))|published\b|competit\w+"
    r"|rivals?\b"
    r"|others' |(?:any|all)? ?other (?:systems?|submissions?|results?|submitters?|machines?)\b|state of the art\b)"
)
_COMPUTER = r"(?:hosts?|machines?|nodes?|computers?|servers?|systems?|accelerators?|gpus?)"


@dataclass(frozen=True)
class Wording:
    """A claim of one kind.

    Attributes
    ----------
    rule, what : that it breaks, and what it says.
    says : the claim, in a sentence whose number words are digits.
    expected : what the rule asks for, or what the logs say; empty where the claim may be true.
    denial : whether a "no" is the claim, and takes none back.
    """

    rule: str
    what: str
    says: re.Pattern[str]
    expected: answers.Answer
    denial: bool = False


def _claim(rule: str, what: str, says: str, expected: answers.Answer, denial: bool = False) -> Wording:
    return Wording(rule, what, re.compile(says, re.IGNORECASE), expected, denial)


WORDINGS = (
    _claim(
        "R4.5",
        "the runs were chosen from more",
        rf"\b(?:best|fastest|quickest|top|shortest)\b(?:\W+\w+){{0,3}}?\W+(?:of|among|from)\W+"
        rf"(?:(?:the|a|about|some|over|more than|our) )*{_MANY}\W+(?:\w+\W+){{0,2}}?{_TRIES}\b"
        rf"|\bof (?:(?:the|about|some|our) )*{_MANY}\W+{_TRIES}\b.{{0,40}}\b(?:best|fastest|quickest)\b"
        rf"|\b\d+ {_TRIES} (?:were|was|have been) (?:tried|made|run)\b.{{0,40}}\b(?:best|fastest|luck\w+|these)\b"
        r"|\bluck(?:y|iest)\b|\bcherry-?picked\b",
        answers.chosen,
    ),
    _claim(
        "R4.12",
        "other runs were kept out",
        rf"\b{_TRIES} (?:were|was|are|is|have been) (?:later )?(?:dropped|removed|deleted|repeated until)\b"
        rf"|\b{_TRIES}(?: (?!that\b|which\b|and\b)\w+){{0,8}}? (?:left out|omitted|discarded|thrown away"
        r"|not (?:listed|reported|counted|in the ledger|recorded)|(?:outside|beside) (?:of )?(?:the|this) ledger"
        r"|in (?:another|other) (?:ledger|folder)s?)\b",
        answers.left_out,
    ),
    _claim(
        "R2.4",
        "the network did not start from nothing",
        r"\bpre-?train(?:ed|ing)\b|\bfine-?tun(?:ed|ing)\b|\bwarm[- ]start|\btransfer(?:red)? learning\b|\bdistill\w*\b"
        r"|\b(?:weights|checkpoint|parameters)\b.{0,40}\b(?:of|from|by|in) (?:an?|the|our|some) (?:earlier|previous"
        r"|prior|former|longer|public|published)\b",
        answers.forbidden("weights that the seed draws"),
    ),
    _claim(
        "R2.4",
        "other data were trained on",
        r"\b(?:train|learn|fit)\w*\b.{0,20}\b(?:on|with|from) (?:the |`)*(?:dev|test|validation|held-out)\b"
        r"|\b(?:dev|test|validation)\b.{0,20}\b(?:added to|merged into|part of|included in)\b.{0,15}\btrain"
        r"|\b(?:train|learn|add|augment)\w*\b.{0,40}\b(?:further|additional|extra|external|other|real) "
        r"(?:data|samples|materials|crystals|structures|patterns)\b",
        answers.forbidden("the rung's train split alone"),
    ),
    _claim(
        "R2.4",
        "the training had other augmentation",
        r"\bmix-?up\b|\bcut-?mix\b|\bcut-?out\b|\brandom eras\w+|\b(?:augment\w*|train\w* (?:used|uses|with|had|by))\b"
        r".{0,60}\b(?:rotat\w+|crop\w*|jitter\w*|noise|warp\w*|shear\w*)\b",
        answers.forbidden("the augmentation that the task allows"),
    ),
    _claim(
        "R4.4",
        "a run was begun again from what it had learned",
        r"\b(?:re-?started|resumed|went on|continued|picked up|recovered)\b.{0,40}\b(?:from|after|at)\b.{0,40}"
        r"\b(?:checkpoint|epoch|crash\w*|interrupt\w*|restarted|failure)\b",
        answers.not_resumed,
    ),
    _claim(
        "R4.17",
        "something was chosen by the test split",
        r"\b(?:chosen|tuned|select\w*|picked|optimi[sz]ed|decided|stopp\w*)\b.{0,40}\b(?:by|on|with|for|from)\b.{0,15}"
        r"\btest[- ](?:scores?|split|set|accuracy|f1|errors?|samples|materials)\b",
        answers.forbidden("the dev split alone"),
    ),
    _claim(
        "R4.1",
        "not the whole split was evaluated, or not after each epoch",
        r"\b(?:evaluat|validat)\w*\b.{0,60}\b(?:half|third|quarter|tenth|part|sample|subset|fraction|\d+ ?%"
        r"|\d+ (?:random )?(?:samples|materials)) (?:of|from) (?:the |`)*(?:dev|test|valid|split|samples|material)"
        r"|\b(?:evaluat|validat)\w*\b.{0,60}\b(?:every|each) (?:second|third|other|\d+\w*|few) epochs?\b"
        r"|\b(?:evaluat|validat)\w*\b.{0,40}\b(?:only|once) (?:at the end|after the last)\b",
        answers.is_part,
    ),
    _claim(
        "R5.3",
        "the runs computed in another precision",
        rf"\b(?:train|comput|run|ran|autocast|forward)\w*\b.{{0,50}}\b(?:{'|'.join(answers.PRECISIONS.values())})\b"
        rf"|\b(?:{'|'.join(answers.PRECISIONS.values())})\b.{{0,30}}\b(?:train|comput|throughout|autocast)\w*",
        answers.other_precision,
    ),
    _claim(
        "R3.4",
        "caches were dropped",
        r"\b(?:dropp?|clear|flush|empti|purg)(?:ed|s)?\b.{0,30}\bcaches?\b|\bcold caches?\b"
        r"|\bcaches?\b.{0,30}\b(?:dropped|cleared|flushed|emptied|purged|cold)\b",
        answers.kept_caches,
    ),
    _claim(
        "R3.10",
        "the machine was free",
        r"\b(?:did|doing|had) nothing else\b|\b(?:idle|unloaded|exclusive(?:ly)?|undisturbed)\b"
        r"|\bno (?:other|further) (?:jobs?|programs?|users?|processes|load)\b"
        r"|\bnothing else (?:ran|was running|to do)\b",
        answers.busy,
    ),
    _claim(
        "R7.3",
        "the runs had other cores",
        r"\bruns?\b.{0,20}\b(?:on|had|used|took|bound to|given) (?:only |just |all )?(?P<used>\d{1,6}) "
        r"(?:of (?:the |its )?(?:\d{1,6} )?)?(?:physical |logical )?(?:cores?|cpus?)\b",
        answers.other_cores,
    ),
    _claim(
        "R7.4",
        "the runs were on accelerators",
        r"\b(?:nvidia|tesla|geforce|instinct|radeon|[ahbv]\d00s?x?|gh200|gb[23]00|mi\d{3}[ax]?|rtx ?\d{4}|l40s?"
        r"|tpus?)\b",
        answers.on_cpus,
    ),
    _claim(
        "R4.2",
        "the seeds were given",
        r"\bseeds?\b.{0,30}\b(?:of ours|by hand|given|fixed|chosen|selected|picked|tried|searched|set to"
        r"|(?:are|were) \d+(?:,| to| and)|\d+ (?:to|,|and|through|\.\.) ?\d+)",
        answers.given,
    ),
    _claim(
        "R9.1",
        "the review is over",
        r"\bobjections?\b.{0,60}\b(?:passed|over|upheld|raised|made|received|closed|settled|answered|withdrawn)\b"
        r"|\b(?:no|without|survived|withstood) (?:any )?objections?\b"
        r"|\b(?:passed|came through|completed|survived) (?:the |its |a |peer )*reviews?\b"
        r"|\breview(?:ed)? (?:is|was|has been) (?:passed|completed?|over|done|finished|closed)\b",
        answers.of_a_review,
        denial=True,
    ),
    _claim(
        "R6.2",
        "the result is compared with those of others",
        rf"\b(?:faster|quicker|better|less (?:time|energy)|shorter|fewer \w+) than {_OTHERS}"
        r"|\b(?:half|third|quarter|\d+ ?%|percent) (?:of )?(?:the )?(?:time|energy) (?:of|that|needed by|as) "
        rf"{_OTHERS}|\b(?:twice|times|x) as (?:fast|quick) as {_OTHERS}|\b(?:beats?|outperform\w*|surpass\w*) {_OTHERS}"
        r"|\bfastest (?:\w+ ){0,2}?(?:submission\b|known\b|published\b|ever\b|in the world\b)|\bworld record\b",
        answers.forbidden("a result of its own: readers compare, at one rung, division, batch and precision"),
    ),
    _claim(
        "R6.1",
        "the machine rested before each run",
        rf"\b(?:(?:re-?)?boot|power-?cycl|re-?start)\w*\b.{{0,40}}\b(?:before|between|after|for) (?:(?:each|every"
        rf"|all|any|of|the|"
        rf"two|\d+) )*{_TRIES}|\b(?:wait|paus|rest|cool|idl)\w*\b.{{0,40}}\b(?P<rest>\d+(?:\.\d+)?) ?"
        rf"(?P<unit>s|min|h)\w*\b.{{0,20}}\b(?:between|(?:before|after) (?:each|every)) (?:(?:of|the|all|two"
        rf"|\d+) )*{_TRIES}",
        answers.no_rest,
    ),
    _claim(
        "R7.3",
        "another machine took part",
        r"\b(?:evaluat|validat)\w*\b.{0,40}\b(?:on|by|at|to) (?:an? |the |its )*(?:second|another|other|separate|remote"
        rf"|different|extra) (?:\w+ )?{_COMPUTER}\b|\b(?:second|another|separate|remote|different|extra) (?:\w+ )?"
        rf"{_COMPUTER}\b.{{0,20}}\b(?:evaluat|validat)\w*",
        answers.elsewhere,
    ),
    _claim(
        "R2.4",
        "the network did not start from nothing",
        r"\b(?:start|begin|began|begun|initiali[sz]|load|seed)\w*\b.{0,30}\b(?:from|with|by|on)\b.{0,25}\b(?:weights"
        r"|layers"
        r"|parameters|network|model)\b.{0,12}\b(?:trained|learned|learnt|of (?:an?|the|our|some|stemdl)|from"
        r"|that (?:was|were|had))"
        r"|\b(?:weights|layers|parameters)\b.{0,20}\b(?:copied|taken|transferred|inherited|re-?used"
        r"|loaded) (?:over )?from\b",
        answers.trained_before,
    ),
    _claim(
        "R4.17",
        "nothing was tuned",
        r"\b(?:nothing|no (?!gpus?|accel)[\w ]{1,40}?|none(?: of [\w ]{1,30}?)?)\b(?! (?:but|else|except|besides"
        r"|other)) ?(?:was|were|is|are"
        r"|has been|have been) (?:tuned|searched|varied|optimi[sz]ed)\b|\bwithout (?:any )?(?:tuning|search\b)"
        r"|\bun-?tuned\b"
        r"|\b(?:settings|hyper-?parameters) (?:is|are|were)\b.{0,25}\bdefaults?\b|\bno (?:search|tuning)\b"
        r"|\b(?:were|was) not (?:tuned|searched)\b",
        answers.tuned,
        denial=True,
    ),
    _claim(
        "R2.2",
        "the patterns were measured",
        r"\b(?:patterns?|scans?|micrographs|diffraction data|stacks|crystals)\b(?: \w+){0,3}? (?:measured"
        r"|experimental|acquired)\b"
        r"|\b(?:measured|experimental|real|acquired) (?:\w+ )?(?:patterns?|scans?|micrographs?|diffraction)\b"
        r"|\b(?:recorded|acquired|taken|measured|collected) (?:with|by|on|at|in) (?:an?|the"
        r"|our) (?:[\w-]+ ){0,3}?(?:microscope|detector"
        r"|beam-?line|synchrotron|diffractometer|s?tem)\b",
        answers.simulated,
    ),
    _claim(
        "R7.3",
        "the processor had another clock",
        r"\b(?:held|limited|capped|fixed|locked|set|pinned|clocked|throttled|slowed|reduced|ran|running"
        r"|run)\b.{0,20}?(?<![\w.])"
        r"(?P<clock>\d+(?:\.\d+)?) ?(?P<prefix>[mg])hz\b"
        r"|(?<![\w.])(?P<clock2>\d+(?:\.\d+)?) ?(?P<prefix2>[mg])hz\b.{0,20}?\b"
        r"(?:during|while|in all|throughout)\b",
        answers.other_clock,
    ),
    _claim(
        "R1.5",
        "the rung has other classes",
        r"\b(?:tells?|told|distinguish\w*|recogni[sz]\w*|separat\w*|learn\w*|classif\w*|knows?)\b (?:(?:between|all"
        r"|the|of|into|apart"
        r"|every) )*(?P<classes>\d+) (?:space[- ]?groups?|classes|groups)\b",
        answers.other_classes,
    ),
    _claim(
        "R4.12",
        "more runs were made than there are",
        rf"(?<![\w.,-])(?P<runs>\d+) (?:(?:such|whole|full|complete|consecutive|more|further|other|of these"
        rf"|independent) )*{_TRIES} "
        r"(?:\w+ )?(?:were|was|have been|had been) (?:\w+ )?(?:made|done|begun|started|run|launched|carried out"
        r"|tried|measured)\b"
        rf"|\b(?:we|were|was) (?:made|ran|run|did|started|launched) (?P<ours>\d+) (?:\w+ )?{_TRIES}\b",
        answers.fewer_runs,
    ),
)
"""Each is written so that what honest submitters say, in `test_wording.py`, is none."""
