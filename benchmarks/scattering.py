"""``python -m benchmarks.scattering``: volume integral against torchgdm, on a sphere and a box.

Each solution runs in a process of its own: torchgdm in its environment (``TORCHGDM_PYTHON``, see
``benchmarks/scattering_torchgdm.py``), the library in this one. A process solves twice, the second
time for a slightly different frequency; the second time counts: imports and first uses of threads
and FFTs are over, nothing of the problem is known yet. Both sides take turns, with one thread: more
would wait busily where cores are shared, and CPU seconds would count that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import scattering_torchgdm as torchgdm
from benchmarks.run import describe

__all__ = ["CASES", "Case", "Problem", "main", "problem", "report", "run_library"]

FREQUENCY = 4.9e9  # Hz
WAVELENGTH = torchgdm.SPEED_OF_LIGHT / FREQUENCY
AGAIN = 1 + 1e-6  # the second frequency: another problem with the same answer
SIZE, PERMITTIVITY = 2.0, 2.5  # ka of the sphere, material of both bodies
BOX = np.array([1.0, 0.5, 0.5])  # wavelengths
BOX_TRUTH = 40  # cells a wavelength of the solution that boxes are compared with
TOLERANCE = 1e-5
THREADS = 1
NAMES = {
    "fft": "torchgdm, FFT",
    "lu": "torchgdm, LU",
    "scipy": "library, scipy",
    "tf": "library, tf",
}


@dataclass(frozen=True)
class Case:
    """A solver on a body of so many cells, a diameter or a wavelength."""

    body: str  # "sphere" or "box"
    solver: str  # one of NAMES
    cells: int

    @property
    def name(self) -> str:
        """`str` : Its key in the results"""
        return f"{self.body}-{self.solver}-{self.cells}"


def _cases(solver: str, sphere: tuple[int, ...], box: tuple[int, ...]) -> list[Case]:
    return [Case("sphere", solver, n) for n in sphere] + [Case("box", solver, n) for n in box]


CASES = [
    *_cases("fft", (12, 18, 25), (16, 24, 32)),
    *_cases("lu", (12, 18), (16,)),
    *_cases("scipy", (6, 8, 12, 18, 25), (16, 24, 32)),
    *_cases("tf", (6, 8, 12, 18, 25), (16, 24, 32)),
]
QUICK = [Case("sphere", "scipy", n) for n in (6, 8)] + [Case("sphere", "fft", 8)]


@dataclass(frozen=True)
class Problem:
    """Voxels, antennas and the field that is expected, if it is known."""

    positions: np.ndarray
    voxel_size: float
    fill: np.ndarray
    antennas: tuple[np.ndarray, np.ndarray, np.ndarray]  # transmitters, moments, receivers
    radius: float | None


def problem(case: Case, num_sources: int = 16) -> Problem:
    """The body as a solver takes it: torchgdm whole voxels of its volume, the library partial ones.

    Boxes are whole voxels for both.
    """
    random = np.random.default_rng(1)
    rays = random.normal(size=(2, num_sources, 3))
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    moments = random.normal(size=(num_sources, 3))
    radius = SIZE * WAVELENGTH / (2 * np.pi)
    tx, rx = 5 * radius * rays
    antennas = (tx, moments, rx)
    if case.body == "box":
        edge = WAVELENGTH / case.cells
        counts = np.rint(BOX * case.cells).astype(int)
        points = (np.argwhere(np.ones(counts)) - (counts - 1) / 2) * edge
        return Problem(points, edge, np.ones(len(points)), antennas, None)
    if case.solver in torchgdm.SOLVERS:
        points, edge, _ = torchgdm.sphere(case.cells, SIZE, FREQUENCY)
        return Problem(points, edge, np.ones(len(points)), antennas, radius)
    import sionna_isac as isac

    edge = 2 * radius / case.cells
    sphere = isac.scene.voxel_sphere(radius, edge, PERMITTIVITY)
    return Problem(sphere.positions, edge, sphere.fill, antennas, radius)


def run_torchgdm(task: Problem, solver: str) -> dict[str, Any]:
    """Field [R, T, 3], seconds and memory of torchgdm."""
    # a dense solution is long against what a first use costs: once will do
    frequencies = [FREQUENCY] if solver == "lu" else [FREQUENCY, FREQUENCY * AGAIN]
    found = torchgdm.solve(
        task.positions,
        task.voxel_size,
        np.full(len(task.positions), PERMITTIVITY),
        np.zeros(len(task.positions)),
        np.array(frequencies),
        *task.antennas,
        solver=solver,
        tolerance=TOLERANCE,
        threads=THREADS,
    )
    seconds = {
        f"{kind}_{when}": float(found[f"{kind}_seconds"][i] + found[f"field_{kind}_seconds"][i])
        for kind in ("cpu", "wall")
        for when, i in (("first", 0), ("again", -1))
    }
    memory = float(found["peak_memory"] - found["base_memory"])
    return {"field": found["field"][0], "memory": memory, **seconds}


def run_library(task: Problem, solver: str) -> dict[str, Any]:
    """Field [R, T, 3], seconds and memory of the library, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("input.npz", "output.npz")]
        tx, moments, rx = task.antennas
        np.savez(
            files[0],
            positions=task.positions,
            voxel_size=task.voxel_size,
            fill=task.fill,
            tx=tx,
            moments=moments,
            rx=rx,
            solver=solver,
        )
        command = [sys.executable, "-m", "benchmarks.scattering", *files]
        root = Path(__file__).resolve().parents[1]
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(THREADS))}
        run = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment)
        if run.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{run.stderr[-2000:]}")
        with np.load(files[1]) as data:
            return {k: v if v.ndim else float(v) for k, v in data.items()}


