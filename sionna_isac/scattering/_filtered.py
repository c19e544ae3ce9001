"""Kernel of filtered coupled dipoles: what the grid cannot carry is cut off."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import sici

__all__ = ["filtered_radial", "filtered_self_term"]


def filtered_radial(distance: np.ndarray, kd: float) -> np.ndarray:
    """Coefficients [2, ...] of I and of R R^T / R^2 in the filtered k^2 G at distances > 0.

    With g_F = F / (4 pi^2 R) of [Yurkin10], F'' + k^2 F is elementary, so that the second
    derivatives of g_F need no more special functions than g_F itself. Lengths are in units of the
    voxel size d; the cut-off is pi/d.
    """
    phase, edge = kd * distance, math.pi * distance
    sin, cos = np.sin(phase), np.cos(phase)
    si_sum, ci_sum = sici(edge + phase)
    si_diff, ci_diff = sici(edge - phase)
    a = 1j * math.pi + ci_diff - ci_sum
    b = si_sum + si_diff
    f = sin * a + cos * b
    df = kd * (cos * a - sin * b) + 2 * np.sin(edge) / distance
    d2f = -(kd**2) * f + 2 * (edge * np.cos(edge) - np.sin(edge)) / distance**2
    scale = 1 / (4 * math.pi**2 * distance)
    g = scale * f
    dg = scale * (df - f / distance)
    d2g = scale * (d2f - 2 * df / distance + 2 * f / distance**2)
    h = (np.sin(edge) - edge * np.cos(edge)) / (2 * math.pi**2 * distance**3)
    # The source works with e^{-jwt}: conjugate
    return np.conj([dg / distance + kd**2 * g + h / 3, d2g - dg / distance])


def filtered_self_term(kd: float) -> complex:
    """M of the filtered kernel; 1/3 - M is the depolarisation of a voxel."""
    logarithm = math.log((math.pi - kd) / (math.pi + kd)) / math.pi
    return ((4 / 3) * kd**2 + (2 / 3) * kd**3 * (-1j + logarithm)) / (4 * math.pi)
