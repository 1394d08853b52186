#!/usr/bin/env bash
# The software, at the commit that the logs name.

set -euo pipefail

git checkout 450143c5f2ff08f23bc0a6e7fc1509853cd5a432
scripts/setup_env.sh
