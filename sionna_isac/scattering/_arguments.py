"""Checks of the arguments that responses of scatterers share."""

from __future__ import annotations

from typing import Any

import numpy as np

from sionna_isac.core import checks


def points(name: str, value: Any) -> np.ndarray:
    """Positions [N, 3], N >= 1."""
    return checks.finite(name, _rows(name, checks.floats(name, value)))


def vectors(name: str, value: Any, count: int) -> np.ndarray:
    """Complex vectors [count, 3]."""
    array = _rows(name, checks.complexes(name, value))
    if len(array) != count:
        raise ValueError(
            f"{name} must have shape [{count}, 3], one row for each position; "
            f"got shape {list(array.shape)}"
        )
    return array


def frequencies(value: Any) -> np.ndarray:
    """Frequencies [F], F >= 1."""
    array = checks.frequencies("frequencies", value)
    if array.ndim != 1 or not array.size:
        raise ValueError(
            f"frequencies must have shape [num_frequencies]; got shape {list(array.shape)}"
        )
    return array


def permittivities(value: Any) -> np.ndarray:
    """Relative permittivities eps' - j eps'' of passive materials that are not plasmas."""
    array = checks.complexes("permittivity", value)
    if np.any(array.real < 1):
        raise ValueError(f"permittivity must have a real part >= 1; got {np.min(array.real):g}")
    if np.any(array.imag > 0):
        raise ValueError(
            "permittivity must have an imaginary part <= 0, which is loss with e^{+jwt}; "
            f"got {np.max(array.imag):g}j"
        )
    return array


def _rows(name: str, array: np.ndarray) -> np.ndarray:
    if array.ndim != 2 or array.shape[1] != 3 or not array.size:
        raise ValueError(f"{name} must have shape [num_points, 3]; got shape {list(array.shape)}")
    return array
