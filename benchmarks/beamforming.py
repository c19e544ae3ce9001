"""``python -m benchmarks.beamforming``: near-field beams, default against published methods.

Both sides get the same channels and are called in turn; ratios are per channel. The first call of
the default method for a size, which compiles its problem, is timed apart.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.beamforming import BeamSolution, NearFieldScene, minimize_speb

__all__ = ["CASES", "compare", "draw", "main"]

POWER, RATE = 1.0, 5.0
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "fully digital": ({}, {"method": "sdr"}),
    "hybrid, 4 chains": ({"num_rf_chains": 4}, {"num_rf_chains": 4, "method": "sdr-bcd"}),
}


def draw(seed: int, num_antennas: int = 32, num_users: int = 2) -> NearFieldScene:
    """The setting of [Yuan25]_: 0.5 m at 28 GHz, users on a semicircle of 20 m, target at 10 m."""
    random = np.random.default_rng(seed)
    wavelength = SPEED_OF_LIGHT / 28e9
    positions = (np.arange(num_antennas) / (num_antennas - 1) - 0.5) * 0.5
    loss = np.array([61.4 + 20 * np.log10(20)] + 3 * [72 + 29.2 * np.log10(20)])
    angle = random.uniform(-np.pi / 2, np.pi / 2, (num_users, 4, 1))
    gain = random.normal(size=(num_users, 4, 2)) @ [1, 1j] * 10 ** (-loss / 20) / np.sqrt(2)
    distance = np.hypot(20 * np.cos(angle), 20 * np.sin(angle) - positions)
    waves = np.exp(-2j * np.pi / wavelength * distance)
    channels = np.sum(gain[:, :, None] * waves, axis=1)
    reflection = np.sqrt(wavelength**2 / ((4 * np.pi) ** 3 * 10.0**4))
    return NearFieldScene(positions, wavelength, (10.0, 0.0), reflection, 1e-12, 100, channels)


def compare(name: str, seeds: range, num_antennas: int = 32) -> dict[str, list[float]]:
    """Seconds of both sides and the ratio of the reached PEB, channel by channel."""
    default, published = CASES[name]
    rows = []
    design(draw(seeds[0], num_antennas), default)  # compiles
    for seed in seeds:
        scene = draw(seed, num_antennas)
        ours, seconds = timed(lambda scene=scene: design(scene, default))
        theirs, published_seconds = timed(lambda scene=scene: design(scene, published))
        rows.append((seconds, published_seconds, ours.peb / theirs.peb))
    keys = ("default", "published", "peb")
    return dict(zip(keys, np.transpose(rows).tolist(), strict=True))


def design(scene: NearFieldScene, options: dict[str, Any]) -> BeamSolution:
    """Beams for 5 bit/s/Hz a user at 30 dBm."""
    return minimize_speb(scene, POWER, RATE, **options)


def timed(function: Callable[[], BeamSolution]) -> tuple[BeamSolution, float]:
    """Result and wall time [s]."""
    begin = time.perf_counter()
    result = function()
    return result, time.perf_counter() - begin


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.beamforming", description=__doc__)
    parser.add_argument("--channels", type=int, default=5)
    parser.add_argument("--antennas", type=int, default=32)
    args = parser.parse_args()
    print(
        "| case | published [s] | default [s] | ratio (lowest–highest) | PEB, default / published |"
    )
    print("|---|---|---|---|---|")
    for name in CASES:
        result = compare(name, range(args.channels), args.antennas)
        ratios = np.array(result["published"]) / np.array(result["default"])
        published, default = (np.median(result[k]) for k in ("published", "default"))
        print(
            f"| {name} | {published:.3g} | {default:.3g} "
            f"| {np.median(ratios):.3g} ({ratios.min():.3g}–{ratios.max():.3g}) "
            f"| {min(result['peb']):.7f}–{max(result['peb']):.7f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
