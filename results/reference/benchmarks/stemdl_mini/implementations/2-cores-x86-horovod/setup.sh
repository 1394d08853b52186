#!/usr/bin/env bash
# The software, at the commit that the logs name.

set -euo pipefail

git checkout 9b27e9f9a857a98a0c094745a4bf4dbc1c8490d7
scripts/setup_env.sh
