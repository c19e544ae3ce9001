"""Materials of targets at 4.9 GHz, and random draws of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from sionna_isac.core import checks

__all__ = ["MATERIALS", "Material", "MaterialRange", "checked"]


class Material(NamedTuple):
    """Material of a target.

    Attributes
    ----------
    permittivity : `float`
        Relative permittivity, at least 1
    conductivity : `float`
        Conductivity, not negative [S/m]
    """

    permittivity: float
    conductivity: float

    @property
    def opaque(self) -> bool:
        """`bool` : `True` for a metal: no field gets through, so that it is kept as a shell"""
        return self.conductivity >= 1e3


class MaterialRange(NamedTuple):
    """Intervals that a material is drawn from.

    Attributes
    ----------
    permittivity : (`float`, `float`)
        Smallest and largest relative permittivity
    conductivity : (`float`, `float`)
        Smallest and largest conductivity [S/m]
    """

    permittivity: tuple[float, float]
    conductivity: tuple[float, float]

    def at(self, u: float, v: float) -> Material:
        """Material at the fractions ``u`` of the permittivity's and ``v`` of the other interval."""
        (low, high), (least, most) = self
        return Material(low + u * (high - low), least + v * (most - least))


def varied(permittivity: float, conductivity: float, spread: float = 0.2) -> MaterialRange:
    """Interval of contrasts: what is varied is eps_r - 1, so that no permittivity falls below 1."""
    low, high = 1 - spread, 1 + spread
    return MaterialRange(
        (1 + low * (permittivity - 1), 1 + high * (permittivity - 1)),
        (low * conductivity, high * conductivity),
    )


MATERIALS: dict[str, MaterialRange] = {
    "metal": varied(1.0, 1e7),
    "glass": varied(6.31, 0.030),
    "rubber": MaterialRange((2.9, 8.0), (0.005, 0.2)),
    "plastic": MaterialRange((2.2, 2.6), (0.0, 0.01)),
    "tissue": varied(49.7, 3.94),
}
"""Intervals of the materials at 4.9 GHz. Metal, glass and muscle are values of [P2040]_ and
[Gabriel96]_ whose contrasts are varied by 20 %; rubber and plastic are ranges of usual values."""


def checked(name: str, material: Any) -> Material:
    """Checked material from a pair of numbers; errors mention ``name``."""
    try:
        permittivity, conductivity = material
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} must be a pair (relative permittivity, conductivity [S/m]); got {material!r}"
        ) from None
    eps = checks.real(f"permittivity of {name}", permittivity)
    sigma = checks.real(f"conductivity of {name}", conductivity)
    if eps < 1:
        raise ValueError(f"permittivity of {name} must be >= 1 (relative); got {eps:g}")
    if sigma < 0:
        raise ValueError(
            f"conductivity of {name} must be >= 0, as a target has no gain; got {sigma:g} S/m"
        )
    return Material(eps, sigma)
