#!/usr/bin/env bash
# The runs.

set -euo pipefail

stemdl run --rung stemdl_mini --ranks 2 --runs 5 --data data/stemdl_mini --config "$(dirname -- "$0")/config.yaml"
