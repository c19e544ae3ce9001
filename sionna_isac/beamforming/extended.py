"""Beams that estimate the pose of an extended target best while users get their SINR."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sionna_isac.beamforming._extended_beams import (
    Design,
    certified_beams,
    relaxed_beams,
    starts,
)
from sionna_isac.beamforming._extended_search import Goal
from sionna_isac.beamforming._extended_setup import Setup, require_sinr, unreachable_coverage
from sionna_isac.beamforming._published_crb import published_beams, successive_beams
from sionna_isac.beamforming.errors import SolverError
from sionna_isac.beamforming.extended_solution import ExtendedBeamSolution, measured
from sionna_isac.bound import ExtendedTarget
from sionna_isac.core import checks, cites

__all__ = ["METHODS", "minimize_crb", "weighted_isac"]

HEAVIEST = 1e12  # isotropic bound in rates, beyond which these vanish in rounding
METHODS = ("certified", "sdr", "published")


@cites("Wang25")
def minimize_crb(
    target: ExtendedTarget,
    tx_shape: Sequence[int],
    rx_shape: Sequence[int],
    channels: Any,
    power: float,
    min_sinr: Any,
    coverage: float | None = None,
    *,
    user_noise: float,
    path_gain: float,
    noise_power: float,
    rms_bandwidth: float,
    num_samples: int,
    weights: Any = None,
    level: str = "energy",
    method: str = "certified",
    num_draws: int = 100,
    seed: int = 0,
) -> ExtendedBeamSolution:
    r"""Smallest Cramér-Rao bound of the pose of an extended target under SINR targets.

    .. math::
        \min_{\mathbf{w}_1, \ldots, \mathbf{w}_K} \sum_i q_i [\mathrm{CRB}]_{ii}
        \quad\text{s.t.}\quad \mathrm{SINR}_k \ge \Gamma_k, \quad
        \sum_k \|\mathbf{w}_k\|^2 \le P, \quad \max_l e_l \le \eta \min_l e_l

    with :math:`e_l = \mathbf{a}_l^\top\mathbf{R}\mathbf{a}_l^*` and
    :math:`\mathbf{R} = \sum_k \mathbf{w}_k\mathbf{w}_k^H`.

    - "certified": local search over the beams in the subspace of users and scatterers, with a
      bound by duality that proves how close they are to the optimum. The relaxation is solved
      only where cheap starts leave a gap.
    - "sdr": the semidefinite relaxation, exactly reduced to the subspace, then a local search.
      It has a matrix of the size of the number of users for each user with a target: some 10 s
      for 17 users.
    - "published": the relaxation with a matrix of the size of the array per user, then Gaussian
      randomisation, or a local search if no draw is feasible (``status`` says so). Minutes for 64
      antennas, where its solver is of first order.

    Parameters
    ----------
    target : :class:`~sionna_isac.bound.ExtendedTarget`
        One target
    tx_shape, rx_shape : (`int`, `int`)
        Numbers of elements along y and z of the transmit and the receive array
    channels : [num_users, num_tx], array_like
        Channels :math:`\mathbf{h}_k`; user k receives :math:`\mathbf{h}_k^H\mathbf{x}`
    power : `float`
        Transmit power :math:`P` [W]
    min_sinr : `float` | [num_users], array_like
        SINR targets :math:`\Gamma_k`, linear; 0 for none, else at least 1e-9
    coverage : `None` (default) | `float`
        Largest ratio :math:`\eta` of the powers on the scatterers, at least 1.01; none if `None`
    user_noise : `float`
        Noise power of a user [W]
    path_gain, noise_power, rms_bandwidth, num_samples
        As for :func:`~sionna_isac.bound.extended_target_fim`
    weights : `None` (default) | [num_pose], array_like
        Weights :math:`q_i` of range, azimuth, elevation and orientation; 1 if `None`
    level : "energy" (default) | "resolved"
        Part of the information that is kept, see :func:`~sionna_isac.bound.extended_target_fim`
    method : "certified" (default) | "sdr" | "published"
        Method
    num_draws, seed : `int`, (default 100 and 0)
        Number of draws of the randomisation of "published", and its seed

    Output
    ------
    : :class:`~sionna_isac.beamforming.ExtendedBeamSolution`
        The beams, verified

    Raises
    ------
    InfeasibleError
        If SINR targets or coverage are out of reach; the message says what is not
    SolverError
        If a solver stops without a solution
    ValueError
        If an argument is out of range

    Example
    -------
    >>> solution = isac.beamforming.minimize_crb(
    ...     target, (8, 8), (8, 8), channels, power=1.0, min_sinr=10.0, coverage=4.0,
    ...     user_noise=1e-12, path_gain=2.6e-7, noise_power=1e-12,
    ...     rms_bandwidth=28.9e6, num_samples=1024,
    ... )
    >>> solution.relative_gap < 1e-4
    True
    """
    setup = Setup.of(
        target, tx_shape, rx_shape, channels, power, min_sinr, coverage, user_noise,
        weights, level, path_gain=path_gain, noise_power=noise_power,
        rms_bandwidth=rms_bandwidth, num_samples=num_samples,
    )  # fmt: skip
    checks.one_of("method", method, METHODS)
    num_draws = checks.integer("num_draws", num_draws)
    require_sinr(setup)
    goal = Goal("bound", setup.sinr, setup.ratio)

    def design() -> Design:
        if method == "certified":
            return certified_beams(setup.model, goal)
        if method == "sdr":
            return relaxed_beams(setup.model, goal)
        return published_beams(setup.model, goal, num_draws, seed)

    return _solved(setup, goal, method, design)


@cites("Wang25")
def weighted_isac(
    target: ExtendedTarget,
    tx_shape: Sequence[int],
    rx_shape: Sequence[int],
    channels: Any,
    power: float,
    coverage: float | None = None,
    *,
    weight: float = 0.5,
    balance: float | None = None,
    user_noise: float,
    path_gain: float,
    noise_power: float,
    rms_bandwidth: float,
    num_samples: int,
    weights: Any = None,
    level: str = "energy",
    method: str = "certified",
    max_iterations: int = 20,
    num_draws: int = 100,
    seed: int = 0,
) -> ExtendedBeamSolution:
    r"""Smallest weighted metric of the bound of the pose and the sum rate.

    .. math::
        \min (1 - \omega)\, \rho \sum_i q_i [\mathrm{CRB}]_{ii}
        - \omega \sum_k \log_2(1 + \mathrm{SINR}_k)

    under the power and the coverage of :func:`minimize_crb`. The problem is not convex. "certified"
    takes the best of several local searches, and proves that no beams with at least the same SINR
    for all users have a smaller bound. "sdr" and "published" are the successive convex
    approximation, in the subspace and with matrices of the size of the array, with the ends of
    :func:`minimize_crb`.

    Parameters
    ----------
    target, tx_shape, rx_shape, channels, power, coverage
        As for :func:`minimize_crb`
    weight : `float`, (default 0.5)
        Weight :math:`\omega` of the sum rate, 0 for the bound alone, below 1
    balance : `None` (default) | `float`
        Factor :math:`\rho` that makes the bound comparable with rates; if `None`, the bound is in
        units of that of a covariance :math:`\mathbf{I}P/N`
    user_noise, path_gain, noise_power, rms_bandwidth, num_samples, weights, level, method
        As for :func:`minimize_crb`
    max_iterations : `int`, (default 20)
        Iterations of the successive approximation
    num_draws, seed
        As for :func:`minimize_crb`

    Output
    ------
    : :class:`~sionna_isac.beamforming.ExtendedBeamSolution`
        The beams, verified, with the ``history`` of the successive approximation

    Raises
    ------
    InfeasibleError
        If the coverage is out of reach
    SolverError
        If a solver stops without a solution
    ValueError
        If an argument is out of range
    """
    setup = Setup.of(
        target, tx_shape, rx_shape, channels, power, 0.0, coverage, user_noise,
        weights, level, path_gain=path_gain, noise_power=noise_power,
        rms_bandwidth=rms_bandwidth, num_samples=num_samples,
    )  # fmt: skip
    checks.one_of("method", method, METHODS)
    weight = checks.real("weight", weight, minimum=0)
    if weight >= 1:
        raise ValueError(f"weight must be in [0, 1); got {weight:g}")
    iterations = checks.integer("max_iterations", max_iterations)
    num_draws = checks.integer("num_draws", num_draws)
    factor = 1 / setup.model.isotropic
    if balance is not None:
        balance = checks.real("balance", balance, minimum=0, exclusive=True)
        factor = balance * setup.model.scale
        counts = factor * setup.model.isotropic
        if counts > HEAVIEST:
            raise ValueError(
                f"balance must weigh the bound of isotropic radiation as at most {HEAVIEST:g} "
                f"bit/s/Hz; got {balance:g}, with which it counts {counts:.3g}"
            )
    price = weight / math.log(2)
    goal = Goal("weighted", setup.sinr, setup.ratio, (1 - weight) * factor, price)

    def design() -> Design:
        if method == "certified":
            return certified_beams(setup.model, goal)
        name, start = next(starts(setup.model, goal))
        randomization = (num_draws, seed) if method == "published" else None
        found = successive_beams(setup.model, goal, start, iterations, randomization)
        return replace(found, start=name)

    return _solved(setup, goal, method, design)


def _solved(
    setup: Setup, goal: Goal, method: str, design: Callable[[], Design]
) -> ExtendedBeamSolution:
    begin = time.perf_counter()
    try:
        found = design()
    except SolverError as error:
        reason = unreachable_coverage(setup) if setup.coverage < math.inf else None
        raise reason or error from None
    seconds = time.perf_counter() - begin
    values = measured(setup, found.beams * math.sqrt(setup.power), method)
    trace = float(setup.weights @ values["crb"])
    objective, bound, gap = trace, found.bound * setup.model.scale, None
    if goal.objective == "weighted":
        rates = goal.rate_price * math.log(2) * float(values["rates"].sum())
        price = goal.bound_price / setup.model.scale
        objective, bound = price * trace - rates, found.bound
        certified = (bound + rates) / price
    else:
        certified = bound
    if certified > 0:
        gap = max(trace / certified - 1, 0.0)
    return ExtendedBeamSolution(
        **values,
        objective=objective,
        lower_bound=bound if math.isfinite(bound) else None,
        relative_gap=gap,
        method=method,
        start=found.start,
        solver=found.solver,
        status=found.status,
        solve_time=seconds,
        history=found.history,
    )
