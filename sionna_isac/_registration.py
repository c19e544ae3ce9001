"""Classes that Keras finds when it loads a model, though their modules are not imported yet.

`keras.models.load_model` knows a custom class only if the module that defines it was imported.
This package imports its domains, and with them TensorFlow, when they are first used: until then a
stand-in is registered for each class, which imports the class when Keras makes a layer with it.
"""

from __future__ import annotations

import importlib
import importlib.abc
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

__all__ = ["register_for_loading"]

PACKAGE = "sionna_isac"

CLASSES = {
    "array": (
        "ImpairedArray",
        "OrderedPositions",
        "OrderedSpacings",
        "PositiveGains",
        "SphericalWaveArray",
        "SteeringDictionary",
        "UniformLinearArray",
        "UniformPlanarArray",
    ),
    "beamforming": ("ISACBeamNetwork",),
    "channel": ("ExtendedEcho", "MonostaticEcho", "NearFieldEcho", "ScattererEcho"),
    "core": ("HeUniform", "MultilayerPerceptron"),
    "receiver": (
        "AngleDelayMap",
        "AngleDelayNetwork",
        "CFAR",
        "ChannelMaps",
        "ClutterFilter",
        "CrossStitch",
        "CrossTaskAttention",
        "CrossTaskLocalizer",
        "DifferentiableOMP",
        "FarFieldMUSIC",
        "FocusedLocalizer",
        "FocusedMaps",
        "KnownSymbolLocalizer",
        "LikelihoodRefinement",
        "LocalizationHeads",
        "MAPRatioTest",
        "MUSIC",
        "MessageDetector",
        "NearFieldMatchedFilter",
        "NeuralAngleEstimator",
        "NeuralPresenceDetector",
        "NeuralReceiver",
        "NeuralSymbolReceiver",
        "OMP",
        "Periodogram2D",
        "RangeDopplerMap",
        "ReciprocalFilter",
        "ResidualBottleneck",
        "SearchGrid",
        "SoftmaxAngleEstimator",
        "SymbolDetector",
        "SymbolMatchedFilter",
        "TaskTrunk",
        "TokenEncoder",
        "TransformerBlock",
        "WienerFilter",
    ),
    "scattering": ("VolumeIntegralScattering",),
    "scene": (
        "ClutterScene",
        "FixedSector",
        "RadarEquationGain",
        "RandomSector",
        "RayleighGain",
        "TargetScene",
    ),
    "waveform": (
        "BeamformedGrid",
        "LeastSquaresPrecoder",
        "MultibeamPrecoder",
        "NeuralBeamformer",
        "NeuralEncoder",
        "Numerology",
        "PrecoderNetwork",
        "SymbolSource",
        "TonePlacement",
    ),
}
"""Registered classes of each domain; a test compares them with what the domains register"""


class _StandIn:
    """Class that is imported when one of its attributes is asked for."""

    def __init__(self, domain: str, name: str) -> None:
        self._domain, self._name = domain, name

    def __getattr__(self, attribute: str) -> Any:
        module = importlib.import_module(f"{PACKAGE}.{self._domain}")
        return getattr(getattr(module, self._name), attribute)


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Finder that registers the stand-ins once Keras has been imported by somebody."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> Any:
        if fullname != "keras":
            return None
        others = (f for f in sys.meta_path if f is not self)
        specs = (f.find_spec(fullname, path, target) for f in others)
        spec = next((s for s in specs if s is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                _register(module)
                sys.meta_path.remove(self)

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def _register(keras: ModuleType) -> None:
    known = keras.saving.get_custom_objects()
    for domain, names in CLASSES.items():
        for name in names:
            known.setdefault(f"{PACKAGE}>{name}", _StandIn(domain, name))


def register_for_loading() -> None:
    """Let Keras find the classes of the package, now or when it is imported."""
    if "keras" in sys.modules:
        _register(sys.modules["keras"])
    else:
        sys.meta_path.insert(0, _AfterKeras())