def work(source: str, target: str) -> None:
    """Solve the problem of one file: the other side of ``run_library``."""
    import tensorflow as tf

    from sionna_isac.scattering import VolumeIntegralScattering, volume_response

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    with np.load(source) as data:
        task = dict(data)
    number = len(task["positions"])
    fill = None if np.all(task["fill"] == 1) else task["fill"]
    epsilon, sigma = np.full(number, PERMITTIVITY), np.zeros(number)
    polarizations = np.tile(np.eye(3), [len(task["rx"]), 1])
    antennas = [task["tx"], task["moments"], np.repeat(task["rx"], 3, axis=0), polarizations]
    size = float(task["voxel_size"])

    def scipy(frequency: float) -> np.ndarray:
        options = {"tolerance": TOLERANCE, "precision": "single", "allow_coarse": True}
        body = (task["positions"], size, epsilon, sigma, [frequency])
        return volume_response(*body, *antennas, fill=fill, **options)[0]

    def tensorflow(frequency: float) -> np.ndarray:
        layer = VolumeIntegralScattering(
            task["positions"],
            size,
            [frequency],
            fill=fill,
            tolerance=TOLERANCE,
            backend="tf",
            precision="single",
            allow_coarse=True,
        )
        inputs = [tf.constant(x, tf.float32) for x in (epsilon, sigma, *antennas)]
        return layer(*inputs).numpy()[0]

    solve = scipy if str(task["solver"]) == "scipy" else tensorflow
    base = torchgdm.peak_memory()
    result: dict[str, Any] = {}
    for when, frequency in (("first", FREQUENCY), ("again", FREQUENCY * AGAIN)):
        cpu, wall = time.process_time(), time.perf_counter()
        h = solve(frequency)
        result[f"cpu_{when}"] = time.process_time() - cpu
        result[f"wall_{when}"] = time.perf_counter() - wall
    field = h.reshape(len(task["rx"]), 3, -1).swapaxes(1, 2)
    memory = torchgdm.peak_memory() - base
    np.savez(target, field=field, memory=memory, **result)


