"""Foundations shared by all domains: base layer, checks, linear algebra, randomness, references."""

from sionna_isac.core import checks, linalg
from sionna_isac.core.layer import Layer, register
from sionna_isac.core.random import (
    complex_normal,
    numpy_rng,
    reset_stream,
    set_seed,
    uniform,
    uniform_integers,
)
from sionna_isac.core.references import citation, cites

__all__ = [
    "Layer",
    "checks",
    "citation",
    "cites",
    "complex_normal",
    "linalg",
    "numpy_rng",
    "register",
    "reset_stream",
    "set_seed",
    "uniform",
    "uniform_integers",
]
