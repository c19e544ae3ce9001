"""Small voxelised bodies and reference cases for the tests of the volume integral equation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.constants import c, epsilon_0

DATA = Path(__file__).parents[1] / "data" / "scattering" / "dipole_sphere_dipole.json"
FREQUENCY = 4.9e9
WAVELENGTH = c / FREQUENCY


def reference_cases() -> dict[str, dict[str, Any]]:
    """Cases of the reference file by the first part of their names."""
    cases = json.loads(DATA.read_text(encoding="utf-8"))["cases"]
    return {case["name"].split("_")[0]: case for case in cases}


def reference_dyad(case: dict[str, Any]) -> np.ndarray:
    """Scattered field [receive component, transmit component]."""
    parts = np.array(case["scat_dyad_V_per_m_per_Cm"])
    return parts[..., 0] + 1j * parts[..., 1]


def sphere(radius: float, cells: int, center=(0.0, 0.0, 0.0), parts: int = 8):
    """Positions [N, 3], voxel size and fill [N] of a sphere, ``cells`` voxels a diameter."""
    size = 2 * radius / cells
    axis = (np.arange(cells) - (cells - 1) / 2) * size
    fine = axis[:, np.newaxis] + ((np.arange(parts) + 0.5) / parts - 0.5) * size
    square = fine.ravel() ** 2
    inside = square[:, np.newaxis, np.newaxis] + square[:, np.newaxis] + square <= radius**2
    fill = inside.reshape(cells, parts, cells, parts, cells, parts).mean((1, 3, 5))
    index = np.argwhere(fill > 0)
    return axis[index] + np.asarray(center), size, fill[fill > 0]


def blob(size: float, seed: int = 0, shape=(4, 3, 5), part: float = 0.7):
    """Random part of a box of voxels with random lossy material: an irregular little target."""
    rng = np.random.default_rng(seed)
    index = np.argwhere(rng.random(shape) < part)
    positions = (index + 0.5) * size
    permittivity = rng.uniform(1.5, 5, len(index))
    conductivity = rng.uniform(0, 0.3, len(index))
    return {
        "positions": positions,
        "voxel_size": size,
        "permittivity": permittivity,
        "conductivity": conductivity,
    }


def antennas(num_tx: int = 3, num_rx: int = 2, seed: int = 1, distance: float = 3 * WAVELENGTH):
    """Antennas all around, with complex moments and polarisations."""
    rng = np.random.default_rng(seed)

    def draw(num: int) -> tuple[np.ndarray, np.ndarray]:
        ray = rng.normal(size=[num, 3])
        vector = rng.normal(size=[num, 3]) + 1j * rng.normal(size=[num, 3])
        return distance * ray / np.linalg.norm(ray, axis=1, keepdims=True), vector

    tx, moments = draw(num_tx)
    rx, polarizations = draw(num_rx)
    return {
        "tx_positions": tx,
        "tx_moments": moments,
        "rx_positions": rx,
        "rx_polarizations": polarizations,
    }


def conductivity_of(permittivity: complex, frequency: float = FREQUENCY) -> float:
    """Conductivity [S/m] that makes the imaginary part of a complex permittivity."""
    return -permittivity.imag * 2 * np.pi * frequency * epsilon_0


def relative_error(value: np.ndarray, truth: np.ndarray) -> float:
    """Norm of the difference over that of the truth."""
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))
