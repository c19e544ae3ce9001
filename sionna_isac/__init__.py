"""Link-level simulation of integrated sensing and communication on top of Sionna.

Importing the package loads nothing else; its domains, and with them TensorFlow and Sionna, are
loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from sionna_isac._registration import register_for_loading

__version__ = "0.1.0"

_DOMAINS = (
    "array",
    "beamforming",
    "bound",
    "channel",
    "core",
    "dataset",
    "metrics",
    "objective",
    "plots",
    "receiver",
    "scattering",
    "scene",
    "studies",
    "study",
    "waveform",
)

_FUNCTIONS = ("citation", "set_seed")

__all__ = ["__version__", *_FUNCTIONS, *_DOMAINS]


def __getattr__(name: str) -> Any:
    if name in _DOMAINS:
        return importlib.import_module(f"sionna_isac.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module("sionna_isac.core"), name)
    raise AttributeError(f"module 'sionna_isac' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


register_for_loading()
