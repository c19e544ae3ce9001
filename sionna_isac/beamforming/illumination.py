"""Benchmarks of beams for an extended target: most power on its centre or on its region."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from sionna_isac.beamforming._extended_beams import certified_beams
from sionna_isac.beamforming._extended_search import Goal
from sionna_isac.beamforming._extended_setup import Setup, require_sinr
from sionna_isac.beamforming.extended_solution import ExtendedBeamSolution, measured
from sionna_isac.bound import ExtendedTarget
from sionna_isac.core import checks, cites

__all__ = ["illuminate_centre", "illuminate_region"]


@cites("Wang25")
def illuminate_centre(
    target: ExtendedTarget,
    tx_shape: Sequence[int],
    rx_shape: Sequence[int],
    channels: Any,
    power: float,
    min_sinr: Any,
    *,
    user_noise: float,
    path_gain: float,
    noise_power: float,
    rms_bandwidth: float,
    num_samples: int,
    weights: Any = None,
    level: str = "energy",
) -> ExtendedBeamSolution:
    r"""Most power on the centre of a target under SINR targets: benchmark 1 of [Wang25]_.

    .. math::
        \max \mathbf{a}_o^\top \mathbf{R}\, \mathbf{a}_o^*

    Parameters
    ----------
    target, tx_shape, rx_shape, channels, power, min_sinr
        As for :func:`minimize_crb`
    user_noise, path_gain, noise_power, rms_bandwidth, num_samples, weights, level
        As for :func:`minimize_crb`

    Output
    ------
    : :class:`~sionna_isac.beamforming.ExtendedBeamSolution`
        The beams, verified; ``objective`` is the power times the gain of the array [W]
    """
    setup = Setup.of(
        target, tx_shape, rx_shape, channels, power, min_sinr, math.inf, user_noise,
        weights, level, path_gain=path_gain, noise_power=noise_power,
        rms_bandwidth=rms_bandwidth, num_samples=num_samples,
    )  # fmt: skip
    return _illuminated(setup, target.azimuth, target.elevation, "centre")


@cites("Wang25")
def illuminate_region(
    target: ExtendedTarget,
    tx_shape: Sequence[int],
    rx_shape: Sequence[int],
    channels: Any,
    power: float,
    min_sinr: Any,
    *,
    user_noise: float,
    path_gain: float,
    noise_power: float,
    rms_bandwidth: float,
    num_samples: int,
    weights: Any = None,
    level: str = "energy",
    num_directions: int = 5,
) -> ExtendedBeamSolution:
    r"""Most of the least power on the region of a target: benchmark 2 of [Wang25]_.

    .. math::
        \max \min_g \mathbf{a}_g^\top \mathbf{R}\, \mathbf{a}_g^*

    over a grid g of directions that spans azimuths and elevations of the scatterers.

    Parameters
    ----------
    target, tx_shape, rx_shape, channels, power, min_sinr
        As for :func:`minimize_crb`
    user_noise, path_gain, noise_power, rms_bandwidth, num_samples, weights, level
        As for :func:`minimize_crb`
    num_directions : `int`, (default 5)
        Size of the grid along azimuth and along elevation

    Output
    ------
    : :class:`~sionna_isac.beamforming.ExtendedBeamSolution`
        The beams, verified; ``objective`` is the least power times the gain of the array [W]
    """
    setup = Setup.of(
        target, tx_shape, rx_shape, channels, power, min_sinr, math.inf, user_noise,
        weights, level, path_gain=path_gain, noise_power=noise_power,
        rms_bandwidth=rms_bandwidth, num_samples=num_samples,
    )  # fmt: skip
    number = checks.integer("num_directions", num_directions)
    there = target.weights > 0
    axes = []
    for angles in (target.azimuths[there], target.elevations[there]):
        axes.append(np.linspace(angles.min(), angles.max(), number))
    azimuth, elevation = (axis.ravel() for axis in np.meshgrid(*axes))
    return _illuminated(setup, azimuth, elevation, "region")


def _illuminated(setup: Setup, azimuth: Any, elevation: Any, method: str) -> ExtendedBeamSolution:
    require_sinr(setup)
    steering = setup.steering(np.atleast_1d(azimuth), np.atleast_1d(elevation))
    model = setup.model.lighting(steering)
    goal = Goal("level", setup.sinr)
    begin = time.perf_counter()
    design = certified_beams(model, goal)
    seconds = time.perf_counter() - begin
    found = measured(setup, design.beams * math.sqrt(setup.power), method)
    lit = float(np.min(np.sum(np.abs(steering @ found["beams"]) ** 2, axis=1)))
    largest = -design.bound * setup.power * steering.shape[1]
    return ExtendedBeamSolution(
        **found,
        objective=lit,
        lower_bound=None,
        relative_gap=max(1 - lit / largest, 0.0),
        method=method,
        start=design.start,
        solver=design.solver,
        status=design.status,
        solve_time=seconds,
    )
