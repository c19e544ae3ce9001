"""Scenarios: what a study simulates, as validated and frozen configuration."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from scipy.constants import Boltzmann
from scipy.constants import c as SPEED_OF_LIGHT

__all__ = [
    "CodedBERScenario",
    "MultiTargetScenario",
    "Scenario",
    "ScenarioError",
    "find_scenarios",
    "load_scenario",
    "parse_scenario",
]

Method = Literal["unknown", "learned", "known"]
METHODS: tuple[Method, ...] = ("unknown", "learned", "known")
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Decibel = Annotated[float, Field(ge=-200, le=200)]
Interval = tuple[float, float]
ROOM_TEMPERATURE = 290.0


class ScenarioError(ValueError):
    """A scenario that cannot be read or is not valid; the message is one line."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _ordered(value: Interval, minimum: float, maximum: float) -> Interval:
    if not minimum <= value[0] <= value[1] <= maximum:
        raise ValueError(
            f"must be (low, high) with {minimum:g} <= low <= high <= {maximum:g}; got {value}"
        )
    return value


class Spacing(_Frozen):
    """Spacing errors; ``std`` in wavelengths."""

    kind: Literal["spacing"]
    std: NonNegative
    ordering: Literal["sorted", "literal", "cumulative"] = "sorted"


class Gain(_Frozen):
    """Gain errors; ``std_db`` in dB."""

    kind: Literal["gain"]
    std_db: NonNegative


class Phase(_Frozen):
    """Phase errors; ``std`` in rad."""

    kind: Literal["phase"]
    std: NonNegative


class Coupling(_Frozen):
    """Mutual coupling; levels in dB."""

    kind: Literal["coupling"]
    strength_db: Annotated[float, Field(le=0)]
    decay_db: NonNegative = 6.0
    num_neighbours: Count = 3


Impairment = Annotated[Spacing | Gain | Phase | Coupling, Field(discriminator="kind")]


class Array(_Frozen):
    """The array of the base station and its impairments."""

    num_antennas: Annotated[int, Field(ge=2)] = 64
    carrier_frequency: Positive = 60e9
    impairments: tuple[Impairment, ...] = (Spacing(kind="spacing", std=0.04),)
    learn: tuple[Literal["positions", "gain", "phase", "coupling"], ...] = ("positions",)

    @property
    def wavelength(self) -> float:
        """`float` : Carrier wavelength [m]"""
        return SPEED_OF_LIGHT / self.carrier_frequency

    @property
    def anchor(self) -> Literal["centre", "first"]:
        """Origin of the array: its first element where spacings accumulate, else its centre."""
        cumulative = any(
            i.kind == "spacing" and i.ordering == "cumulative" for i in self.impairments
        )
        return "first" if cumulative else "centre"


class Waveform(_Frozen):
    """OFDM numerology and the beam."""

    num_subcarriers: Annotated[int, Field(ge=2)] = 256
    subcarrier_spacing: Positive = 120e3
    normalize: bool = True
    eta: Annotated[float, Field(ge=0, le=1)] = 1.0
    phi: float = 0.0
    power: Positive = 1.0
    regularization: NonNegative = 1e-2


class Rayleigh(_Frozen):
    """Target gains CN(0, 1); the noise follows from the integrated sensing SNR."""

    kind: Literal["rayleigh"]
    snr_db: Decibel


class RadarEquation(_Frozen):
    """Target gains from the radar equation; thermal noise over the signal's bandwidth."""

    kind: Literal["radar_equation"]
    mean_rcs: Positive = 1.0
    noise_figure_db: Decibel = 8.0


class Targets(_Frozen):
    """Where targets are, how many, and how they reflect."""

    max_targets: Annotated[int, Field(ge=1, le=32)] = 5
    range_interval: Interval = (10.0, 190.0)
    gain: Annotated[Rayleigh | RadarEquation, Field(discriminator="kind")]
    sector_centre_deg: Interval = (-60.0, 60.0)
    sector_span_deg: Interval = (10.0, 20.0)
    test_sector_deg: Interval = (-40.0, -20.0)

    @field_validator("range_interval")
    @classmethod
    def _ranges(cls, value: Interval) -> Interval:
        if value[0] <= 0 or value[0] == value[1]:
            raise ValueError(f"must be (low, high) with 0 < low < high; got {value}")
        return _ordered(value, 0, math.inf)

    @field_validator("sector_centre_deg", "test_sector_deg")
    @classmethod
    def _angles(cls, value: Interval) -> Interval:
        return _ordered(value, -90, 90)

    @field_validator("sector_span_deg")
    @classmethod
    def _span(cls, value: Interval) -> Interval:
        return _ordered(value, 0, 180)

    @model_validator(mode="after")
    def _in_front(self) -> Targets:
        reach = max(abs(v) for v in self.sector_centre_deg) + self.sector_span_deg[1] / 2
        if reach > 90:
            raise ValueError(
                "sector_centre_deg and sector_span_deg must keep sectors within 90 degrees of "
                f"broadside; they reach {reach:g} degrees"
            )
        return self


