"""Words by which a sentence departs from what rules fix of data, training and runs."""

from __future__ import annotations

from benchmark.validation.checks import answers, prose_answers
from benchmark.validation.checks.lexicon import BITS, COMPUTES, DATA, HELD_OUT, OPTIMIZERS, RUNS, concept

OF_TRAINING = (
    concept(
        "R2.4",
        "a run began with what another had learned",
        r"\b(?:runs?|networks?|models?|weights|parameters|training|layers)\b.{0,40}\b(?:inherit\w*|head start"
        r"|already (?:seen|learned|learnt|knew|trained)|had (?:\w+ )?(?:been )?(?:seen|learned|learnt|warmed|primed"
        r"|trained) (?:on|these|before|last|for|in))\b|"
        r"\b(?:took|takes?|picks?|picked|carr\w+|continu\w+|resum\w+|went|goes|begins?|begun|began|starts?|started)\b"
        r".{0,20}\b(?:where|at the point|from the (?:point|state|place))\b.{0,60}"
        r"\b(?:left off|left|stopped|ended|finished|got to|reached|broke off)\b"
        r"|\b(?:last|previous|yesterday's|prior|former) (?:(?:week|month|year|night|day|round|campaign)(?:'s)? )"
        r"(?:models?|networks?|weights|parameters|checkpoints?)\b"
        r"|\b(?:weights|parameters|optimi[sz]er state|moments|running means)\b.{0,20}\b(?:kept|carried over|inherited"
        r"|left over|retained|handed (?:on|down)|passed on|brought over|survive\w*)\b.{0,30}\b(?:runs?|another|next"
        r"|earlier|previous|older|other)\b",
        r"interrupt|epoch \d|same run|within a run|\blog(?:s|ging)\b",
        prose_answers.trained_on,
    ),
    concept(
        "R2.4",
        "the splits were joined for the training",
        rf"{HELD_OUT}.{{0,20}}\b(?:thrown in|put|mixed|included|added|merged|folded|joined"
        rf"|lumped)\b.{{0,10}}\b(?:with|to|into|in|among)\b.{{0,15}}\btrain\w*|"
        rf"\btrain\w*\b.{{0,25}}\b(?:and|with|plus|\+|to|into)\b.{{0,12}}{HELD_OUT}.{{0,40}}\b(?:put together"
        rf"|joined|merged"
        r"|combined|pooled|united|concatenat\w+|mixed|one set|thrown together|taken together)\b"
        rf"|\b(?:join|merg|combin|pool|unit|mix|concatenat|put)\w*\b.{{0,20}}\btrain\b.{{0,10}}\b(?:and"
        rf"|with)\b.{{0,10}}"
        rf"{HELD_OUT}|{HELD_OUT}.{{0,30}}\b(?:used|shown|fed|served|seen|given)\b.{{0,20}}\b(?:for|in|to|during"
        rf"|by) (?:the )?"
        r"(?:training|learning|network|gradient|optimi[sz]er)\b",
        r"separate|disjoint|no material",
        answers.forbidden("the rung's train split alone"),
    ),
    concept(
        "R2.4",
        "data were taken out or exchanged",
        rf"\b(?:hard|easy|bad|noisy|poor|thick|difficult|blurred|wrong|outlying"
        rf"|ambiguous) {DATA}\b.{{0,20}}\b(?:taken (?:away|out)|set aside|put aside|kept out|kept back|not (?:used"
        rf"|trained on|shown))\b|"
        rf"\b(?:hard|easy|bad|noisy|poor|thick|difficult|blurred|wrong|outlying|ambiguous"
        rf"|mislabel\w+) {DATA}\b.{{0,40}}\b"
        r"(?:left out|removed|dropped|skipped|filtered|discarded|weeded|excluded|omitted|cleaned|replaced|exchanged)\b"
        rf"|\b(?:left out|removed|dropped|skipped|filtered|discarded|weeded out|excluded"
        rf"|omitted) (?:\w+ ){{0,2}}(?:hard|easy"
        rf"|bad|noisy|poor|thick|difficult|blurred|outlying|ambiguous) {DATA}\b",
        r"recipe|generat|whole batch",
        answers.forbidden("all samples that the rung's recipe makes"),
    ),
    concept(
        "R2.4",
        "the training had other augmentation",
        rf"\b{DATA}\b.{{0,30}}\b(?:turned|rotated|rescaled|zoomed|cropped|shifted|blurred|jittered|perturbed|translated"
        r"|stretched|warped|sheared|tilted|brightened|darkened|dithered|masked)\b.{0,40}\b(?:arbitrary|any|random\w*"
        r"|angles?|while|as they are|each time|on the fly|every epoch|each epoch|before each)\b"
        rf"|\b(?:random\w*|arbitrar\w+)\b.{{0,20}}\b(?:rotations?|turns?|crops?|shifts?|zooms?|tilts?|warps?|blurs?)\b",
        r"quarter turn|\b90\b|\brecipe\b|simulat|generat|\brung\b|microscope|beam|precess",
        answers.forbidden("the augmentation that the task allows"),
    ),
    concept(
        "R4.17",
        "something was chosen by the test split",
        r"\b(?:look\w*|peek\w*|glanc\w*|judg\w+|watch\w*|guided)\b.{0,25}\btest (?:materials|samples|split|set"
        r"|scores?)\b|"
        r"\b(?:stayed|stay|kept|keep|chose|settled|took|prefer\w*|adopted|decid\w+|winner|went"
        r"|pick\w*)\b.{0,60}\b(?:on|by"
        r"|for|in|from) (?:the |`)*test\b(?!ed)"
        r"|\b(?:best|highest|lowest|most)\b.{0,20}\b(?:on|by|for|in) (?:the |`)*test\b.{0,40}\b(?:kept|chosen|taken"
        r"|used"
        r"|adopted|submitted|decided|won)\b",
        r"\bdev\b|\bread\b|clock|publish|evaluated",
        answers.forbidden("the dev split alone"),
    ),
    concept(
        "R5.3",
        "the network computed in other numbers",
        rf"\b{COMPUTES}\b.{{0,40}}\b{BITS}|\b{BITS}.{{0,40}}\b{COMPUTES}\b",
        r"\b(?:stored?|on disk|files?|tall(?:y|ies)|counts?|counted|labels?|sum(?:s|med)?|accumulat\w*|losses"
        r"|seeds?|ranks?"
        r"|processor|machine|ecc|bus|cpu|adc|detector|counter|shards?|simulat\w+|generat\w+|x86|arm|supports?)\b",
        prose_answers.other_numbers,
    ),
    concept(
        "R5.1",
        "gradients were not those of their own step",
        r"\bgradients?\b.{0,40}\b(?:every|each) (?:second|third|fourth|few|\d+)\w* (?:steps?|batch(?:es)?)\b"
        r"|\b(?:largest|part|share|fraction|tenth|half|quarter) of (?:the |all )?gradients?\b|"
        r"\bgradients?\b.{0,30}\b(?:of|from) (?:the |an? |1 )?(?:steps?|batch(?:es)?|iterations?"
        r"|updates?) (?:before|earlier"
        r"|ago)\b|\bgradients?\b.{0,30}\b(?:previous|earlier|last|preceding) (?:steps?|batch(?:es)?|iterations?"
        r"|updates?)\b"
        r"|\b(?:stale|delayed|outdated|late|asynchronous) gradients?\b|\b(?:previous|last|preceding) (?:step"
        r"|iteration|batch)"
        r"(?:'s|s') gradients?\b|\bgradients?\b.{0,40}\b(?:sparsif\w+|top-?k|clipped to signs|dropped|skipped"
        r"|every second"
        r"|every other|only every)\b|\bwithout waiting for (?:the )?(?:gradients|other ranks|all-?reduce)\b",
        r"accumulat\w+ over|zeroed|cleared|\b(?:not|never|nor|no (?:stale )?gradients?)\b",
        answers.forbidden("the mean of all ranks' gradients of the same step"),
        denial=True,
    ),
    concept(
        "R5.1",
        "the optimizer is not the log's",
        rf"\b{OPTIMIZERS}\b.{{0,40}}\b(?:used|applied|appl(?:y|ies)|updates?|trains?|trained|optimi[sz]\w*|instead"
        rf"|in place"
        rf"|replac\w+|does|steps?)\b|\b(?:applied|appl(?:y|ies)|use[sd]?|with|by|optimi[sz]er|switched to|trained"
        rf"|replaced)\b"
        rf".{{0,30}}\b{OPTIMIZERS}\b",
        "",
        prose_answers.other_optimizer,
    ),
    concept(
        "R5.1",
        "the schedule was changed in a run",
        r"\b(?:after|from|at|in) (?:the )?(?:\w+ )?epoch\b.{0,20}\b(?:learning[- ]rate|rate|lr|schedule"
        r"|weight[- ]decay|batch(?:[- ]size)?)\b.{0,20}\b(?:halved|doubled|divided|cut|dropped|raised|lowered"
        r"|changed|switched|reduced|increased)\b|"
        r"\b(?:learning[- ]rate|rate|lr|schedule|weight[- ]decay|label[- ]smoothing|batch(?:[- ]size)?|momentum"
        r"|averaging)\b"
        r".{0,30}\b(?:(?:halved|doubled|divided|cut|dropped|raised|lowered|changed|switched|reduced|increased"
        r"|restarted|reset"
        r"|set|adjusted|tripled|stopped|scaled)\b.{0,30}\b(?:after|at|from|when|once|in|by|between)\b.{0,20}"
        r"\b(?:epochs?|steps?|plateau\w*|by hand|manual\w*|midway|half-?way)\b|(?:by hand"
        r"|manually)\b.{0,20}\b(?:after|at|from"
        r"|when|in)\b)",
        r"linear|scaled? (?:with|by)|warm-?up|accumulat",
        answers.forbidden("the reference's schedule, from the first step to the last"),
    ),
    concept(
        "R4.1",
        "not every epoch was evaluated",
        r"\b(?:scores?|values|f1|errors?|accurac\w+) (?:of|after"
        r"|at) (?:the )?(?:\w+ ){0,2}epochs?\b.{0,30}\b(?:guess\w*|estimat\w*|inferred|made up|assumed|copied"
        r"|repeated)\b|"
        r"\b(?:dev|evaluat\w*|validat\w*|score[sd]?|held against|measured|f1|error)\b.{0,40}\b(?:every|each"
        r"|at) (?:second|third"
        r"|fourth|fifth|other|2nd|3rd|few|even|odd|\d+(?:nd|rd|th)?)(?: of)? epochs?\b"
        r"|\b(?:every|each) (?:second|third|fourth|other|few|\d+) epochs?\b.{0,40}\b(?:dev|evaluat\w*|validat\w*"
        r"|score[sd]?)\b"
        r"|\b(?:values|numbers|scores?|epochs|rest|others|ones)\b.{0,10}\bin between\b.{0,40}\b(?:carried over"
        r"|interpolat\w+"
        r"|repeated|copied|estimated|filled in|drawn)\b|\b(?:evaluations?|scores?)\b.{0,20}\b(?:interpolat\w+|estimated"
        r"|extrapolat\w+)\b",
        r"checkpoint|printed|progress",
        answers.forbidden("the whole split, after every epoch"),
    ),
    concept(
        "R4.12",
        "runs were given up for what they showed",
        rf"\b(?:poor|bad|slow\w*|weak|unlucky|failed|unpromising) {RUNS}\b.{{0,20}}\b(?:not|n't) (?:appear|shown"
        rf"|listed|submitted|counted|reported|told)\b|\b(?:poor|bad|slow\w*|weak|unlucky)\b.{{0,40}}\b(?:stop|end"
        rf"|abandon|kill|cancel|begin|start)\w* (?:a|the|such|that) {RUNS}\b|"
        rf"\b{RUNS}\b.{{0,60}}\b(?:poor\w*|bad\w*|slow\w*|weak\w*|unlucky|unpromising|hopeless|late|looked|low"
        rf"|behind|worse"
        rf"|lagg\w+|disappoint\w+)\b.{{0,40}}\b(?:not (?:carried on|continued|finished|gone on with|kept|pursued"
        rf"|completed|taken"
        r"|shown)|stopped|abandoned|given up|ended early|cut short|killed|aborted|cancelled|thrown|set aside|put aside"
        r"|replaced|made again|done again|repeated|struck|forgotten)\b"
        rf"|\b(?:abandoned|gave up|killed|cancelled|stopped|struck out|set aside|put aside|replaced"
        rf"|repeated) (?:\w+ ){{0,3}}"
        rf"(?:poor|bad|slow\w*|weak|unlucky|unpromising|hopeless) {RUNS}\b",
        r"\bmean\b|olympic|score is",
        answers.left_out,
        denial=True,
    ),
)
"""Each is of general words, and is held against honest prose in `test_prose.py`."""
