"""What honest scripts hold is not a finding: environments, modules, batch systems, variables, and the commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import CODE, Tree
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
export PIP_INDEX_URL=https://pypi.example.org/simple
pip install -r "$(dirname -- "$0")/requirements.txt"
taskset -c 0,1 stemdl run --rung {RUNG} --ranks 2 --runs 5 --data data/{RUNG} \\
    --config "$(dirname -- "$0")/config.yaml"  # all settings
srun -N 1 stemdl launch --nodes 1 --ranks 2 --launcher srun -- --rung {RUNG} --runs 5 2>&1 | tee console.log
""".splitlines()


def test_lines_of_honest_scripts_are_known(tmp_path):
    tree = Tree.valid()
    script(*HONEST)(tree)
    for name, text in {"requirements.txt": b"numpy==2.4.6  # as in the logs\n", "LICENSE": b"Apache-2.0\n"}.items():
        tree.files[f"{CODE}/{name}"] = text
    assert validate([tree.write(tmp_path / "Somewhere")], official=False).findings == []


def test_data_may_lie_below_a_folder_that_the_site_names(tmp_path):
    tree = Tree.valid()
    at = f'"$SCRATCH/{RUNG}"'
    script(f"stemdl data generate {RUNG} -o {at}", f"stemdl run --rung {RUNG} --ranks 2 --runs 5 --data {at}")(tree)
    assert validate([tree.write(tmp_path / "Somewhere")], official=False).findings == []


@pytest.mark.parametrize(
    "line", ["numpy", "git+https://mine/torch", "-e .", "--extra-index-url https://mine", "torch @ file:///x"]
)
def test_packages_of_a_file_are_known_where_each_has_its_version(line, tmp_path):
    tree = Tree.valid()
    script("pip install -r requirements.txt", *HONEST[-1:])(tree)
    tree.files[f"{CODE}/requirements.txt"] = f"numpy==2.4.6\n{line}\n".encode()
    found = validate([tree.write(tmp_path / "Somewhere")], official=False).findings
    assert [(each.rule, Path(each.file).name) for each in found] == [("R8.2", "run.sh")]
