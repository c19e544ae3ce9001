"""Scenes of the reference data, and random ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.beamforming import NearFieldScene

DATA = Path(__file__).parents[1] / "data" / "near_field_beamforming"


def load(name: str) -> list[dict[str, Any]]:
    return json.loads((DATA / f"{name}_cases.json").read_text())["cases"]


def reference_scene(case: dict[str, Any]) -> NearFieldScene:
    return NearFieldScene(
        positions(case["N"], case["D"]),
        SPEED_OF_LIGHT / case["fc"],
        case["target"],
        case["beta"]["re"] + 1j * case["beta"]["im"],
        case["sigma2"],
        case["T"],
        (np.array(case["h"]["re"]) + 1j * np.array(case["h"]["im"])).T,
    )


def positions(num_antennas: int, aperture: float = 0.5) -> np.ndarray:
    return (np.arange(num_antennas) / (num_antennas - 1) - 0.5) * aperture


def random_scene(
    seed: int, num_antennas: int = 16, num_users: int = 2, target: tuple[float, float] = (10.0, 1.0)
) -> NearFieldScene:
    random = np.random.default_rng(seed)
    shape = (num_users, num_antennas)
    channels = random.normal(size=shape) + 1j * random.normal(size=shape)
    return NearFieldScene(
        positions(num_antennas), 0.0107, target, 2.4e-6, 1e-12, 100, 3e-5 * channels
    )
