"""Beams for comparison: sensing alone, communication alone, and simpler designs."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from sionna_isac.beamforming import closed_form
from sionna_isac.beamforming._digital import best_local_beams, digital_beams, local_beams, span
from sionna_isac.beamforming._direct import Task
from sionna_isac.beamforming._fractional import fractional_digital, fractional_hybrid
from sionna_isac.beamforming._hybrid import (
    NUM_STARTS,
    approximate,
    combine,
    hybrid_beams,
    phases,
    require_chains,
    seen_through,
)
from sionna_isac.beamforming._model import Model, log_sum_rate
from sionna_isac.beamforming.errors import InfeasibleError, SolverError
from sionna_isac.beamforming.scene import NearFieldScene
from sionna_isac.beamforming.sensing import start_beams
from sionna_isac.beamforming.solution import BeamSolution, hybrid_parts, subarray_analog
from sionna_isac.core import checks, cites

__all__ = [
    "communication_only",
    "matrix_approximation",
    "maximize_snr",
    "sensing_only",
    "two_stage",
]


@cites("Yuan25")
def sensing_only(
    scene: NearFieldScene, power: float, num_rf_chains: int | None = None
) -> BeamSolution:
    """Beams that locate the target best, without regard to the users.

    All power goes into one stream with the beam ``a``, whose modulus is constant.

    Parameters
    ----------
    scene : :class:`~sionna_isac.beamforming.NearFieldScene`
    power : `float`
        Transmit power [W]
    num_rf_chains : `int` or `None`
        Chains of hybrid beams; fully digital if none

    Output
    ------
    : :class:`~sionna_isac.beamforming.BeamSolution`
    """
    closed_form.require_scene(scene)
    power = closed_form.require_power(power)
    chains = require_chains(scene.num_antennas, num_rf_chains)
    target = Model.of(scene, power).sensing[:, 0] * math.sqrt(power)
    found: dict[str, Any] = {"method": "sensing-only", "status": "closed form"}
    streams = max(scene.num_users, 1)
    if chains is None:
        beams = np.zeros([scene.num_antennas, streams], np.complex128)
        beams[:, 0] = target
        return BeamSolution.verified(scene, power, beams, relaxation_gap=0.0, **found)
    digital = np.zeros([chains, streams], np.complex128)
    digital[:, 0] = math.sqrt(power / scene.num_antennas)
    analog = subarray_analog(phases(target), chains)
    return BeamSolution.verified(
        scene, power, analog=analog, digital=digital, relaxation_gap=0.0, **found
    )


@cites("Yuan25")
def communication_only(
    scene: NearFieldScene,
    power: float,
    num_rf_chains: int | None = None,
    starts: Sequence[BeamSolution] = (),
) -> BeamSolution:
    """Beams for the sum rate alone, by fractional programming and local search from there.

    Fractional programming climbs slowly near the end; the local search takes it to an optimum. For
    hybrid beams the search has further starts, those of
    :func:`~sionna_isac.beamforming.maximize_sum_rate`. It finds local optima, which beams found
    under a bound may exceed: with these among ``starts``, the result is an upper limit of them.

    Parameters
    ----------
    scene : :class:`~sionna_isac.beamforming.NearFieldScene`
    power : `float`
        Transmit power [W]
    num_rf_chains : `int` or `None`
        Chains of hybrid beams; fully digital if none
    starts : sequence of :class:`~sionna_isac.beamforming.BeamSolution`, (default ())
        Beams to start from as well, with a stream for each user. The result is no worse than any
        of them, scaled to the power; for hybrid beams, than those that need no more chains

    Output
    ------
    : :class:`~sionna_isac.beamforming.BeamSolution`
    """
    closed_form.require_users(scene)
    power = closed_form.require_power(power)
    chains = require_chains(scene.num_antennas, num_rf_chains)
    given = [_unit_beams(scene, s) for s in checks.instance("starts", starts, Sequence)]
    begin = time.perf_counter()
    model = Model.of(scene, power)
    task = Task("sum_rate", model.weight, np.zeros(scene.num_users))
    basis, first = span(model.vectors), fractional_digital(model.users)
    trials = [local_beams(task, model.vectors, basis, start) for start in (first, *given)]
    best, beams = min(trials, key=lambda trial: (not trial[0].feasible, trial[0].value))
    if not best.feasible:
        raise SolverError(f"SLSQP stopped before the largest sum rate: {best.status}")
    entries: np.ndarray | None = None
    kept: list[tuple[np.ndarray | None, np.ndarray]] = [(None, start) for start in given]
    if chains is not None:
        near = [approximate(start, chains) for start in given]
        published = fractional_hybrid(model.users, chains)
        entries, beams, best = hybrid_beams(
            model, task, beams, chains, NUM_STARTS, first=(published, *near)
        )
        kept = [(e, d / np.linalg.norm(combine(e, d))) for e, d in near]
    status = best.status
    for trial in kept:  # a search can end below its start
        if _log_rate(model, *trial) > _log_rate(model, entries, beams):
            (entries, beams), status = trial, "one of the given starts"
    found: dict[str, Any] = {"beams": beams * math.sqrt(power)}
    if entries is not None:
        found = hybrid_parts(entries, beams, power)
    return BeamSolution.verified(
        scene,
        power,
        method="communication-only",
        solver="fractional programming, SLSQP",
        status=status,
        solve_time=time.perf_counter() - begin,
        **found,
    )


@cites("Yuan25")
def maximize_snr(
    scene: NearFieldScene,
    power: float,
    min_rates: Any,
    num_rf_chains: int | None = None,
    num_starts: int = NUM_STARTS,
) -> BeamSolution:
    r"""Beams with the largest power :math:`\|\mathbf{a}^H\mathbf{F}\|^2` at the target.

    Parameters
    ----------
    scene, power, min_rates, num_rf_chains, num_starts
        As for :func:`~sionna_isac.beamforming.minimize_speb`

    Output
    ------
    : :class:`~sionna_isac.beamforming.BeamSolution`
    """
    closed_form.require_users(scene)
    power = closed_form.require_power(power)
    rates = closed_form.rate_targets(scene, min_rates)
    chains = require_chains(scene.num_antennas, num_rf_chains)
    num_starts = checks.integer("num_starts", num_starts)
    left = closed_form.require_rates(scene, power, rates, chains)
    begin = time.perf_counter()
    model = Model.of(scene, power)
    task = Task("snr", model.weight, np.exp2(rates) - 1)
    found: dict[str, Any]
    starts = start_beams(scene, model, rates)
    with closed_form.next_to_the_limit(scene, power, left):
        if chains is None and left <= closed_form.EDGE:
            status = "only beams of the least power meet the rates"
            found = {"beams": starts[0] * math.sqrt(power)}
        elif chains is None:
            best, beams = best_local_beams(task, model.vectors, starts, "meet the rates")
            found, status = {"beams": beams * math.sqrt(power)}, best.status
        else:
            entries, digital, best = hybrid_beams(model, task, starts[0], chains, num_starts)
            found, status = hybrid_parts(entries, digital, power), best.status
    return BeamSolution.verified(
        scene,
        power,
        min_rates=rates,
        method="snr-max",
        solver="SLSQP",
        status=status,
        solve_time=time.perf_counter() - begin,
        **found,
    )


@cites("Yuan25")
def two_stage(
    scene: NearFieldScene, power: float, min_rates: Any, num_rf_chains: int
) -> BeamSolution:
    """Hybrid beams in two stages: subarrays focused on users and target, then digital beams.

    The first subarrays serve a user each, the others the target. The digital beams minimise the
    sum of the bounds on range [m^2] and angle [rad^2] under the rates.

    Parameters
    ----------
    scene, power, min_rates
        As for :func:`~sionna_isac.beamforming.minimize_speb`
    num_rf_chains : `int`
        Chains, more than there are users

    Output
    ------
    : :class:`~sionna_isac.beamforming.BeamSolution`

    Raises
    ------
    InfeasibleError
        If the rates cannot be met with the analog beams of the first stage
    """
    closed_form.require_users(scene)
    power = closed_form.require_power(power)
    rates = closed_form.rate_targets(scene, min_rates)
    chains = require_chains(scene.num_antennas, checks.integer("num_rf_chains", num_rf_chains))
    if chains is None or chains <= scene.num_users:
        raise ValueError(
            f"num_rf_chains must exceed the number of users, {scene.num_users}; got {chains}"
        )
    left = closed_form.require_rates(scene, power, rates)
    begin = time.perf_counter()
    model = Model.of(scene, power)
    entries = phases(model.sensing[:, 0])
    size = scene.num_antennas // chains
    for k in range(scene.num_users):
        part = slice(k * size, (k + 1) * size)
        entries[part] = phases(model.users[part, k])
    sensing, users = (seen_through(entries, v, chains) for v in (model.sensing, model.users))
    needed = power * closed_form.least_power(users, rates)
    if needed > power:
        raise InfeasibleError(
            f"with the analog beams of the first stage, the rates need {needed:.3g} W; "
            f"given {power:.3g} W"
        )
    with closed_form.next_to_the_limit(scene, power, min(left, 1 - needed / power)):
        optimum = digital_beams(sensing, users, _polar(scene, model), np.exp2(rates) - 1)
    return BeamSolution.verified(
        scene,
        power,
        **hybrid_parts(entries, optimum.beams / math.sqrt(size), power),
        min_rates=rates,
        method="two-stage",
        solver="Clarabel, SLSQP",
        status=optimum.status,
        solve_time=time.perf_counter() - begin,
    )


@cites("Yuan25")
def matrix_approximation(
    scene: NearFieldScene,
    power: float,
    solution: BeamSolution,
    num_rf_chains: int,
    max_speb: float | None = None,
    iterations: int = 50,
) -> BeamSolution:
    """Hybrid beams close to fully digital ones in the least-squares sense, at the full power.

    Nothing makes them keep rates or bound: ``margins.speb`` is negative where ``max_speb`` is
    exceeded, which is no error here.

    Parameters
    ----------
    scene : :class:`~sionna_isac.beamforming.NearFieldScene`
    power : `float`
        Transmit power [W]
    solution : :class:`~sionna_isac.beamforming.BeamSolution`
        Fully digital beams
    num_rf_chains : `int`
        Chains
    max_speb : `float` or `None`
        Bound that the margin is given for [m^2]
    iterations : `int`
        Updates of phases and digital beams in turn

    Output
    ------
    : :class:`~sionna_isac.beamforming.BeamSolution`
    """
    closed_form.require_scene(scene)
    checks.instance("solution", solution, BeamSolution)
    iterations = checks.integer("iterations", iterations, minimum=0)
    power = closed_form.require_power(power)
    chains = require_chains(scene.num_antennas, checks.integer("num_rf_chains", num_rf_chains))
    assert chains is not None
    begin = time.perf_counter()
    entries, digital = approximate(solution.beams, chains, iterations)
    size = scene.num_antennas // chains
    digital *= math.sqrt(power / size) / np.linalg.norm(digital)
    return BeamSolution.verified(
        scene,
        power,
        analog=subarray_analog(entries, chains),
        digital=digital,
        max_speb=max_speb,
        method="matrix-approximation",
        solver="alternating projection",
        status=f"{iterations} iterations",
        solve_time=time.perf_counter() - begin,
        enforce=False,
    )


def _polar(scene: NearFieldScene, model: Model) -> np.ndarray:
    """Weight for which tr(weight J^-1) is proportional to the bounds on range and angle."""
    radius = float(np.hypot(*scene.target))
    x, y = scene.target / radius
    to_polar = np.array([[x, y], [-y / radius, x / radius]])
    root = to_polar @ np.linalg.inv(model.axes).T
    weight = root.T @ root
    return weight / np.trace(weight)


def _unit_beams(scene: NearFieldScene, solution: BeamSolution) -> np.ndarray:
    """Beams [N, K] of unit power of a solution to start from."""
    beams = checks.instance("starts", solution, BeamSolution).beams
    if beams.shape != (scene.num_antennas, scene.num_users) or not np.any(beams):
        raise ValueError(
            f"beams of starts must have shape [{scene.num_antennas}, {scene.num_users}] and power "
            f"> 0; got {list(beams.shape)} and {np.sum(np.abs(beams) ** 2):.3g} W"
        )
    return beams / np.linalg.norm(beams)


def _log_rate(model: Model, entries: np.ndarray | None, beams: np.ndarray) -> float:
    """Sum rate [nat] of beams of unit power, fully digital if there are no entries."""
    whole = beams if entries is None else combine(entries, beams)
    return log_sum_rate(model.users.conj().T @ whole, 1.0)[0]
