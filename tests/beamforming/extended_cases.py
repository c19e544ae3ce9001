"""Extended targets and users: the reference data, and random scenes with a cuboid."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from sionna_isac.beamforming._extended_setup import Setup
from sionna_isac.bound import ExtendedTarget

DATA = Path(__file__).parents[1] / "data" / "extended_target" / "sdp_cases.json"
CASES = json.loads(DATA.read_text())["cases"]
SYSTEM: dict[str, Any] = {
    "user_noise": 0.01,
    "path_gain": 1.0,
    "noise_power": 100.0,
    "rms_bandwidth": 1e8 / math.sqrt(12),
    "num_samples": 1024,
}
SIZE = np.array([4.5, 1.8, 1.5])


def reference(case: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the designs but for their requirements."""
    pose = dict(zip(("range", "azimuth", "elevation", "orientation"), case["kappa"], strict=True))
    return {
        "target": ExtendedTarget(case["points_local"], case["zeta2"], **pose),
        "tx_shape": case["tx"],
        "rx_shape": case["rx"],
        "channels": (np.array(case["H"]["re"]) + 1j * np.array(case["H"]["im"])).T,
        "power": case["P"],
        "user_noise": case["sigma_c2"],
        "path_gain": case["beta"],
        "noise_power": case["sigma2"],
        "rms_bandwidth": case["Brms"],
        "num_samples": case["n_samples"],
        "level": case["fim_mode"],
    }


def scene(
    seed: int,
    shape: tuple[int, int] = (4, 4),
    num_users: int = 2,
    distance: tuple[float, float] = (8.0, 40.0),
    **changes: Any,
) -> dict[str, Any]:
    """The same for a cuboid and users at random."""
    random = np.random.default_rng(seed)
    pose = {
        "range": random.uniform(*distance),
        "azimuth": random.uniform(-0.8, 0.8),
        "elevation": random.uniform(-0.35, 0.1),
        "orientation": random.uniform(0, 2 * np.pi),
    }
    channels = [_wave(shape, *random.uniform([-1, -0.35], [1, 0.35])) for _ in range(num_users)]
    scattered = random.normal(size=(num_users, shape[0] * shape[1], 2)) @ [0.15, 0.15j]
    return {
        "target": cuboid(**pose),
        "tx_shape": shape,
        "rx_shape": shape,
        "channels": np.array(channels) + scattered,
        "power": 1.0,
        **SYSTEM,
        **changes,
    }


def cuboid(cells: tuple[int, int, int] = (4, 2, 2), **pose: float) -> ExtendedTarget:
    """Centres of the cells of the visible faces, weighted with their projected areas."""
    cos, sin = math.cos(pose["orientation"]), math.sin(pose["orientation"])
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    flat = pose["range"] * math.cos(pose["elevation"])
    centre = [flat * math.cos(pose["azimuth"]), flat * math.sin(pose["azimuth"])]
    position = np.array([*centre, pose["range"] * math.sin(pose["elevation"])])
    points, weights = [], []
    for axis in range(3):
        i, j = (other for other in range(3) if other != axis)
        for side in (-0.5, 0.5):
            for a in (np.arange(cells[i]) + 0.5) / cells[i] - 0.5:
                for b in (np.arange(cells[j]) + 0.5) / cells[j] - 0.5:
                    unit = np.zeros(3)
                    unit[[axis, i, j]] = side, a, b
                    point = position + turn @ (unit * SIZE)
                    area = SIZE[i] * SIZE[j] / cells[i] / cells[j]
                    seen = -2 * side * turn[:, axis] @ point / np.linalg.norm(point) * area
                    if seen > 0:
                        points.append(unit * SIZE)
                        weights.append(seen)
    return ExtendedTarget(points, np.array(weights) / np.sum(weights), **pose)


def setup(arguments: dict[str, Any], min_sinr: Any = 10.0, coverage: float = 4.0) -> Setup:
    options = {"weights": None, "level": "energy", **arguments}
    return Setup.of(min_sinr=min_sinr, coverage=coverage, **options)


def _wave(shape: tuple[int, int], azimuth: float, elevation: float) -> np.ndarray:
    y, z = (np.arange(n) - (n - 1) / 2 for n in shape)
    across = y[:, None] * math.sin(azimuth) * math.cos(elevation)
    return np.exp(1j * math.pi * (across + z * math.sin(elevation))).ravel()
