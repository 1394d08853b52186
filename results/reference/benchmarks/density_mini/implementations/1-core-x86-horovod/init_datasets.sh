#!/usr/bin/env bash
# The data, by the rung's recipe; the logs have the hash of their manifest.

set -euo pipefail

stemdl data generate density_mini -o data/density_mini
