"""Values that a publication prints, which figures draw beside the results."""

from __future__ import annotations

from sionna_isac.study.blocks import Frozen

__all__ = ["PublishedValue"]


class PublishedValue(Frozen):
    """Value of a curve that the text of a publication prints."""

    method: str
    """Name of the curve, as in the result"""
    x: float
    """Place on the horizontal axis, in the unit of the axis"""
    y: float
    """Printed value, in the unit of the vertical axis"""
