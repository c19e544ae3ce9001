"""Beams that locate the target best while the users get their rates."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from sionna_isac.beamforming import closed_form
from sionna_isac.beamforming._digital import (
    DigitalOptimum,
    best_local_beams,
    digital_beams,
    focused_beams,
)
from sionna_isac.beamforming._direct import Task
from sionna_isac.beamforming._hybrid import NUM_STARTS, hybrid_beams, require_chains
from sionna_isac.beamforming._model import Model
from sionna_isac.beamforming._published_sdr import published_sdr, require_iterations
from sionna_isac.beamforming._sdr_bcd import sdr_bcd
from sionna_isac.beamforming.errors import SolverError
from sionna_isac.beamforming.scene import NearFieldScene
from sionna_isac.beamforming.solution import BeamSolution, hybrid_parts
from sionna_isac.core import checks, cites

__all__ = ["minimize_speb", "start_beams"]

FULLY_DIGITAL = ("subspace", "sdr", "direct")
# bit/s/Hz; the published relaxations meet the rates as well as an interior-point solver does
PUBLISHED_TOLERANCE = 1e-3
CLOSE = 0.02  # SPEB so close to the certified bound, relatively, needs no further start
HYBRID = ("direct", "sdr-bcd")


@cites("Yuan25")
def minimize_speb(
    scene: NearFieldScene,
    power: float,
    min_rates: Any,
    num_rf_chains: int | None = None,
    method: str | None = None,
    num_starts: int | None = None,
    max_iterations: int | None = None,
) -> BeamSolution:
    r"""Smallest squared position error bound under rates and power, Eq. (23) of [Yuan25]_.

    .. math::
        \min_\mathbf{F} \operatorname{SPEB}(\mathbf{F}) \quad\text{s.t.}\quad
        R_k(\mathbf{F}) \ge R_{\min,k}, \quad \|\mathbf{F}\|_F^2 \le P

    and, for hybrid beams, :math:`\mathbf{F} = \mathbf{F}_A\mathbf{F}_D` with one phase per antenna
    and one subarray per chain.

    Fully digital beams have a certificate: ``relaxation_gap`` is the relative distance to a lower
    bound proven by duality. For hybrid beams it is the distance to the same bound, so that it also
    contains what fully digital beams would gain.

    Parameters
    ----------
    scene : :class:`~sionna_isac.beamforming.NearFieldScene`
    power : `float`
        Transmit power :math:`P` [W]
    min_rates : `float` or [num_users], array_like
        Rates :math:`R_{\min,k}` [bit/s/Hz]
    num_rf_chains : `int` or `None`
        Chains of hybrid beams, a divisor of the number of antennas; fully digital if none
    method : `str` or `None`
        Fully digital: "subspace" (default; relaxation in the subspace of target and users, then
        beams of rank one), "sdr" (the relaxation with a matrix of the size of the array for each
        user, as published) or "direct" (local search, without the relaxation). Hybrid: "direct"
        (default; local search over phases and digital beams) or "sdr-bcd" (Algorithm 1 as
        published; randomised phases are judged with digital beams of their own, since those at
        hand leave the rates no slack)
    num_starts : `int` or `None`
        Starts of the local search for hybrid beams; if none, up to three, until SPEB is within 2 %
        of the bound for fully digital beams
    max_iterations : `int` or `None`
        Iterations of "sdr-bcd", converged or not; ``status`` says which. If none, it is an error
        not to converge

    Output
    ------
    : :class:`~sionna_isac.beamforming.BeamSolution`
        The beams, verified

    Raises
    ------
    InfeasibleError
        If the power is too small for the rates, before any solver runs
    SolverError
        If a solver stops without a solution
    ValueError
        If an argument is out of range, or the scene has no users
    """
    closed_form.require_users(scene)
    power = closed_form.require_power(power)
    rates = closed_form.rate_targets(scene, min_rates)
    chains = require_chains(scene.num_antennas, num_rf_chains)
    close = CLOSE if num_starts is None else 0.0
    num_starts = NUM_STARTS if num_starts is None else checks.integer("num_starts", num_starts)
    allowed = FULLY_DIGITAL if chains is None else HYBRID
    method = checks.one_of("method", allowed[0] if method is None else method, allowed)
    max_iterations = require_iterations(method, max_iterations)
    left = closed_form.require_rates(scene, power, rates, chains)
    begin = time.perf_counter()
    model = Model.of(scene, power)
    with closed_form.next_to_the_limit(scene, power, left):
        found, gap = _design(
            scene, model, rates, left, method, chains, num_starts, close, max_iterations
        )
    seconds = time.perf_counter() - begin
    return BeamSolution.verified(
        scene,
        power,
        min_rates=rates,
        relaxation_gap=gap,
        method=method,
        solve_time=seconds,
        **found,
    )


def _design(
    scene: NearFieldScene,
    model: Model,
    rates: np.ndarray,
    left: float,
    method: str,
    chains: int | None,
    num_starts: int,
    close: float,
    max_iterations: int | None,
) -> tuple[dict[str, Any], float | None]:
    """Beams, the method that found them, and their gap if it is known."""
    sinr = np.exp2(rates) - 1
    root = math.sqrt(model.power)
    task = Task("speb", model.weight, sinr)
    seeds = start_beams(scene, model, rates)
    found: dict[str, Any]
    gap: float | None = None
    if chains is None and left <= closed_form.EDGE:
        status = "only beams of the least power meet the rates"
        found = {"beams": seeds[0] * root, "solver": "none", "status": status}
    elif method == "sdr":
        beams, gap, status = published_sdr(model, sinr)
        found = {"beams": beams * root, "solver": "Clarabel, SLSQP", "status": status}
    elif method == "sdr-bcd" and chains is not None:
        entries, digital, values, status = sdr_bcd(model, sinr, chains, max_iterations)
        found = {
            **hybrid_parts(entries, digital, model.power),
            "history": values * model.smallest_speb,
        }
        found |= {"solver": "Clarabel", "status": status, "rate_tolerance": PUBLISHED_TOLERANCE}
    elif method == "direct" and chains is None:
        best, beams = best_local_beams(task, model.vectors, seeds, "meet the rates")
        found = {"beams": beams * root, "solver": "SLSQP", "status": best.status}
    else:
        optimum = _digital(model, task, seeds, left)
        found = {"beams": optimum.beams * root, "solver": "Clarabel, SLSQP"}
        found["status"] = optimum.status
        gap = optimum.gap if math.isfinite(optimum.gap) else None
        if chains is not None:
            bound = optimum.log_value - math.log1p(gap or 0.0)
            enough = bound + math.log1p(close)
            entries, digital, best = hybrid_beams(
                model, task, optimum.beams, chains, num_starts, enough
            )
            found = {**hybrid_parts(entries, digital, model.power), "solver": "SLSQP"}
            found["status"] = best.status
            gap = None if gap is None else max(math.expm1(best.value - bound), 0.0)
    return found, gap


def _digital(
    model: Model, task: Task, seeds: tuple[np.ndarray, np.ndarray], left: float
) -> DigitalOptimum:
    """Beams with a certificate; with hardly any power left, those of the search without one."""
    try:
        return digital_beams(model.sensing, model.users, model.weight, task.sinr, seeds)
    except SolverError:
        if left > closed_form.NARROW:
            raise
        best, beams = best_local_beams(task, model.vectors, seeds, "meet the rates")
        return DigitalOptimum(beams, best.value, math.inf, f"{best.status}, without certificate")


def start_beams(
    scene: NearFieldScene, model: Model, rates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Beams of unit power: the least power for the rates, and the target with what is left.

    The first leave the other users alone and meet the rates; the second light the target fully.
    """
    least = closed_form.least_power_beams(model.users, rates)
    return focused_beams(model.users, least, model.sensing[:, 0])
