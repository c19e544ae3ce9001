"""Thresholds of CFAR detection in exponential noise, and what they detect."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln

from sionna_isac.core import checks

__all__ = [
    "CFAR_KINDS",
    "cfar_detection_probability",
    "cfar_threshold",
    "default_rank",
    "threshold_of_halves",
]

CFAR_KINDS = ("ca", "go", "so", "os")
LARGEST = 1e300  # of a multiplier, for the search
LEAST = -1e6  # logarithm of a probability, where it is 0 in double precision
TAIL = 1e-12  # relative accuracy of the search


def cfar_threshold(kind: str, p_fa: float, num_reference: int, rank: int | None = None) -> float:
    r"""Multiplier :math:`\alpha` of the statistic of CFAR, for a probability of false alarms.

    A cell of power :math:`p` is detected if :math:`p > \alpha u`, with the mean :math:`u` of the
    :math:`N` reference cells (``"ca"``), the larger (``"go"``) or smaller (``"so"``) mean of two
    halves of :math:`n = N/2` cells, or their :math:`k`-th smallest value (``"os"``). In
    independent exponential noise of equal power the false alarms have the probability

    .. math::
        P_\mathrm{CA} &= (1 + \alpha/N)^{-N}, \quad
        P_\mathrm{OS} = \prod_{i=0}^{k-1} \frac{N - i}{N - i + \alpha}, \\
        P_\mathrm{SO} &= 2 \sum_{i=0}^{n-1} \binom{n+i-1}{i} (2 + \alpha/n)^{-(n+i)}, \quad
        P_\mathrm{GO} = 2 (1 + \alpha/n)^{-n} - P_\mathrm{SO}

    Windows and zero padding correlate the cells of a map; :meth:`CFAR.calibrated` finds the
    multiplier by simulation then.

    Parameters
    ----------
    kind : "ca" | "go" | "so" | "os"
        Cell averaging, greatest of, smallest of, or ordered statistic
    p_fa : `float`
        Probability of a false alarm in a cell, within (0, 1)
    num_reference : `int`
        Number :math:`N` of reference cells, even for ``"go"`` and ``"so"``
    rank : `None` (default) | `int`
        Rank :math:`k` of ``"os"``, from 1 to :math:`N`; `None` is three quarters of :math:`N`

    Output
    ------
    : `float`
        Multiplier :math:`\alpha`

    Example
    -------
    >>> isac.receiver.cfar_threshold("ca", 1e-4, 16)
    12.452...
    """
    kind, p_fa, number, rank = _checked(kind, p_fa, num_reference, rank)
    if kind in ("go", "so"):
        return threshold_of_halves(kind, p_fa, number // 2, number // 2)
    if kind == "ca":
        return number * math.expm1(-math.log(p_fa) / number)
    return _solve("os", p_fa, number, rank)


def cfar_detection_probability(
    kind: str, snr: Any, p_fa: float, num_reference: int, rank: int | None = None
) -> np.ndarray:
    r"""Probability that CFAR detects a target of Swerling's first kind.

    Its power is exponential, :math:`1 + \chi` times that of the noise at the SNR :math:`\chi` of
    the cell, so that :math:`\alpha/(1 + \chi)` takes the place of :math:`\alpha` in the
    probability of false alarms (:func:`cfar_threshold`). Reference cells hold noise only.

    Parameters
    ----------
    kind : "ca" | "go" | "so" | "os"
        Kind of CFAR
    snr : [...], array_like
        Mean SNR :math:`\chi` of the target in its cell, at least 0 (a ratio, not in dB)
    p_fa : `float`
        Probability of a false alarm in a cell, within (0, 1)
    num_reference : `int`
        Number of reference cells, even for ``"go"`` and ``"so"``
    rank : `None` (default) | `int`
        Rank of ``"os"``; `None` is three quarters of the cells

    Output
    ------
    : [...], `np.float64`
        Probability of detection
    """
    alpha = cfar_threshold(kind, p_fa, num_reference, rank)
    kind, p_fa, number, order = _checked(kind, p_fa, num_reference, rank)
    ratio = checks.finite("snr", checks.floats("snr", snr))
    if np.any(ratio < 0):
        raise ValueError(f"snr must be >= 0; got {ratio.min():g}")
    sizes = (number, order) if kind in ("ca", "os") else (number // 2, number // 2)
    found = [math.exp(_log_probability(kind, alpha / (1 + r), *sizes)) for r in ratio.ravel()]
    return np.reshape(found, ratio.shape)


def default_rank(num_reference: int) -> int:
    """Rank of the ordered statistic unless one is given: three quarters, rounded up."""
    return math.ceil(0.75 * num_reference)


@functools.lru_cache(maxsize=4096)
def threshold_of_halves(kind: str, p_fa: float, first: int, second: int) -> float:
    """Multiplier of the larger or smaller mean of two groups of any number of cells.

    If one of them is empty, it is that of the mean of the other one.
    """
    if not first or not second:
        return cfar_threshold("ca", p_fa, first + second)
    return _solve(kind, p_fa, first, second)


@functools.lru_cache(maxsize=4096)
def _solve(kind: str, p_fa: float, first: int, second: int) -> float:
    wanted = math.log(p_fa)

    def excess(logarithm: float) -> float:
        return max(_log_probability(kind, math.exp(logarithm), first, second) - wanted, LEAST)

    low, high = -math.log(LARGEST), math.log(LARGEST)
    return math.exp(brentq(excess, low, high, xtol=TAIL, rtol=4 * np.finfo(float).eps))


def _log_probability(kind: str, alpha: float, first: int, second: int) -> float:
    """Logarithm of the probability of a false alarm.

    ``first`` and ``second`` are the numbers of cells of both halves (GO and SO), or the number of
    cells and the rank.
    """
    if kind == "ca":
        return -first * math.log1p(alpha / first)
    if kind == "os":
        return float(-np.sum(np.log1p(alpha / (first - np.arange(second)))))
    smaller = sum(_term(alpha, *pair) for pair in ((first, second), (second, first)))
    if kind == "so":
        return math.log(smaller) if smaller > 0 else -math.inf
    larger = sum(math.exp(-n * math.log1p(alpha / n)) for n in (first, second)) - smaller
    return math.log(larger) if larger > 0 else -math.inf


def _term(alpha: float, own: int, other: int) -> float:
    """Part of P_SO in which the mean of the ``own`` cells is the smaller one."""
    index = np.arange(other)
    chances = gammaln(own + index) - gammaln(own) - gammaln(index + 1)
    total = math.log(own + other + alpha)
    powers = own * (math.log(own) - total) + index * (math.log(other) - total)
    return float(np.sum(np.exp(chances + powers)))


def _checked(
    kind: str, p_fa: float, num_reference: int, rank: int | None
) -> tuple[str, float, int, int]:
    checks.one_of("kind", kind, CFAR_KINDS)
    p_fa = checks.real("p_fa", p_fa, minimum=0, maximum=1, exclusive=True)
    number = checks.integer("num_reference", num_reference)
    if kind in ("go", "so") and number % 2:
        raise ValueError(f"num_reference must be even for kind {kind!r}; got {num_reference}")
    if rank is not None and kind != "os":
        raise ValueError(f"rank must be None for kind {kind!r}; got {rank!r}")
    if rank is None:
        return kind, p_fa, number, default_rank(number)
    return kind, p_fa, number, checks.integer("rank", rank, maximum=number)
