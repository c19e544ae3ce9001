"""Generate a data set on a Slurm cluster: python examples/dataset_slurm.py dataset_10cm --jobs 20

Needs the optional dependency dask-jobqueue: pip install "sionna-isac[cluster]". Start it on a head
node, in tmux or as a small job of its own: it holds the scheduler and writes the files. The
workers are Slurm jobs; they send their samples over the network and need no shared folder. Jobs
that end (their time is up, they are preempted) are replaced, and what they had not finished is
computed again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dask_jobqueue import SLURMCluster

from sionna_isac.dataset import generate_dataset
from sionna_isac.study import load_scenario


def main() -> None:
    """Start the workers, generate, stop them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario", help="name or YAML file of a data set")
    parser.add_argument("--jobs", type=int, default=20, help="Slurm jobs, each with 4 workers")
    parser.add_argument("--queue", help="partition")
    parser.add_argument("--account", help="account that is charged")
    parser.add_argument("--walltime", default="04:00:00", help="of a job")
    arguments = parser.parse_args()

    with SLURMCluster(
        queue=arguments.queue,
        account=arguments.account,
        walltime=arguments.walltime,
        cores=4,
        processes=4,  # one thread each: the numbers then do not depend on the machine's cores
        memory="16GB",
        job_script_prologue=["export TF_CPP_MIN_LOG_LEVEL=2", "export OMP_NUM_THREADS=1"],
    ) as cluster:
        cluster.adapt(maximum_jobs=arguments.jobs)
        scenario = load_scenario(arguments.scenario)
        generate_dataset(
            scenario, Path("results") / scenario.folder_name, scheduler=cluster.scheduler_address
        )


if __name__ == "__main__":
    main()
