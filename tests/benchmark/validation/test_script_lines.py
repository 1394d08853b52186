"""What honest scripts hold is not a finding: environments, modules, batch systems, variables, and the commands."""

from __future__ import annotations

from corpus import Tree
from honest_run import RUNG
from mutations_related import script

from benchmark.validation.validate import validate

HONEST = f"""#!/usr/bin/env bash
#SBATCH -N 1
#SBATCH -t 1:00:00
set -euo pipefail
source .venv/bin/activate
module load gcc/12 openmpi
export OMP_NUM_THREADS=1 NCCL_DEBUG=WARN
cd "$SLURM_SUBMIT_DIR"
mkdir -p data
echo "begins $(date) on $(hostname)"
sudo cpupower frequency-set -g performance
if [ -d data ]; then echo there; fi
stemdl data generate {RUNG} -o data/{RUNG}
stemdl data verify data/{RUNG}
taskset -c 0,1 stemdl run --rung {RUNG} --ranks 2 --runs 5 --data data/{RUNG} \\
    --config "$(dirname -- "$0")/config.yaml"  # all settings
srun -N 1 stemdl launch --nodes 1 --ranks 2 --launcher srun -- --rung {RUNG} --runs 5
""".splitlines()


def test_lines_of_honest_scripts_are_known(tmp_path):
    tree = Tree.valid()
    script(*HONEST)(tree)
    assert validate([tree.write(tmp_path / "Somewhere")], official=False).findings == []
