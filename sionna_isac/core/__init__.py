"""Foundations shared by all domains: base layer, checks, linear algebra, randomness, references."""

from sionna_isac.core._environment import check_environment

check_environment()

from sionna_isac.core import checks, linalg, sectors  # noqa: E402
from sionna_isac.core.bases import (  # noqa: E402
    Array,
    Echo,
    Gain,
    Link,
    Receiver,
    Sector,
    plane_wave_array,
    spherical_wave_array,
)
from sionna_isac.core.initializers import HeUniform  # noqa: E402
from sionna_isac.core.inputs import Complex, Number, Real  # noqa: E402
from sionna_isac.core.layer import Layer, register  # noqa: E402
from sionna_isac.core.perceptron import MultilayerPerceptron  # noqa: E402
from sionna_isac.core.random import (  # noqa: E402
    add_noise,
    complex_normal,
    gamma,
    numpy_rng,
    reset_stream,
    set_seed,
    uniform,
    uniform_integers,
)
from sionna_isac.core.references import citation, cites  # noqa: E402
from sionna_isac.core.value import Value  # noqa: E402
from sionna_isac.errors import UsageError  # noqa: E402

__all__ = [
    "Array",
    "Complex",
    "Echo",
    "Gain",
    "HeUniform",
    "Layer",
    "Link",
    "MultilayerPerceptron",
    "Number",
    "Real",
    "Receiver",
    "Sector",
    "UsageError",
    "Value",
    "add_noise",
    "checks",
    "citation",
    "cites",
    "complex_normal",
    "gamma",
    "linalg",
    "numpy_rng",
    "plane_wave_array",
    "register",
    "reset_stream",
    "sectors",
    "set_seed",
    "spherical_wave_array",
    "uniform",
    "uniform_integers",
]
