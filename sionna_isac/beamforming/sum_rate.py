"""Beams with the largest sum rate that still locate the target."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from sionna_isac.beamforming import closed_form
from sionna_isac.beamforming._digital import best_local_beams
from sionna_isac.beamforming._direct import LocalOptimum, Task
from sionna_isac.beamforming._fractional import fractional_digital
from sionna_isac.beamforming._hybrid import hybrid_beams, require_chains
from sionna_isac.beamforming._model import Model
from sionna_isac.beamforming._published_sdr import require_iterations
from sionna_isac.beamforming._sca_bcd import sca_bcd
from sionna_isac.beamforming.scene import NearFieldScene
from sionna_isac.beamforming.solution import BeamSolution, hybrid_parts
from sionna_isac.core import checks, cites

__all__ = ["maximize_sum_rate"]

EDGE = 1e-6  # above the smallest SPEB, relatively: too narrow for a search
METHODS = ("direct", "sca-bcd")


@cites("Yuan25")
def maximize_sum_rate(
    scene: NearFieldScene,
    power: float,
    max_speb: float,
    num_rf_chains: int | None = None,
    method: str = "direct",
    num_starts: int = 3,
    max_iterations: int | None = None,
) -> BeamSolution:
    r"""Largest sum rate under a position error bound and power, Eq. (24) of [Yuan25]_.

    .. math::
        \max_\mathbf{F} \sum_k R_k(\mathbf{F}) \quad\text{s.t.}\quad
        \operatorname{SPEB}(\mathbf{F}) \le \Gamma_s, \quad \|\mathbf{F}\|_F^2 \le P

    and, for hybrid beams, :math:`\mathbf{F} = \mathbf{F}_A\mathbf{F}_D` with one phase per antenna
    and one subarray per chain. The problem is not convex: the result is the best local optimum of
    several starts, without a certificate.

    Algorithm 2 as printed cannot move: its linearised rank-one constraints (50) and (56) leave the
    last iterate as the only solution. "sca-bcd" charges their left-hand sides with a penalty, which
    goes from weak to strong: a strong one alone keeps steps so short that the method stalls. It
    starts between the beams with the smallest SPEB and those for the users alone (the published
    start usually misses the bound), with equal powers or those of matched beams, since fractional
    programming hardly moves powers at a high SINR. New phases are judged with digital beams of
    their own. Iterates are beams of rank one that keep the bound and do not lower the sum rate; it
    can stop below the local search where the bound is tight.

    Parameters
    ----------
    scene : :class:`~sionna_isac.beamforming.NearFieldScene`
    power : `float`
        Transmit power :math:`P` [W]
    max_speb : `float`
        Largest squared position error bound :math:`\Gamma_s` [m^2]
    num_rf_chains : `int` or `None`
        Chains of hybrid beams, a divisor of the number of antennas; fully digital if none
    method : `str`
        "direct" (default; local search over beams, or phases and digital beams) or "sca-bcd"
        (Algorithm 2, fractional programming and successive convex approximation in turn)
    num_starts : `int`
        Starts of the local search for hybrid beams
    max_iterations : `int` or `None`
        Iterations of "sca-bcd", converged or not; ``status`` says which. If none, it is an error
        not to converge

    Output
    ------
    : :class:`~sionna_isac.beamforming.BeamSolution`
        The beams, verified

    Raises
    ------
    InfeasibleError
        If no beams reach the bound, before any solver runs
    SolverError
        If a solver stops without a solution
    ValueError
        If an argument is out of range, or the scene has no users
    """
    closed_form.require_users(scene)
    power = closed_form.require_power(power)
    max_speb = checks.real("max_speb", max_speb, minimum=0, exclusive=True)
    chains = require_chains(scene.num_antennas, num_rf_chains)
    num_starts = checks.integer("num_starts", num_starts)
    method = checks.one_of("method", method, METHODS)
    max_iterations = require_iterations(method, max_iterations)
    closed_form.require_speb(scene, power, max_speb)
    begin = time.perf_counter()
    model = Model.of(scene, power)
    max_ratio = max_speb / model.smallest_speb
    task = Task("sum_rate", model.weight, np.zeros(scene.num_users), max_ratio)
    entries: np.ndarray | None = None
    found: dict[str, Any] = {"solver": "SLSQP"}
    if method == "sca-bcd":
        entries, beams, history, status = sca_bcd(model, max_ratio, chains, max_iterations)
        found = {"solver": "Clarabel", "history": history}
    else:
        entries, beams, status = _direct(model, task, chains, num_starts)
    if entries is None:
        found["beams"] = beams * math.sqrt(power)
    else:
        found |= hybrid_parts(entries, beams, power)
    seconds = time.perf_counter() - begin
    return BeamSolution.verified(
        scene,
        power,
        max_speb=max_speb,
        method=method,
        status=status,
        solve_time=seconds,
        **found,
    )


def _direct(
    model: Model, task: Task, chains: int | None, num_starts: int
) -> tuple[np.ndarray | None, np.ndarray, str]:
    """Analog entries (none: fully digital), digital beams, and the status."""
    if task.max_ratio <= 1 + EDGE:
        return *_towards_target(model, chains), "only the beam towards the target keeps the bound"
    beams, best = digital_sum_rate(model, task)
    if chains is None:
        return None, beams, best.status
    entries, beams, best = hybrid_beams(model, task, beams, chains, num_starts)
    return entries, beams, best.status


def _towards_target(model: Model, chains: int | None) -> tuple[np.ndarray | None, np.ndarray]:
    """One beam, towards the target, with the symbols of the user whom it serves best."""
    target = model.sensing[:, 0]
    served = int(np.argmax(np.abs(model.users.conj().T @ target)))
    entries = None if chains is None else np.exp(1j * np.angle(target))
    beams = np.zeros([len(target) if chains is None else chains, model.users.shape[1]], complex)
    beams[:, served] = target if chains is None else 1 / math.sqrt(len(target))
    return entries, beams


def digital_sum_rate(model: Model, task: Task) -> tuple[np.ndarray, LocalOptimum]:
    """Fully digital beams of unit power from several starts."""
    communication = fractional_digital(model.users)
    target = np.zeros_like(communication)
    strongest = int(np.argmax(np.sum(np.abs(communication) ** 2, axis=0)))
    target[:, strongest] = model.sensing[:, 0]
    matched = model.users / np.linalg.norm(model.users)
    starts = (communication, communication + 0.5 * target, matched + 0.5 * target)
    best, beams = best_local_beams(task, model.vectors, starts, "keep the position error bound")
    return beams, best
