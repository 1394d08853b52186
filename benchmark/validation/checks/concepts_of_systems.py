"""Words by which a sentence departs from what rules fix of clock, machines, power and claims."""

from __future__ import annotations

from benchmark.validation.checks import answers, prose_answers
from benchmark.validation.checks.lexicon import ANOTHER, DEVICES, DONE, MACHINES, concept

OF_SYSTEMS = (
    concept(
        "R3.5",
        "the clock did not run on",
        r"\b(?:clock|timer|time ?keeping)\b.{0,20}\b(?:on hold|off while|not running|did not run|does not run"
        r"|interrupted)\b|"
        r"\b(?:clock|timer|time ?keeping|wall time)\b.{0,30}\b(?:set back|turned back|put back|paused|frozen"
        r"|suspended|rewound"
        r"|stood still|slowed down|wound back|was held|halted|corrected by|restarted)\b"
        r"|\b(?:virtual machine|vm|machine|node|system|process(?:es)?|runs?|training|container|guest"
        r"|host)\b.{0,20}\b(?:frozen"
        r"|suspended|paused|hibernat\w+|sent to sleep|put to sleep|snapshott?ed|sigstop\w*|migrated)\b"
        r"|\b(?:set|turned|put|wound)\b.{0,10}\bclock\b.{0,10}\bback\b",
        r"[mg]hz|before the (?:first|runs)|after the (?:last run|runs)|queue|between (?:the )?runs",
        answers.forbidden("one clock from run_start to run_stop, which is never paused"),
    ),
    concept(
        "R7.3",
        "another machine took part",
        rf"\b(?:borrowed|lent|colleague's|neighbou?r's|old|little) (?:\w+ )?{MACHINES}\b|"
        rf"\b{ANOTHER} (?:\w+ )?{MACHINES}\b|\b{MACHINES} (?:next door|elsewhere|across the (?:hall|room|network))\b",
        r"\b(?:may have|shared|nfs|storage|file (?:server|system)|home|generat\w+|made the data|valid\w+|install\w*"
        r"|built?|compil\w+|copied|copies"
        r"|review\w*|plot\w*"
        r"|log ?in|head node"
        r"|ssh|submit\w*|archiv\w*|download\w*|too small|backups?|repeat\w*|compar\w*|noise|owned|users?|jobs?"
        r"|programs?)\b",
        prose_answers.of_one_machine,
    ),
    concept(
        "R7.4",
        "an accelerator took part",
        rf"\b{DEVICES}\b.{{0,20}}\b(?:{DONE}|handles?|handled|accelerat\w+|executes?|speeds?|offload\w*|used)\b"
        rf"|\b(?:{DONE}|offload\w*|mov\w+|us(?:e[sd]?|ing))\b.{{0,40}}\b(?:on|to|by|with|of) (?:an? |the |its "
        rf"|1 )?(?:\w+ )?"
        rf"{DEVICES}\b",
        r"\b(?:unused|absent|nor|disabled|log ?in|none|display|screen|desktop|data cent(?:re|er)|host has"
        r"|other (?:users"
        r"|systems))\b",
        answers.on_cpus,
    ),
    concept(
        "R5.6",
        "the power is not that of whole nodes",
        r"\b(?:fans?|disks?|drives?|suppl(?:y|ies)|cooling)\b.{0,60}\b(?:not|n't) (?:counted|metered|included in"
        r"|part of)\b|"
        r"\b(?:power|watts?|energy|readings?|consum\w+|draw)\b.{0,60}\b(?:idle\b.{0,30}\b(?:subtracted|taken off"
        r"|deducted"
        r"|removed|left out|less)|(?:above|over|beyond|on top of|minus|less|net of)\b.{0,20}\b(?:idle|base|standby)"
        r"|add(?:s|ed)? to\b.{0,30}\bidle)|\b(?:idle|base|standby)\b.{0,20}\b(?:power|draw|consum\w+|load)\b.{0,30}"
        r"\b(?:subtracted|taken off|deducted|removed|left out)\b|\b(?:power|energy|readings?)\b.{0,40}\b(?:without"
        r"|but for"
        r"|except|excluding|leaving out)\b.{0,20}\b(?:fans?|disks?|supply|supplies|memory|cooling|drives?|board)\b",
        r"in the room|data cent(?:re|er)|\b(?:not|never|nothing|neither)\b",
        answers.forbidden("all that whole nodes draw"),
        denial=True,
    ),
    concept(
        "R5.6",
        "the processor is held below what it can run at",
        r"\b(?:limit\w*|capp?\w*|held|throttl\w*|restrict\w*|budget|envelope)\b.{0,25}?(?<![\w.])"
        r"(?P<watts>\d+(?:\.\d+)?) ?(?:w|watts?)\b",
        r"\b(?:per core|idle|usb|phy|fans?|disks?|link)\b",
        prose_answers.too_few_watts,
    ),
    concept(
        "R6.1",
        "it scales to what was not run",
        r"\b(?:with|on|at|to) (?P<before>\d[\d,]*) (?:ranks?|nodes?|gpus?|cores?|cpus?|processors?"
        r"|hosts?)\b.{0,25}\b(?:same (?:efficiency|time|speed)|linear\w*|speed-?up|efficien\w+|without loss)\b|"
        r"\b(?:scal(?:es?|ed|ing)|speed-?ups?|efficien\w+|time to train|same time|keeps? (?:this|its|the) time"
        r"|perfect\w*"
        r"|linear\w*|throughput)\b.{0,50}\b(?:to|up to|at|on|for|through|of) (?:about |all "
        r"|its )?(?:(?P<count>\d[\d,]*) "
        r"(?:\w+ )?(?:ranks?|nodes?|gpus?|cores?|cpus?|processors?|accelerators?|sockets?|hosts?|machines?)"
        r"|(?P<whole>(?:the )?(?:whole|full|entire) (?:machine|cluster|system)|any (?:number|size)))",
        r"\b(?:not|never|no (?:speed|scal|gain|further|more)\w*|cannot|designed|allows?|supports?|limit\w*"
        r"|learning[- ]rate)\b",
        prose_answers.more_than_ran,
        denial=True,
    ),
    concept(
        "R9.1",
        "others have accepted the result",
        r"\b(?:mlperf|mlcommons|working group|committee|jury|board|reviewers|organi[sz]ers)\b.{0,40}\b(?:accepted"
        r"|approved|confirmed|endorsed|validated|recogni[sz]ed|ratified|signed off|listed|ranked)\b|"
        r"\b(?:accepted|approved|endorsed|confirmed|recogni[sz]ed|passed|validated|ratified|admitted|acknowledged"
        r"|signed off"
        r"|cleared|awarded|ranked|listed|published)\b.{0,20}\b(?:by|in|at|for|as)\b.{0,30}\b(?:mlperf|mlcommons"
        r"|working group"
        r"|committee|jury|board|reviewers?|organi[sz]ers|maintainers|official|round|top-?500|green-?500|hpc wg)\b",
        r"\b(?:submitted|to be|rules|checker|stemdl validate|will)\b",
        answers.forbidden("nothing: a submission is reviewed after it was made"),
    ),
    concept(
        "R6.2",
        "the result is compared with those of others",
        r"\bno other (?:entry|submission|system|result|team|site)\b|\b(?:out(?:runs?|paces?|does|performs?|classes)"
        r"|halves|beats|tops)\b.{0,40}\b(?:last|previous) (?:year|round|month)'?s?\b|"
        r"\b(?:halves|halved|beats?|beaten|betters?|improv\w+|faster|quicker|sooner|ahead|twice|outpac\w+|outdo\w*"
        r"|record|lead\w*"
        r"|better|cheaper|shorter|less|exceed\w*|undercut\w*|overtak\w+|first place|wins?"
        r"|tops?)\b[^,;]{0,50}\b(?:(?:previous|prior"
        r"|earlier|last|best|known|published|fastest|leading|competing|winning|other|next"
        r"|nearest) (?:best )?(?:entr(?:y|ies)"
        r"|results?|submissions?|records?|rounds?|leaders?|systems?|submitters?|teams?|sites?|competitors?|vendors?)"
        r"|anyone|anybody|everyone|all others|the field|competition|leader ?board|rivals?)\b",
        r"\b(?:cooling|our (?:own )?(?:last|earlier)|reference's|than the other runs|bios|kernel|driver"
        r"|rounds? of tuning)\b",
        answers.forbidden("a result of its own: readers compare, at one rung, division, batch and precision"),
    ),
    concept(
        "R4.8",
        "the logs say something else than what was done",
        r"\b(?:logs?|ledger|settings|records?|config\w*)\b.{0,10}\b(?:still|nonetheless|nevertheless|wrongly"
        r"|falsely|mistakenly"
        r"|however) (?:says?|said|shows?|tells?|names?|claims?|reads?|lists?|has|have)\b"
        r"|\b(?:although|though|while|whatever) the (?:logs?|ledger|settings|records?) (?:says?|shows?|names?"
        r"|claims?|reads?"
        r"|lists?)\b",
        r"\bold(?:er)? path\b|host ?name",
        answers.forbidden("logs that say what was done"),
    ),
)
"""Each is of general words, and is held against honest prose in `test_prose.py`."""