class Multitap(_Frozen):
    """Rayleigh taps in the direction of the user; ``snr_db`` without beam gain."""

    kind: Literal["multitap"]
    num_taps: Count = 5
    snr_db: Decibel = 20.0


class Geometric(_Frozen):
    """Line of sight and single bounces, against the same thermal noise as the echo."""

    kind: Literal["geometric"]
    range_interval: Interval = (10.0, 200.0)
    max_scatterers: Annotated[int, Field(ge=0)] = 5
    mean_rcs: Positive = 1.0


class Link(_Frozen):
    """The communication user."""

    channel: Annotated[Multitap | Geometric, Field(discriminator="kind")]
    sector_deg: Interval = (30.0, 50.0)

    @field_validator("sector_deg")
    @classmethod
    def _angles(cls, value: Interval) -> Interval:
        return _ordered(value, -90, 90)


class Receiver(_Frozen):
    """Grids and window of differentiable OMP."""

    num_angles: Annotated[int, Field(ge=8)] = 720
    num_ranges: Annotated[int, Field(ge=8)] = 200
    window: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] = (7, 5)
    atoms: Literal["refined", "grid"] = "refined"


class Training(_Frozen):
    """How the array is learned.

    ``temperature_scale`` is the softmax's beta times sigma_cell. Over the first share
    ``sector_growth`` of the iterations the sectors widen from broadside to all of
    ``targets.sector_centre_deg``.
    """

    objective: Literal["max", "gospa", "reconstruction"] = "max"
    iterations: Annotated[int, Field(ge=0)] = 400
    batch_size: Count = 80
    learning_rate: Positive = 1e-2
    schedule: Literal["cosine", "constant"] = "cosine"
    sector_growth: Annotated[float, Field(ge=0, le=1)] = 0.6
    temperature_scale: Positive = 1.0
    cutoff: Positive = 90.0
    checkpoint_interval: Count = 25


