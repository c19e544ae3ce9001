"""torchgdm beside the library: a volume-integral solver with an FFT and a direct (LU) method.

torchgdm (https://gitlab.com/wiechapeter/torchgdm, GPL) and the PyTorch that it needs are no
dependencies of this project. They live in an environment of their own:

    python3 -m venv ~/torchgdm
    ~/torchgdm/bin/pip install torch==2.13.0      # first, so that a build for the CPU can be chosen
    ~/torchgdm/bin/pip install torchgdm==0.61
    export TORCHGDM_PYTHON=~/torchgdm/bin/python

This file has two sides. Imported, it offers ``available`` and ``solve``, which run it as a script
with that interpreter and exchange files; as a script (``INPUT.npz OUTPUT.npz``) it needs NumPy,
PyTorch and torchgdm only. ``python -m benchmarks.scattering_torchgdm`` compares with the Mie
series.

torchgdm has time e^{-iwt}, Gaussian units, single precision and lengths that should not be tiny.
All of that is converted here: conjugates go in and come out, a wavelength is 1000 units long.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["available", "main", "solve", "versions"]

SPEED_OF_LIGHT, EPSILON_0 = 299792458.0, 8.8541878188e-12
UNITS = 1000.0  # in a wavelength
SOLVERS = ("fft", "lu")


def available() -> bool:
    """Whether TORCHGDM_PYTHON names an interpreter."""
    return bool(os.environ.get("TORCHGDM_PYTHON"))


def versions() -> str:
    """Versions of torchgdm and PyTorch in that environment."""
    code = "from importlib.metadata import version as v; print(v('torchgdm'), v('torch'))"
    run = subprocess.run(
        [os.environ["TORCHGDM_PYTHON"], "-I", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    return " with torch ".join(run.stdout.split())


def solve(
    positions: np.ndarray,
    voxel_size: float,
    permittivity: np.ndarray,
    conductivity: np.ndarray,
    frequencies: np.ndarray,
    tx_positions: np.ndarray,
    tx_moments: np.ndarray,
    rx_positions: np.ndarray,
    *,
    solver: str = "fft",
    tolerance: float = 1e-5,
    threads: int = 1,
    timeout: float = 3600,
) -> dict[str, np.ndarray]:
    """Scattered fields of dipoles from torchgdm, in another process.

    Input
    -----
    positions : [N, 3]
        Centres of the voxels, on one grid [m]
    voxel_size : `float`
        Edge of a voxel [m]
    permittivity, conductivity : [N] or scalars
        Of the voxels, with time e^{+jwt}
    frequencies : [F]
        [Hz]
    tx_positions, tx_moments, rx_positions : [T, 3], [T, 3], [R, 3]
        [m], [C m], [m]
    solver : "fft" or "lu"
        Restarted GMRES with an FFT, or the dense system
    tolerance : `float`
        Of the relative residual, for "fft"
    threads : `int`
        Of PyTorch; 0 is its default. Threads that wait for each other count as CPU seconds: with
        two on a busy machine several times those of one

    Output
    ------
    : dict of arrays
        ``field`` [F, R, T, 3] [V/m]; per frequency [F]: ``cpu_seconds`` and ``wall_seconds`` of
        set-up and solution, ``field_cpu_seconds`` and ``field_wall_seconds`` of the field at the
        receivers, ``products`` with the matrix per right-hand side and ``residual`` (NaN for
        "lu"); ``base_memory`` before and ``peak_memory`` after [bytes]; ``versions``
    """
    values = {k: v for k, v in locals().items() if k != "timeout"}
    interpreter = os.environ["TORCHGDM_PYTHON"]
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("input.npz", "output.npz")]
        np.savez(files[0], **values)
        # isolated: this folder holds modules whose names others use
        command = [interpreter, "-I", __file__, *files]
        subprocess.run(command, check=True, timeout=timeout)
        with np.load(files[1]) as data:
            return dict(data)


def work(source: str, target: str) -> None:
    """Solve the problem of one file: the side that runs in the environment of torchgdm."""
    import torch
    import torchgdm

    with np.load(source) as data:
        problem = dict(data)
    if problem["threads"]:
        torch.set_num_threads(int(problem["threads"]))
    base = peak_memory()
    rows = [one_frequency(problem, float(f)) for f in problem["frequencies"]]
    np.savez(
        target,
        **{key: np.stack([row[key] for row in rows]) for key in rows[0]},
        base_memory=base,
        peak_memory=peak_memory(),
        versions=f"torchgdm {torchgdm.__version__}, torch {torch.__version__}",
    )


def one_frequency(problem: dict[str, np.ndarray], frequency: float) -> dict[str, Any]:
    """Fields and their cost at one frequency."""
    import torch
    import torchgdm

    class Voxels(torchgdm.struct3d.StructDiscretizedCubic3D):
        """Given voxels, which the FFT solver takes for a lattice only under this class."""

        def __init__(self, positions: Any, materials: list, step: float) -> None:
            super(torchgdm.struct3d.StructDiscretizedCubic3D, self).__init__(
                positions, materials, step=step, on_distance_violation="ignore"
            )

    begin = (time.process_time(), time.perf_counter())
    wavelength = SPEED_OF_LIGHT / frequency
    scale = UNITS / wavelength
    center = problem["positions"].mean(axis=0)  # single precision: keep coordinates small

    def place(points: np.ndarray) -> Any:
        return torch.as_tensor((points - center) * scale, dtype=torch.float32)

    loss = problem["conductivity"] / (2 * np.pi * frequency * EPSILON_0)
    epsilon = np.broadcast_to(problem["permittivity"] - 1j * loss, len(problem["positions"]))
    values, kind = np.unique(epsilon, return_inverse=True)
    materials = [torchgdm.materials.MatConstant(complex(v.conjugate())) for v in values]
    step = float(problem["voxel_size"] * scale)
    sources = [
        torchgdm.env.freespace_3d.ElectricDipole(place(r), torch.as_tensor(p.conj()))
        for r, p in zip(problem["tx_positions"], problem["tx_moments"] + 0j, strict=True)
    ]
    if str(problem["solver"]) == "fft":
        system = torchgdm.linearsystem_iterative.LinearSystemIterativeFFT(
            rtol=float(problem["tolerance"])
        )
    else:
        system = torchgdm.linearsystem.LinearSystemFullMemEff()
    simulation = torchgdm.Simulation(
        structures=[Voxels(place(problem["positions"]), [materials[k] for k in kind], step)],
        environment=torchgdm.env.freespace_3d.EnvHomogeneous3D(1.0),
        illumination_fields=sources,
        wavelengths=torch.tensor([UNITS]),
        linearsystem=system,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*did not converge.*")
        simulation.run(verbose=0, progress_bar=False)
    solved = (time.process_time(), time.perf_counter())
    near = simulation.get_nearfield(
        UNITS, r_probe=place(problem["rx_positions"]), progress_bar=False
    )
    field = near["sca"].get_efield().numpy().conj()  # [T, R, 3]
    done = (time.process_time(), time.perf_counter())
    statistics = getattr(system, "stats", {})
    return {
        "field": field.swapaxes(0, 1).astype(np.complex128) * scale**3 / (4 * np.pi * EPSILON_0),
        "cpu_seconds": solved[0] - begin[0],
        "wall_seconds": solved[1] - begin[1],
        "field_cpu_seconds": done[0] - solved[0],
        "field_wall_seconds": done[1] - solved[1],
        "products": statistics.get("fwd_matvec", np.nan) / len(sources),
        "residual": statistics.get("fwd_relres_max", np.nan),
    }


def peak_memory() -> int:
    """Largest resident memory so far [bytes]; unlike `ru_maxrss` without that of the parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def sphere(cells: int, size: float, frequency: float) -> tuple[np.ndarray, float, float]:
    """Voxels of a sphere of size parameter ``size``, of its volume; their edge and its radius."""
    radius = size * SPEED_OF_LIGHT / (2 * np.pi * frequency)
    axis = np.arange(cells) - (cells - 1) / 2
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    points = points[np.linalg.norm(points, axis=-1) <= cells / 2]
    edge = radius * (4 * np.pi / 3 / len(points)) ** (1 / 3)
    return points * edge, edge, radius


