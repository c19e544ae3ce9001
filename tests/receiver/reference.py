"""Reference numbers (see tests/data/multi_target) and a plain NumPy matching pursuit."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.constants import c

import sionna_isac as isac

FOLDER = Path(__file__).parents[1] / "data" / "multi_target"
CASES = ("case_small_k16", "case_text_k64")
# The reference numbers were made with c = 3e8 m/s
STRETCH = c / 3e8


@cache
def load(name: str) -> dict[str, Any]:
    with np.load(FOLDER / f"{name}.npz") as file:
        return dict(file)


def array(data: dict, precision: str, trainable: bool = True):
    return isac.array.UniformLinearArray(
        int(data["K"]),
        float(data["wavelength"]),
        element_positions=data["pos"],
        trainable=trainable,
        precision=precision,
    )


def numerology(data: dict) -> isac.waveform.Numerology:
    return isac.waveform.Numerology(
        data["Y"].shape[-1], float(data["delta_f"]), c / float(data["wavelength"])
    )


def differentiable_omp(data: dict, precision: str = "double", **kwargs: Any):
    """The receiver in the setting of the reference: grid atoms, inverse temperature K."""
    return isac.receiver.DifferentiableOMP(
        array(data, precision),
        numerology(data),
        isac.receiver.SearchGrid(data["angle_grid"], data["range_grid"] * STRETCH),
        max_targets=int(data["max_targets"]),
        window=(int(data["pixels_angle"]), int(data["pixels_range"])),
        atoms="grid",
        temperature=float(data["K"]),
        precision=precision,
        **kwargs,
    )


def omp(data: dict, angle_grid: Any, precision: str = "double"):
    return isac.receiver.OMP(
        array(data, precision, trainable=False),
        numerology(data),
        isac.receiver.SearchGrid(angle_grid, data["range_grid"] * STRETCH),
        max_targets=int(data["max_targets"]),
        precision=precision,
    )


def observation(data: dict, scale: float = 1.0) -> np.ndarray:
    return data["Y"].astype(np.complex128) * scale


def sector(data: dict) -> np.ndarray:
    return np.stack([data["theta_min"], data["theta_max"]], -1)


def plain_pursuit(
    y: np.ndarray,
    sector: np.ndarray,
    steering: Any,
    delay: Any,
    angle_grid: np.ndarray,
    range_grid: np.ndarray,
    max_targets: int,
    refine: Any = None,
    window: tuple[int, int] = (0, 0),
    beta: float = 0.0,
) -> dict[str, np.ndarray]:
    """Matching pursuit as one would write it down: full dictionaries, explicit residuals.

    With ``refine`` "grid" or "refined" the estimates are the soft means over a window, and the
    atom that is removed is that of the grid cell or of the soft means.
    """
    found: dict[str, list] = {"angle": [], "range": [], "metric": [], "gain": [], "index": []}
    delays = delay(range_grid)  # [num_ranges, S]
    vectors = steering(angle_grid)  # [num_angles, K]
    for sample, (low, high) in zip(y, sector, strict=True):
        residual = sample.copy()
        inside = (angle_grid >= low) & (angle_grid <= high)
        atoms: list[np.ndarray] = []
        rows: dict[str, list] = {k: [] for k in found}
        for _ in range(max_targets):
            magnitude = np.abs(vectors.conj() @ residual @ delays.conj().T)
            magnitude[~inside] = 0
            i, j = np.unravel_index(np.argmax(magnitude), magnitude.shape)
            angle, distance = angle_grid[i], range_grid[j]
            at = angle, distance
            if refine is not None:
                near_i = np.arange(max(0, i - window[0]), min(angle_grid.size, i + window[0] + 1))
                near_j = np.arange(max(0, j - window[1]), min(range_grid.size, j + window[1] + 1))
                logits = beta * magnitude[np.ix_(near_i, near_j)]
                weight = np.exp(logits - logits.max())
                weight /= weight.sum()
                angle = np.sum(weight.sum(1) * angle_grid[near_i])
                distance = np.sum(weight.sum(0) * range_grid[near_j])
                at = (angle, distance) if refine == "refined" else at
            atoms.append(np.outer(steering(at[0]), delay(at[1])).ravel())
            gain = np.linalg.lstsq(np.stack(atoms, 1), sample.ravel(), rcond=None)[0]
            residual = sample - (np.stack(atoms, 1) @ gain).reshape(sample.shape)
            for key, value in (
                ("angle", angle),
                ("range", distance),
                ("metric", magnitude[i, j]),
                ("index", (i, j)),
            ):
                rows[key].append(value)
        rows["gain"] = list(gain)
        for key, value in rows.items():
            found[key].append(value)
    return {k: np.array(v) for k, v in found.items()}


def plain_cube_pursuit(
    z: np.ndarray,
    sector: np.ndarray,
    steering: Any,
    doppler: Any,
    delay: Any,
    grids: tuple[np.ndarray, np.ndarray, np.ndarray],
    max_targets: int,
    refine: Any = None,
    window: tuple[int, int, int] = (0, 0, 0),
    beta: float = 0.0,
    elements: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Matching pursuit over angle, velocity and range with whole cubes and explicit residuals.

    ``grids`` and ``window`` are in the order (angle, velocity, range); ``refine`` as above.
    """
    mask = np.ones(z.shape[2:]) if elements is None else elements
    found: dict[str, list] = {k: [] for k in ("angle", "velocity", "range", "metric", "gain")}
    vectors = [f(g) for f, g in zip((steering, doppler, delay), grids, strict=True)]

    def atom(at: tuple) -> np.ndarray:
        parts = (f(v) for f, v in zip((steering, doppler, delay), at, strict=True))
        return (np.einsum("k,m,s->kms", *parts) * mask).ravel()

    for sample, (low, high) in zip(z * mask, sector, strict=True):
        residual = sample
        inside = (grids[0] >= low) & (grids[0] <= high)
        atoms: list[np.ndarray] = []
        rows: dict[str, list] = {k: [] for k in found}
        for _ in range(max_targets):
            conjugate = (v.conj() for v in vectors)
            cube = np.abs(np.einsum("kms,ak,vm,rs->avr", residual, *conjugate, optimize=True))
            cube[~inside] = 0
            cell = np.unravel_index(np.argmax(cube), cube.shape)
            at = tuple(g[i] for g, i in zip(grids, cell, strict=True))
            means = at
            if refine is not None:
                near = [
                    np.arange(max(0, i - h), min(g.size, i + h + 1))
                    for i, h, g in zip(cell, window, grids, strict=True)
                ]
                logits = beta * cube[np.ix_(*near)]
                weight = np.exp(logits - logits.max())
                weight /= weight.sum()
                means = tuple(
                    np.sum(np.sum(weight, tuple({0, 1, 2} - {axis})) * grids[axis][near[axis]])
                    for axis in range(3)
                )
                at = means if refine == "refined" else at
            atoms.append(atom(at))
            gain = np.linalg.lstsq(np.stack(atoms, 1), sample.ravel(), rcond=None)[0]
            residual = sample - (np.stack(atoms, 1) @ gain).reshape(sample.shape)
            for key, value in zip(rows, (*means, cube[cell]), strict=False):
                rows[key].append(value)
        rows["gain"] = list(gain)
        for key, value in rows.items():
            found[key].append(value)
    return {k: np.array(v) for k, v in found.items()}
