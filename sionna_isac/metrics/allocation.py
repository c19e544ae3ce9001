"""Smallest number of sensing tones that meets what is required of sensing."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sionna_isac.core import checks, cites
from sionna_isac.metrics._arrays import floats
from sionna_isac.metrics.rate import ergodic_rate

__all__ = ["SensingAllocation", "sensing_allocation"]


class SensingAllocation(NamedTuple):
    """Smallest sensing bandwidth that meets the requirements, and the rate that it leaves.

    Attributes
    ----------
    num_sensing_tones : `None` | `int`
        :math:`K_s^\\star`; `None` if no number of tones meets the requirements
    rate : `float`
        Ergodic rate of the communication user [bit/s/Hz]; NaN if they are not met
    """

    num_sensing_tones: int | None
    rate: float

    @property
    def met(self) -> bool:
        """`bool` : `True` if a number of tones meets the requirements"""
        return self.num_sensing_tones is not None

    def __str__(self) -> str:
        if not self.met:
            return "not met"
        return f"{self.num_sensing_tones} tones, {self.rate:.3f} bit/s/Hz"


@cites("Zhao26")
def sensing_allocation(
    num_sensing_tones: Any,
    accuracy: Any,
    planar_error: Any,
    *,
    min_accuracy: float,
    max_planar_error: float,
    num_tones: int,
    snr_db: float,
) -> SensingAllocation:
    r"""Smallest number of sensing tones that meets two requirements, Eq. (20) of [Zhao26]_.

    .. math::
        K_s^\star = \arg\min_{K_s} K_s \quad \text{s.t.} \quad
        A(K_s) \ge \tau_\text{cls},\ E_p(K_s) \le \tau_\text{loc}

    It is also the number with the largest rate, since the rate falls with the number of sensing
    tones. A number whose accuracy or error is NaN does not meet them.

    Parameters
    ----------
    num_sensing_tones : [num_points], array_like of `int`
        Numbers of sensing tones of a sweep, in any order
    accuracy : [num_points], array_like
        Classification accuracy with so many tones, within [0, 1]
    planar_error : [num_points], array_like
        Mean planar error with so many tones [m]
    min_accuracy : `float`
        :math:`\tau_\text{cls}`, within [0, 1]
    max_planar_error : `float`
        :math:`\tau_\text{loc}` [m]
    num_tones : `int`
        Number of all tones
    snr_db : `float`
        SNR per tone if all tones communicate [dB]

    Output
    ------
    : :class:`SensingAllocation`
        The allocation, or that there is none

    Raises
    ------
    ValueError
        If lengths differ, a number of tones occurs twice, or a value is out of its range
    """
    tones = floats("num_sensing_tones", num_sensing_tones, 1)
    rates = ergodic_rate(tones, num_tones, snr_db)
    if np.unique(tones).size != tones.size:
        raise ValueError(f"num_sensing_tones must be distinct; got {tones.tolist()}")
    scores = {}
    for name, value in (("accuracy", accuracy), ("planar_error", planar_error)):
        scores[name] = checks.floats(name, value)  # NaN: no sample was scored
        if scores[name].shape != tones.shape:
            raise ValueError(
                f"{name} must have shape [{tones.size}], as num_sensing_tones has; got shape "
                f"{list(scores[name].shape)}"
            )
    if np.any((scores["accuracy"] < 0) | (scores["accuracy"] > 1)):
        raise ValueError(f"accuracy must lie within [0, 1]; got {scores['accuracy'].tolist()}")
    if np.any(scores["planar_error"] < 0):
        raise ValueError(f"planar_error must be >= 0; got {scores['planar_error'].tolist()}")
    least = checks.real("min_accuracy", min_accuracy, minimum=0, maximum=1)
    largest = checks.real("max_planar_error", max_planar_error, minimum=0)
    met = (scores["accuracy"] >= least) & (scores["planar_error"] <= largest)
    if not np.any(met):
        return SensingAllocation(None, float("nan"))
    chosen = np.flatnonzero(met)[np.argmin(tones[met])]
    return SensingAllocation(int(tones[chosen]), float(rates[chosen]))
