"""What it costs that ranks agree, every few steps, whether one of them was asked to end.

    python performance/notice.py [--ranks 2] [--blocks 40]

Blocks of steps with and without the agreement take turns on the same ranks, so that both see the same machine; printed
is the median over pairs of blocks of the ratio of their times, with its quartiles, for each backend.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

BLOCK_STEPS = 20
BATCH, PIXELS, CLASSES = 4, 64, 5  # of a rank of the smoke rung's, on two ranks


def be_a_rank(backend: str, blocks: int) -> None:
    import torch

    from benchmark.definition.finder import load_benchmark
    from benchmark.definition.settings import read_settings
    from benchmark.launch.rank import detect_rank
    from benchmark.simulation.cbed_fields import sample_schema
    from reference.checkpoint import State
    from reference.comm import make_comm
    from reference.interrupt import Agreement
    from reference.notice import Notice
    from reference.optimizer import make_optimizer
    from reference.step import step
    from reference.tasks.space_group.task import make_task

    torch.set_num_threads(1)
    config = read_settings(load_benchmark("space_group"), "stemdl_smoke", None, (f"comm={backend}",))
    comm = make_comm(config, detect_rank(), torch.device("cpu"), Path(), timeout_seconds=60)
    task = make_task(sample_schema(PIXELS, range(1, CLASSES + 1)), config.to_dict())
    bare_model = task.model
    model, optimizer = comm.distribute(bare_model, make_optimizer(bare_model, replace(config, learning_rate=1e-4)))
    patterns, labels = torch.rand(BATCH, 3, PIXELS, PIXELS) / PIXELS**2, torch.arange(BATCH) % CLASSES
    batch = {"cbed_stack": patterns, "space_group": labels}
    state = State(bare_model, bare_model, optimizer, seed=1)
    agreement = Agreement(comm, Notice(""), Path("run"))
    ratios: list[float] = []
    for pair in range(-2, blocks):
        seconds = {}
        for agrees in (True, False) if pair % 2 else (False, True):
            comm.barrier()
            began = time.perf_counter()
            for _ in range(BLOCK_STEPS):
                loss = step(task, model, optimizer, batch)
                state.loss_sum += loss.double()
                state.step += 1
                if agrees:
                    agreement.after_step(state, loss)
            seconds[agrees] = time.perf_counter() - began
            state.step = 0
        if pair >= 0:  # the first ones warm up
            ratios.append(seconds[True] / seconds[False])
    if comm.rank == 0:
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(
            f"{backend:8} {comm.size} ranks: {100 * (middle - 1):+.2f} % (quartiles {100 * (low - 1):+.2f} to "
            f"{100 * (high - 1):+.2f} %) of a step of {1000 * seconds[False] / BLOCK_STEPS:.1f} ms",
            flush=True,
        )
    comm.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--blocks", type=int, default=40)
    parser.add_argument("--rank-of", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rank_of:
        be_a_rank(arguments.rank_of, arguments.blocks)
        return
    from benchmark.launch.launchers import Job, get_launcher

    for backend in ("horovod", "torch"):
        command = (sys.executable, __file__, "--rank-of", backend, "--blocks", str(arguments.blocks))
        subprocess.run(
            get_launcher("mpirun").argv(Job(arguments.ranks, command, environment={"PYTHONPATH": str(ROOT)})),
            check=True,
        )


if __name__ == "__main__":
    main()