def truth(case: Case) -> np.ndarray:
    """Field [R, T, 3] of the Mie series, or of boxes of smaller voxels in double precision."""
    from sionna_isac.scattering import sphere_response, volume_response

    task = problem(case)
    tx, moments, rx = task.antennas
    polarizations = np.tile(np.eye(3), [len(rx), 1])
    antennas = (tx, moments, np.repeat(rx, 3, axis=0), polarizations)
    if case.body == "sphere":
        h = sphere_response(task.radius, [0, 0, 0], PERMITTIVITY, 0.0, [FREQUENCY], *antennas)
    else:
        fine = problem(Case("box", "scipy", BOX_TRUTH))
        number = len(fine.positions)
        body = (fine.positions, fine.voxel_size, np.full(number, PERMITTIVITY), np.zeros(number))
        h = volume_response(*body, [FREQUENCY], *antennas, precision="double")
    return h[0].reshape(len(rx), 3, len(tx)).swapaxes(1, 2)


def measure(case: Case, expected: np.ndarray) -> dict[str, Any]:
    """Error, seconds and memory of one run of a case."""
    task = problem(case)
    run = run_torchgdm if case.solver in torchgdm.SOLVERS else run_library
    found = run(task, case.solver)
    field = found.pop("field")
    error = np.linalg.norm(field - expected) / np.linalg.norm(expected)
    return {"voxels": len(task.positions), "error": float(error), **found}