def main() -> None:
    """Print errors against the Mie series, times and memory."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.scattering_torchgdm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--solver", choices=SOLVERS, default="fft")
    parser.add_argument("--cells", type=int, nargs="+", default=[12, 18], help="per diameter")
    parser.add_argument("--size", type=float, default=2.0, help="size parameter ka")
    parser.add_argument("--permittivity", type=complex, default=2.5)
    parser.add_argument("--sources", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1, help="0: the default of PyTorch")
    args = parser.parse_args()
    if not available():
        parser.error("set TORCHGDM_PYTHON to the interpreter of an environment with torchgdm")

    from sionna_isac.scattering import sphere_response

    frequency, random = 4.9e9, np.random.default_rng(1)
    tx, rx = random.normal(size=(2, args.sources, 3))
    tx, rx = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (tx, rx))
    moments = random.normal(size=(args.sources, 3))
    print("| voxels | error | CPU [s] | wall [s] | field, CPU [s] | products | memory [MB] |")
    print("|---|---|---|---|---|---|---|")
    for cells in args.cells:
        points, edge, radius = sphere(cells, args.size, frequency)
        antennas = (5 * radius * tx, moments, 5 * radius * rx)
        result = solve(
            points,
            edge,
            args.permittivity,
            0.0,
            [frequency],
            *antennas,
            solver=args.solver,
            threads=args.threads,
        )
        truth = sphere_response(
            radius,
            [0, 0, 0],
            args.permittivity,
            0.0,
            [frequency],
            *antennas[:2],
            np.repeat(antennas[2], 3, axis=0),
            np.tile(np.eye(3), [len(rx), 1]),
        )
        truth = truth.reshape(1, len(rx), 3, len(tx)).swapaxes(2, 3)
        error = np.linalg.norm(result["field"] - truth) / np.linalg.norm(truth)
        memory = (result["peak_memory"] - result["base_memory"]) / 1e6
        print(
            f"| {len(points)} | {error:.2%} | {result['cpu_seconds'][0]:.2f} "
            f"| {result['wall_seconds'][0]:.2f} | {result['field_cpu_seconds'][0]:.2f} "
            f"| {result['products'][0]:.0f} | {memory:.0f} |"
        )
    print(f"\n{result['versions']}, solver {args.solver}, threads {args.threads}")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1].endswith(".npz"):
        work(*sys.argv[1:])
    else:
        main()
