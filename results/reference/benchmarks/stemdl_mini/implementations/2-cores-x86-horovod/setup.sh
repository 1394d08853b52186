#!/usr/bin/env bash
# The software, at the commit that the logs name.

set -euo pipefail

git checkout 59a29a682a51bf082087dc6984ef7a300b0ca3a1
scripts/setup_env.sh
