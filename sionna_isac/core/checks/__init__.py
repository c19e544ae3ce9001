"""Checks at the edge: each raises one error that names the argument, its value and what is allowed.

Values that are only known when a graph runs cannot be checked there; functions that look at the
content of a tensor (:func:`finite`) therefore act in eager mode and on NumPy arrays only.
"""

from sionna_isac.core.checks.arrays import (
    complexes,
    finite,
    floats,
    grid,
    last_dim,
    not_negative,
    numbers,
    points,
    rank,
    shape,
    static_or_tensor,
    vector,
)
from sionna_isac.core.checks.quantities import (
    angle_grid,
    azimuth,
    frequencies,
    frequency,
    heading,
    headings,
    noise_power,
    range_interval,
    sector,
    tones,
    wavelength,
)
from sionna_isac.core.checks.scalars import (
    instance,
    integer,
    integers,
    interval,
    one_of,
    real,
)

__all__ = [
    "angle_grid",
    "azimuth",
    "complexes",
    "finite",
    "floats",
    "frequencies",
    "frequency",
    "grid",
    "heading",
    "headings",
    "instance",
    "integer",
    "integers",
    "interval",
    "last_dim",
    "noise_power",
    "not_negative",
    "numbers",
    "one_of",
    "points",
    "range_interval",
    "rank",
    "real",
    "sector",
    "shape",
    "static_or_tensor",
    "tones",
    "vector",
    "wavelength",
]