def main() -> int:
    """Run the comparisons, print and store a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.scattering", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two small spheres, once")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each, in turn (3; LU: 1)")
    parser.add_argument("--no-lu", action="store_true", help="without the LU solver (4.5 GB)")
    parser.add_argument(
        "--out", type=Path, help="folder for scattering.md and .json (complete runs: here)"
    )
    args = parser.parse_args()
    console = Console()
    chosen = QUICK if args.quick else CASES
    if args.no_lu:
        chosen = [case for case in chosen if case.solver != "lu"]
    complete = torchgdm.available() and not args.quick
    if not torchgdm.available():
        console.print("TORCHGDM_PYTHON is not set: torchgdm is left out")
        chosen = [case for case in chosen if case.solver not in torchgdm.SOLVERS]
    out = args.out or (Path(__file__).parent if complete else None)
    repeats = 1 if args.quick else args.repeats
    environment = describe() | {"scipy": version("scipy")}
    if torchgdm.available():
        environment["torchgdm"] = torchgdm.versions()
    content: dict[str, Any] = {"environment": environment, "cases": {}}
    runs = [(case, i) for i in range(repeats) for case in chosen if i == 0 or case.solver != "lu"]
    expected = {body: truth(Case(body, "scipy", 8)) for body in {c.body for c in chosen}}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("", total=len(runs))
        for case, _ in runs:
            progress.update(bar, description=case.name)
            entry = content["cases"].setdefault(case.name, {**asdict(case), "runs": []})
            entry["runs"].append(measure(case, expected[case.body]))
            progress.advance(bar)
            if out is not None:  # after each, so that a stopped run leaves what it has
                out.mkdir(parents=True, exist_ok=True)
                (out / "scattering.json").write_text(json.dumps(content, indent=1) + "\n")
    text = report(content)
    console.print(Markdown(text))
    if out is not None:
        (out / "scattering.md").write_text(text)
        console.print(f"written to {out}/scattering.md and scattering.json")
    return 0


def report(content: dict[str, Any]) -> str:
    """Results as a Markdown text."""
    entries = list(content["cases"].values())
    lines = [
        "# Volume integral: the library against torchgdm",
        "",
        f"Sphere of ka {SIZE:g} and box of {' × '.join(f'{n:g}' for n in BOX)} wavelengths, "
        f"permittivity {PERMITTIVITY:g}, 16 dipoles and 16 receivers around them, tolerance "
        f"{TOLERANCE:g}, single precision. Errors are those of the field at the receivers, against "
        f"the Mie series and, for boxes, against the library with {BOX_TRUTH} cells a wavelength "
        "in double precision, which favours the library. torchgdm gets whole voxels with the "
        "sphere's volume, the library partly filled ones. Seconds are medians of the "
        "second solution in a process (lowest–"
        "highest), for LU of the only one; for “tf” they include making the layer; “first” are CPU "
        "seconds of the first. "
        "Memory is what the process grew by.",
        "",
        "| body | solver | cells | voxels | error | CPU [s] | first [s] | wall [s] | memory [MB] |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for entry in entries:
        runs = entry["runs"]
        memory = np.median([run["memory"] for run in runs]) / 1e6
        values = [
            entry["body"],
            NAMES[entry["solver"]],
            str(entry["cells"]),
            str(runs[0]["voxels"]),
            f"{100 * runs[0]['error']:.2g} %",
            _spread([run["cpu_again"] for run in runs]),
            f"{np.median([run['cpu_first'] for run in runs]):.3g}",
            _spread([run["wall_again"] for run in runs]),
            f"{memory:.0f}",
        ]
        lines.append(f"| {' | '.join(values)} |")
    lines += ["", *_ratios(entries), "", *_growth(entries), ""]
    lines += ["; ".join(f"{k}: {v}" for k, v in content["environment"].items()) + ".", ""]
    return "\n".join(lines)


def _ratios(entries: list[dict[str, Any]]) -> list[str]:
    """torchgdm's CPU seconds over the library's, on the same cells and at no larger error."""
    lines = [
        "CPU seconds of torchgdm over those of the library, medians of runs in turn (lowest–"
        "highest); the last column is with the cheapest grid of the library whose error is no "
        "larger:",
        "",
        "| body | torchgdm | library | cells | same cells | no larger error |",
        "|---|---|---|---|---|---|",
    ]
    number = len(lines)
    for theirs in (e for e in entries if e["solver"] in torchgdm.SOLVERS):
        for solver in ("scipy", "tf"):
            ours = [e for e in entries if (e["body"], e["solver"]) == (theirs["body"], solver)]
            same = [e for e in ours if e["cells"] == theirs["cells"]]
            good = [e for e in ours if e["runs"][0]["error"] <= theirs["runs"][0]["error"]]
            good.sort(key=lambda e: np.median([run["cpu_again"] for run in e["runs"]]))
            if not same:
                continue
            cheapest = f"{_paired(theirs, good[0])}, {good[0]['cells']} cells" if good else "–"
            names = f"{NAMES[theirs['solver']]} | {NAMES[solver]} | {theirs['cells']}"
            lines.append(
                f"| {theirs['body']} | {names} | {_paired(theirs, same[0])} | {cheapest} |"
            )
    return lines if len(lines) > number else []


def _paired(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    pairs = zip(theirs["runs"], ours["runs"], strict=False)
    return _spread([a["cpu_again"] / b["cpu_again"] for a, b in pairs])


def _growth(entries: list[dict[str, Any]]) -> list[str]:
    """Exponents of the seconds over the number of voxels of spheres."""
    lines = []
    for solver, name in NAMES.items():
        found = [e for e in entries if (e["body"], e["solver"]) == ("sphere", solver)]
        if len(found) > 1:
            number = np.log([e["runs"][0]["voxels"] for e in found])
            seconds = [np.log(np.median([run["cpu_again"] for run in e["runs"]])) for e in found]
            lines.append(f"{name}: CPU seconds grow as N^{np.polyfit(number, seconds, 1)[0]:.2f}")
    return ["; ".join(lines) + " (spheres)."] if lines else []


def _spread(values: list[float]) -> str:
    middle, low, high = np.median(values), np.min(values), np.max(values)
    if len(values) == 1:
        return f"{middle:.3g}"
    return f"{middle:.3g} ({low:.3g}–{high:.3g})"


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1].endswith(".npz"):
        work(*sys.argv[1:])
    else:
        sys.exit(main())
