"""The corpus of bad submissions: what is wrong with one run or with all alike, rule by rule."""

from __future__ import annotations

from changes import (
    after,
    before,
    describe,
    drop,
    epochs_left_out,
    every_log,
    figure,
    kept_record,
    log,
    metric,
    move,
    of_an_unknown_manifest,
    of_another_rung,
    put,
    raw,
    recognised,
    setting,
    shift,
    shift_from,
    tell,
    together,
    twice,
    undescribed,
    weak_alone,
)
from corpus import RESULTS, Mutation
from honest_run import EPOCH_MS, STEPS, at, own_ms

from benchmark.definition.golden_files import RECOGNISED, REFUSED, UNKNOWN
from benchmark.events import keys

BY_RULE = (
    # 1. the task
    Mutation("a metric above 1", "R1.2", log(metric(3, 91.2))),
    Mutation("a metric that is a text", "R1.2", log(put(keys.EVAL_ACCURACY, "0.95"))),
    Mutation("eval_accuracy raised, f1_macro not", "R1.2", log(put(keys.EVAL_ACCURACY, 0.99))),
    Mutation("an f1_macro left out", "R1.2", log(drop(keys.F1_MACRO, 1))),
    Mutation("a test score above 1", "R1.2", log(put(keys.TEST_F1_MACRO, 1.5))),
    Mutation("a test score far below", "R1.2", log(put(keys.TEST_F1_MACRO, 0.4)), invalid=False),
    Mutation("the target missed", "R1.4", log(metric(3, 0.8999))),
    Mutation("the target missed by all runs", "R1.4", every_log(metric(3, 0.85))),
    Mutation("a rung that does not exist", "R1.5", every_log(put(keys.SUBMISSION_BENCHMARK, "stemdl_minni"))),
    Mutation("a rung whose target no recorded runs reach", "R1.6", of_another_rung("stemdl_smoke")),
    Mutation("such a rung in the open division", "R1.6", of_another_rung("stemdl_smoke"), division="open"),
    # 2. data
    Mutation("another recipe", "R2.2", every_log(put(keys.DATA_RECIPE_SHA256, "f" * 64))),
    Mutation("other data", "R2.2", every_log(put(keys.DATA_STANDARD, False))),
    Mutation("other patterns", "R2.3", every_log(recognised(verdict=REFUSED))),
    Mutation("data that were not compared", "R2.3", every_log(recognised(verdict=UNKNOWN))),
    Mutation("such data in the open division", "R2.3", every_log(recognised(verdict=UNKNOWN)), False, "open"),
    Mutation("a verdict that is none", "R2.3", every_log(recognised(verdict="good"))),
    Mutation("a verdict without figures", "R2.3", every_log(put(keys.DATA_RECOGNISED, RECOGNISED))),
    Mutation("other golden figures", "R2.3", every_log(recognised(golden_sha256="e" * 64))),
    Mutation("half of the stacks compared", "R2.3", every_log(recognised(compared=2750))),
    Mutation("no verdict on a manifest never seen", "R2.3", every_log(of_an_unknown_manifest)),
    Mutation("a manifest of one run alone", "R4.10", log(put(keys.DATA_MANIFEST_SHA256, "e" * 64))),
    Mutation("a manifest that is not a hash", "R4.8", log(put(keys.DATA_MANIFEST_SHA256, "A7" * 32))),
    Mutation("fewer evaluated samples", "R2.5", every_log(put(keys.EVAL_SAMPLES, 999))),
    Mutation("fewer training samples", "R2.5", every_log(put(keys.TRAIN_SAMPLES, 3400))),
    Mutation(
        "a share of a part above 1",
        "R1.2",
        log(twice(keys.TEST_F1_MACRO, key=keys.TEST_BY_PART, value={"all": {"top-1": 1.5}})),
    ),
    Mutation("half of the test split", "R2.5", log(tell(keys.TEST_F1_MACRO, samples_count=500))),
    # 3. the clock
    Mutation("run_start before init_stop", "R3.1", log(move(keys.INIT_STOP, keys.RUN_START))),
    Mutation("an epoch before run_start", "R3.1", log(move(keys.RUN_START, keys.EPOCH_START, behind_which=0))),
    Mutation("31 minutes of init", "R3.2", log(shift(keys.INIT_START, -31 * 60_000))),
    Mutation(
        "staging before the clock",
        "R3.3",
        log(together(before(keys.STAGING_START, keys.RUN_START), before(keys.STAGING_STOP, keys.RUN_START))),
    ),
    Mutation("no staging", "R3.3", log(together(drop(keys.STAGING_START), drop(keys.STAGING_STOP)))),
    Mutation("caches said to be cleared", "R3.4", log(put(keys.CACHE_CLEAR, True))),
    Mutation("caches logged as text", "R3.4", log(put(keys.CACHE_CLEAR, "yes"))),
    Mutation("an aborted run", "R3.5", log(tell(keys.RUN_STOP, status="aborted"))),
    Mutation(
        "a run_stop without status",
        "R3.5",
        log(lambda lines: lines[at(lines, keys.RUN_STOP)]["metadata"].pop("status")),
    ),
    Mutation("the target reached an epoch before", "R3.5", log(metric(2, 0.905))),
    Mutation(
        "the deciding evaluation after run_stop",
        "R3.6",
        log(together(move(keys.EVAL_ACCURACY, keys.RUN_STOP), move(keys.F1_MACRO, keys.RUN_STOP))),
    ),
    Mutation(
        "an epoch after run_stop",
        "R3.6",
        log(twice(keys.TEST_F1_MACRO, key=keys.EPOCH_START, event_type=keys.INTERVAL_START)),
    ),
    Mutation("the test split on the clock", "R3.6", log(move(keys.TEST_F1_MACRO, keys.EVAL_STOP))),
    Mutation(
        "a part of the test split on the clock",
        "R3.6",
        log(twice(keys.EVAL_STOP, key=keys.TEST_BY_PART, event_type=keys.POINT_IN_TIME, value={"all": {"top-1": 0.9}})),
    ),
    Mutation("run_stop before run_start", "R3.7", log(shift(keys.RUN_STOP, -3_600_000))),
    Mutation("run_stop a second early", "R3.7", log(shift(keys.RUN_STOP, -1_000))),
    Mutation("run_start a second late", "R3.7", log(shift(keys.RUN_START, 1_000))),
    Mutation("an event a millisecond early", "R3.7", log(shift(keys.EVAL_ACCURACY, -1)), invalid=False),
    Mutation("an event 20 ms early", "R3.7", log(shift(keys.EVAL_ACCURACY, -20))),
    Mutation("a line held up by 0.35 s", "R3.9", log(shift_from(keys.EPOCH_STOP, 350, 1)), invalid=False),
    Mutation("an epoch's start held up by 0.35 s", "R3.9", log(shift(keys.EPOCH_START, 350, 1)), invalid=False),
    Mutation(
        "times in seconds",
        "R3.7",
        log(lambda lines: [line.update(time_ms=line["time_ms"] // 1000) for line in lines]),
    ),
    Mutation("an epoch without its stop", "R3.8", log(drop(keys.EPOCH_STOP, 1))),
    Mutation("an evaluation without its start", "R3.8", log(drop(keys.EVAL_START, 1))),
    Mutation("a stop of another epoch", "R3.8", log(tell(keys.EPOCH_STOP, epoch_num=7))),
    Mutation("a second taken out of an epoch", "R3.9", log(shift_from(keys.EPOCH_STOP, -1_000))),
    Mutation(
        "samples/s doubled", "R3.9", log(put(keys.TRACKED_STATS, {"throughput": 2 * STEPS * 32 / EPOCH_MS * 1e3}))
    ),
    Mutation("samples/s left out", "R3.9", log(drop(keys.TRACKED_STATS, 0))),
    Mutation(
        "evaluations in no time",
        "R3.9",
        log(together(*(shift_from(keys.EVAL_STOP, -400, which) for which in range(3)))),
        invalid=False,
    ),
    Mutation("staging in no time", "R3.9", log(shift_from(keys.STAGING_STOP, -800 - own_ms(0))), invalid=False),
    Mutation("an epoch in no time", "R3.9", log(together(shift_from(keys.EPOCH_STOP, -EPOCH_MS + 100)))),
    Mutation(
        "a machine with half of its cores taken",
        "R3.10",
        every_log(figure(load={"given": 2, "free": 1.0, "average": 3.1})),
        invalid=False,
    ),
    Mutation(
        "half a core of many taken",
        "R3.10",
        lambda tree: (
            log(figure(load={"given": 64, "free": 63.4, "average": 0.7}))(tree),
            describe(host_processor_core_count="64", host_processor_vcpu_count="128")(tree),
        ),
        invalid=False,
    ),
    # 4. runs
    Mutation("evaluated in the end alone", "R4.1", log(epochs_left_out(3))),
    Mutation("an epoch not trained", "R4.1", log(together(drop(keys.EPOCH_START, 1), drop(keys.EPOCH_STOP, 1)))),
    Mutation("an evaluation not logged", "R4.1", log(together(drop(keys.EVAL_ACCURACY, 0), drop(keys.F1_MACRO, 0)))),
    Mutation("one seed for two runs", "R4.2", log(put(keys.SEED, 1318135155), 1)),
    Mutation(
        "one seed for two runs, from another line",
        "R4.2",
        log(together(put(keys.SEED, 1318135155), tell(keys.SEED, lineno=999)), 1),
    ),
    Mutation("no seed", "R4.2", log(drop(keys.SEED))),
    Mutation("a seed with a fraction", "R4.2", log(put(keys.SEED, 1.5))),
    Mutation(
        "an evaluation without its epoch",
        "R4.3",
        log(lambda lines: lines[at(lines, keys.EVAL_ACCURACY)]["metadata"].pop("epoch_num")),
    ),
    Mutation(
        "epochs from 0",
        "R4.1",
        log(
            lambda lines: [
                line["metadata"].update(epoch_num=line["metadata"]["epoch_num"] - 1)
                for line in lines
                if "epoch_num" in line["metadata"]
            ]
        ),
    ),
    Mutation(
        "epochs that fall",
        "R4.3",
        log(
            lambda lines: [
                line["metadata"].update(epoch_num=4 - line["metadata"]["epoch_num"])
                for line in lines
                if "epoch_num" in line["metadata"]
            ]
        ),
    ),
    Mutation("a resumed run", "R4.4", log(twice(keys.SEED, key=keys.RESUMED, value=2))),
    Mutation(
        "a run missed and logged so", "R4.5", log(together(tell(keys.RUN_STOP, status="aborted"), metric(3, 0.8)))
    ),
    Mutation(
        "a key twice in an event",
        "R4.6",
        raw(lambda text: text.replace(b'"value": 32,', b'"value": 99, "value": 32,', 1)),
    ),
    Mutation(
        "a start that is a point",
        "R4.6",
        log(lambda lines: lines[at(lines, keys.RUN_START)].update(event_type=keys.POINT_IN_TIME)),
    ),
    Mutation(
        "a batch smaller than the ranks",
        "R4.7",
        every_log(together(setting("ranks", 64), put(keys.NUMBER_OF_NODES, 1))),
    ),
    Mutation("a batch that accumulation does not divide", "R4.7", every_log(put(keys.GRADIENT_ACCUMULATION_STEPS, 3))),
    Mutation("samples seen that are not batches", "R4.7", log(tell(keys.EVAL_ACCURACY, samples_count=10_000))),
    Mutation("one step less", "R4.7", log(tell(keys.TRACKED_STATS, step_num=3 * STEPS - 1))),
    Mutation("another warm-up", "R4.7", every_log(put(keys.OPT_LR_WARMUP_STEPS, 5))),
    Mutation("nodes that ranks do not fill", "R4.7", every_log(put(keys.NUMBER_OF_NODES, 3))),
    Mutation("no optimizer", "R4.8", log(drop(keys.OPT_NAME))),
    Mutation("no weight decay, which the settings have", "R4.8", every_log(drop(keys.OPT_WEIGHT_DECAY))),
    Mutation("no warm-up in one run, which the settings have", "R4.8", log(drop(keys.OPT_LR_WARMUP_STEPS))),
    Mutation("no commit", "R4.8", log(drop(keys.SUBMISSION_GITHUB_COMMIT_VERSION))),
    Mutation("run_start twice, alike", "R4.8", log(twice(keys.RUN_START))),
    Mutation("two batch sizes", "R4.8", log(twice(keys.GLOBAL_BATCH_SIZE, value=64))),
    Mutation("true for a number", "R4.8", log(put(keys.GLOBAL_BATCH_SIZE, True))),
    Mutation("a status that does not exist", "R4.8", log(put(keys.SUBMISSION_STATUS, "available"))),
    Mutation("no organisation", "R4.8", log(put(keys.SUBMISSION_ORG, ""))),
    Mutation("a learning rate unlike the settings", "R4.8", log(put(keys.OPT_BASE_LR, 0.008))),
    Mutation("a batch unlike the settings", "R4.8", log(put(keys.GLOBAL_BATCH_SIZE, 64))),
    Mutation("a log edited after its record", "R4.9", kept_record(put(keys.TEST_F1_MACRO, 0.97))),
    Mutation("a time edited after its record", "R4.9", kept_record(shift(keys.RUN_STOP, -5))),
    Mutation("no record", "R4.9", lambda tree: tree.without_record.add(0)),
    Mutation(
        "a record of something else",
        "R4.9",
        after(lambda folder: (folder / RESULTS / "result_4.json").write_text("[]")),
    ),
    # 5. divisions
    Mutation("a wider network", "R5.1", every_log(setting("width", 32))),
    Mutation("a network of another rung", "R5.1", every_log(setting("network", "late"))),
    Mutation("gradients compressed", "R5.1", every_log(setting("gradient_compression", "fp16"))),
    Mutation("1 for true", "R5.1", every_log(setting("symmetry", 1))),
    Mutation("another optimizer", "R5.1", every_log(put(keys.OPT_NAME, "lamb"))),
    Mutation("a setting added", "R5.1", every_log(setting("mixup", 0.2))),
    Mutation(
        "a setting left out", "R5.1", every_log(lambda lines: lines[at(lines, keys.CONFIG)]["value"].pop("width"))
    ),
    Mutation("settings of another division", "R5.2", every_log(setting("division", "open"))),
    Mutation("a division that does not exist", "R4.8", every_log(put(keys.SUBMISSION_DIVISION, "science"))),
    Mutation("a precision that is not allowed", "R5.3", every_log(setting("precision", "fp8")), division="open"),
    Mutation("weak scaling alone", "R5.5", weak_alone),
    # 7. the system
    Mutation("no description", "R8.1", lambda tree: tree.system.clear()),
    Mutation("a field left out", "R7.1", undescribed("cooling")),
    Mutation("a field that the policy alone asks for left out", "R7.1", undescribed("system_type")),
    Mutation("a field that is a number", "R7.1", describe(number_of_nodes=1)),
    Mutation("a field that says nothing", "R7.2", describe(cooling="")),
    Mutation("a field left to be filled in", "R7.2", describe(cooling="unknown: to be filled in by the submitter")),
    Mutation("neither cores nor threads", "R7.2", describe(host_processor_core_count="", host_processor_vcpu_count="")),
    Mutation("more nodes in the description", "R7.3", describe(number_of_nodes="4")),
    Mutation("another submitter in the description", "R7.3", describe(submitter="Elsewhere")),
    Mutation("another division in the description", "R7.3", describe(division="open")),
    Mutation("another framework in the description", "R7.3", describe(framework="PyTorch 2.2.0")),
    Mutation(
        "aborted, and the target reached after run_stop",
        "R3.5",
        log(together(tell(keys.RUN_STOP, status="aborted"), move(keys.EVAL_ACCURACY, keys.RUN_STOP))),
    ),
    Mutation(
        "a wider network and a missing log",
        "R5.1",
        lambda tree: (every_log(setting("width", 64))(tree), tree.logs.pop(2)),
    ),
    Mutation("the same seed everywhere, and records that agree", "R4.2", every_log(put(keys.SEED, 42))),
)