class Evaluation(_Frozen):
    """Monte-Carlo evaluation of detection and localisation."""

    methods: tuple[Method, ...] = METHODS
    num_samples: Count = 10000
    batch_size: Count = 250
    p_fa: tuple[Probability, ...] = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
    operating_p_fa: Probability = 1e-2
    cutoff: Positive = 90.0
    confidence: Probability = 0.95

    @field_validator("p_fa")
    @classmethod
    def _increasing(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or any(b <= a for a, b in itertools.pairwise(value)):
            raise ValueError(f"must be a strictly increasing list; got {list(value)}")
        return value

    @field_validator("methods")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError(f"must be a list of distinct methods; got {list(value)}")
        return value


class Coding(_Frozen):
    """Coded transmission over the shared resource grid; ``snr_db`` per resource element."""

    fft_size: Annotated[int, Field(ge=4)] = 64
    num_ofdm_symbols: Annotated[int, Field(ge=2)] = 14
    pilot_symbols: tuple[Annotated[int, Field(ge=0)], ...] = (2, 11)
    num_sensing_tones: Annotated[int, Field(ge=0)] = 4
    coderate: Annotated[float, Field(gt=0.1, lt=0.95)] = 0.5
    csi: Literal["perfect", "estimated"] = "estimated"
    snr_db: tuple[Decibel, ...] = (-16.0, -14.0, -12.0, -10.0, -8.0, -6.0, -4.0, -2.0)
    batch_size: Count = 128
    max_batches: Count = 40
    target_block_errors: Count = 500

    @field_validator("snr_db")
    @classmethod
    def _increasing(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or any(b <= a for a, b in itertools.pairwise(value)):
            raise ValueError(f"must be a strictly increasing list; got {list(value)}")
        return value


class _Study(_Frozen):
    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    title: str
    source: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    precision: Literal["single", "double"] = "single"
    compile: bool = True
    array: Array = Array()
    waveform: Waveform = Waveform()
    targets: Targets
    link: Link
    receiver: Receiver = Receiver()
    training: Training = Training()

    @property
    def noise_power(self) -> float:
        r"""`float` : Noise power of the echo.

        With Rayleigh gains of variance 1, :math:`N_0 = K / \mathrm{SNR}_r`; with the radar
        equation, :math:`N_0 = k_B T B F` over the bandwidth of all subcarriers [W].
        """
        gain = self.targets.gain
        if gain.kind == "rayleigh":
            return self.array.num_antennas / 10 ** (gain.snr_db / 10)
        bandwidth = self.waveform.num_subcarriers * self.waveform.subcarrier_spacing
        return Boltzmann * ROOM_TEMPERATURE * bandwidth * 10 ** (gain.noise_figure_db / 10)

    @property
    def link_noise_power(self) -> float:
        """`float` : Noise power at the user: from the link's SNR, or the echo's thermal noise."""
        if self.link.channel.kind == "multitap":
            return 10 ** (-self.link.channel.snr_db / 10)
        return self.noise_power

    @model_validator(mode="after")
    def _consistent(self) -> _Study:
        geometric = self.link.channel.kind == "geometric"
        if geometric and self.targets.gain.kind != "radar_equation":
            raise ValueError(
                "link.channel.kind 'geometric' has path losses in absolute terms and needs "
                "targets.gain.kind 'radar_equation'; got 'rayleigh'"
            )
        if "coupling" in self.array.learn and not any(
            i.kind == "coupling" for i in self.array.impairments
        ):
            raise ValueError("array.learn 'coupling' needs an impairment of kind 'coupling'")
        return self


class MultiTargetScenario(_Study):
    """Detection and localisation of several targets, and the user's symbol error rate."""

    kind: Literal["multi_target"]
    evaluation: Evaluation = Evaluation()


class CodedBERScenario(_Study):
    """Coded bit and block error rates of the user over the SNR."""

    kind: Literal["coded_ber"]
    methods: tuple[Method, ...] = METHODS
    coding: Coding = Coding()
    confidence: Probability = 0.95


Scenario = Annotated[MultiTargetScenario | CodedBERScenario, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[Any] = TypeAdapter(Scenario)


def find_scenarios() -> dict[str, Path]:
    """Scenario files that come with the library, by name."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "scenarios", package.parent / "scenarios"):
        if folder.is_dir():
            return {p.stem: p for p in sorted(folder.glob("*.yaml"))}
    return {}


def load_scenario(
    source: str | Path, overrides: Sequence[str] = (), seed: int | None = None
) -> Any:
    """Read a scenario and apply overrides.

    Parameters
    ----------
    source : `str` | `Path`
        YAML file, or the name of a scenario of the library
    overrides : sequence of `str`
        "dotted.key=value" with the value in YAML
    seed : `None` (default) | `int`
        Seed in place of the scenario's

    Output
    ------
    : :class:`MultiTargetScenario` | :class:`CodedBERScenario`
        Validated scenario

    Raises
    ------
    ScenarioError
        If the file cannot be read, a key is unknown or a value is not allowed
    """
    path = Path(source)
    if not path.is_file():
        known = find_scenarios()
        if str(source) not in known:
            raise ScenarioError(
                f"scenario must be a YAML file or one of {', '.join(known) or '(none found)'}; "
                f"got '{source}'"
            )
        path = known[str(source)]
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ScenarioError(f"{path}: not readable as YAML: {_one_line(error)}") from None
    if not isinstance(raw, dict):
        raise ScenarioError(f"{path}: must be a mapping of keys to values")
    raw.setdefault("name", path.stem)
    for override in overrides:
        _override(raw, override)
    if seed is not None:
        raw["seed"] = seed
    return parse_scenario(raw)


def parse_scenario(raw: dict[str, Any]) -> Any:
    """Validate a mapping as a scenario; :class:`ScenarioError` if it is not one."""
    try:
        return _ADAPTER.validate_python(_numbers(raw))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"] if p not in ("multi_target", "coded_ber"))
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = "unknown key"
        elif first["type"] == "missing":
            reason = "required, but missing"
        elif not isinstance(first["input"], dict) and "got" not in reason:
            reason += f"; got {first['input']!r}"
        more = error.error_count() - 1
        tail = f" (and {more} more)" if more else ""
        raise ScenarioError(f"scenario {where or 'file'}: {reason}{tail}") from None


def _override(raw: dict[str, Any], override: str) -> None:
    key, sign, value = override.partition("=")
    if not sign or not key:
        raise ScenarioError(f"--set must be key=value; got {override!r}")
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ScenarioError(f"--set {key}: not YAML: {_one_line(error)}") from None
    node: Any = raw
    *parents, last = key.split(".")
    for part in parents:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise ScenarioError(f"--set {key}: '{part}' is not a group of keys")
    node[last] = parsed


def _numbers(value: Any) -> Any:
    """YAML reads 60e9 as text (its numbers need a dot): such text becomes the number it is."""
    if isinstance(value, dict):
        return {k: _numbers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_numbers(v) for v in value]
    if isinstance(value, str) and value[:1] in "+-.0123456789" and "e" in value.lower():
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
