#!/usr/bin/env bash
# The runs.

set -euo pipefail

stemdl run --rung density_mini --ranks 1 --runs 5 --data data/density_mini --config "$(dirname -- "$0")/config.yaml"
