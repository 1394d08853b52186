"""The names of MLLOG events.

Those that `mlperf_logging.mllog.constants` has carry its name and value; the rest are ours. Literal, so that the
command line does not wait for mlperf_logging to be imported.
"""

from __future__ import annotations

# How a line begins, and the three kinds of event.
PREFIX = ":::MLLOG"
INTERVAL_START, INTERVAL_END, POINT_IN_TIME = EVENT_TYPES = ("INTERVAL_START", "INTERVAL_END", "POINT_IN_TIME")

# Intervals: `EventLog.start` and `stop` add the ending.
INIT, STAGING, RUN, EPOCH, EVAL = INTERVALS = ("init", "staging", "run", "epoch", "eval")
INIT_START, INIT_STOP = "init_start", "init_stop"
STAGING_START, STAGING_STOP = "staging_start", "staging_stop"
RUN_START, RUN_STOP = "run_start", "run_stop"
EPOCH_START, EPOCH_STOP = "epoch_start", "epoch_stop"
EVAL_START, EVAL_STOP = "eval_start", "eval_stop"

# Who submits what.
SUBMISSION_BENCHMARK = "submission_benchmark"  # the rung's name
SUBMISSION_ORG = "submission_org"
SUBMISSION_PLATFORM = "submission_platform"
SUBMISSION_DIVISION = "submission_division"
SUBMISSION_STATUS = "submission_status"
SUBMISSION_GITHUB_COMMIT_VERSION = "submission_github_commit_version"  # asked for by the Science group's policy

# On what, and with which settings.
CONFIG = "config"
VERSIONS = "versions"
DEVICES = "devices"
PLACEMENT = "placement"  # of each rank: its host, CPUs and device
NUMBER_OF_NODES = "number_of_nodes"  # this and the next are asked for by the HPC group's rules
ACCELERATORS_PER_NODE = "accelerators_per_node"
CACHE_CLEAR = "cache_clear"
PREFLIGHT = "preflight"  # whether all ranks were fit to train: the checks, and the network's figures
SEED = "seed"
RESUMED = "resumed"  # after which epoch, and step_num steps more; such a run cannot be scored
GLOBAL_BATCH_SIZE = "global_batch_size"
GRADIENT_ACCUMULATION_STEPS = "gradient_accumulation_steps"
OPT_NAME = "opt_name"
OPT_BASE_LR = "opt_base_learning_rate"
OPT_WEIGHT_DECAY = "opt_weight_decay"
OPT_LR_WARMUP_STEPS = "opt_learning_rate_warmup_steps"

# The data.
DATA_MANIFEST_SHA256 = "data_manifest_sha256"
DATA_RECIPE_SHA256 = "data_recipe_sha256"
DATA_STANDARD = "data_standard"
DATA_RECOGNISED = "data_recognised"  # what comparing the rung's own data with golden figures gave, before the run
DATA_PARTITION = "data_partition"  # by which the splits were made; not there where they are the data's own
TRAIN_SAMPLES = "train_samples"
EVAL_SAMPLES = "eval_samples"

# What came out.
EVAL_ACCURACY = "eval_accuracy"  # holds the metric: the one key that every official tool reads
F1_MACRO = "f1_macro"  # in older logs, the same number under its own name
TEST_F1_MACRO = "test_f1_macro"  # after run_stop, off the clock
TEST_BY_PART = "test_by_part"  # after the test score: more of it, of a metric that looks at parts of a split
TRACKED_STATS = "tracked_stats"
THROUGHPUT = "throughput"  # within the value of tracked_stats, in samples/s

# Metadata.
EPOCH_NUM = "epoch_num"  # from 1
STEP_NUM = "step_num"
RANKS_BEFORE = "ranks_before"  # resumed: of the run that wrote the checkpoint; another number was allowed by --elastic
SAMPLES_COUNT = "samples_count"
IN_MEMORY = "in_memory"  # staging_stop: whether this rank holds its data, or streams them
STAGED_BYTES = "staged_bytes"  # staging_stop: what this rank copied to its node's disk
STATUS = "status"
INTERRUPTED = "interrupted"  # run_stop: true of a run that was asked to end, by a signal
SUCCESS, ABORTED = "success", "aborted"
CLOSED, OPEN = "closed", "open"
