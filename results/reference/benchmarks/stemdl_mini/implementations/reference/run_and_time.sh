#!/usr/bin/env bash
# The five runs of this submission, from the top of a checkout of the commit that the logs name.

set -euo pipefail

./run_benchmark.sh --rung stemdl_mini --ranks 2 --runs 5 --output runs/reference
