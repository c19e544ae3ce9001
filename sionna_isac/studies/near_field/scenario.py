"""Scenarios of near-field beamforming: comparisons over a sweep."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sionna_isac.studies.near_field.blocks import (
    RATE_CONSTRAINED,
    SPEB_CONSTRAINED,
    BeamDesign,
    KnownSymbolSearch,
    MUSICSearch,
    NearFieldArray,
    NearFieldTarget,
    NearFieldUsers,
    Sweep,
)
from sionna_isac.study.blocks import Count, Decibel, NonNegative, Positive, Scenario
from sionna_isac.study.published import PublishedValue

__all__ = ["NearFieldScenario", "NearFieldSetting"]


class NearFieldSetting(Scenario):
    """Common fields of comparisons and convergence studies: the scene, and its channel draws."""

    array: NearFieldArray
    """Array"""
    target: NearFieldTarget = NearFieldTarget()
    """Target"""
    users: NearFieldUsers = NearFieldUsers()
    """Users"""
    num_snapshots: Count = 100
    """Number of symbols of the bound"""
    noise_power_dbm: Decibel = -90.0
    """Noise power of an antenna, at the array and at users [dBm]"""
    power_dbm: Decibel | None = None
    """Transmit power; null if it is swept [dBm]"""
    min_rate: NonNegative | None = None
    """Smallest rate of each user; null if swept or without limit [bit/s/Hz]"""
    max_peb: Positive | None = None
    """Largest position error bound; null if swept or without limit [m]"""
    num_channels: Count
    """Number of channel draws"""

    def require(self, name: str, wanted: bool, why: str) -> None:
        """Refuse a missing field that is needed, or a given one without effect."""
        value = self.array.num_antennas if name == "num_antennas" else getattr(self, name)
        where = "array.num_antennas" if name == "num_antennas" else name
        if wanted and value is None:
            raise ValueError(f"{where} is required: {why}; got none")
        if not wanted and value is not None:
            raise ValueError(f"{where} has no effect: {why}; got {value:g}")

    def check_chains(self, num_rf_chains: int, num_antennas: int, where: str) -> None:
        """Refuse a number of chains that does not divide the antennas into equal subarrays."""
        if num_antennas % num_rf_chains:
            raise ValueError(
                f"{where} must divide the number of antennas, {num_antennas}; got {num_rf_chains}"
            )


class NearFieldScenario(NearFieldSetting):
    """Position error bounds or sum rates of beam designs over a parameter, on the same channels."""

    kind: Literal["near_field"]
    metric: Literal["peb", "sum_rate"]
    """Drawn quantity: position error bound or sum rate"""
    sweep: Sweep
    """Variation along the horizontal axis"""
    designs: Annotated[tuple[BeamDesign, ...], Field(min_length=1)]
    """Compared designs"""
    music: MUSICSearch | None = None
    """Errors of MUSIC with the beams, for metric peb; null: none"""
    known_symbols: KnownSymbolSearch | None = None
    """Errors of maximum likelihood with known symbols, on the echoes and region of music"""
    published: tuple[PublishedValue, ...] = ()
    """Values of a publication, drawn beside; a method is the label or description of a design"""

    def at(self, name: str, value: float) -> float | None:
        """Value of a parameter at a value of the sweep."""
        if name == self.sweep.parameter:
            return value
        return self.array.num_antennas if name == "num_antennas" else getattr(self, name)

    def antennas(self, value: float) -> int:
        """Number of antennas at a value of the sweep."""
        number = self.at("num_antennas", value)
        assert number is not None
        return int(number)

    def channels_of(self, design: BeamDesign) -> int:
        """Number of channel draws of a design."""
        return design.num_channels or self.num_channels

    @model_validator(mode="after")
    def _consistent(self) -> NearFieldScenario:
        swept = self.sweep.parameter
        kinds = {d.design for d in self.designs}
        needed = {
            "power_dbm": True,
            "num_antennas": True,
            "min_rate": bool(kinds & set(RATE_CONSTRAINED)),
            "max_peb": bool(kinds & set(SPEB_CONSTRAINED)),
        }
        if not needed[swept]:
            raise ValueError(f"sweep.parameter '{swept}' has no effect on any of the designs")
        for name, used in needed.items():
            if name == swept:
                self.require(name, False, "it is what sweep varies")
            else:
                why = "designs depend on it" if used else "no design depends on it"
                self.require(name, used, why)
        self._check_designs()
        self._check_music()
        labels = [d.text for d in self.designs]
        for i, value in enumerate(self.published):
            if value.method not in labels:
                raise ValueError(
                    f"published.{i}.method must be one of the designs, {labels}; "
                    f"got '{value.method}'"
                )
        return self

    def _check_designs(self) -> None:
        labels = [d.text for d in self.designs]
        if len(set(labels)) != len(labels):
            raise ValueError(f"designs must have distinct labels; got {labels}")
        if all(d.num_channels is not None for d in self.designs):
            raise ValueError("designs.num_channels must be left out by one design at least")
        for i, design in enumerate(self.designs):
            chains = design.num_rf_chains
            if chains is not None:
                for value in self.sweep.values:
                    where = f"designs.{i}.num_rf_chains"
                    self.check_chains(chains, self.antennas(value), where)
                if design.design == "two_stage" and chains <= self.users.number:
                    raise ValueError(
                        f"designs.{i}.num_rf_chains must exceed users.number = "
                        f"{self.users.number} for design 'two_stage'; got {chains}"
                    )
            if design.num_channels is not None and design.num_channels >= self.num_channels:
                raise ValueError(
                    f"designs.{i}.num_channels must be below num_channels = {self.num_channels}; "
                    f"got {design.num_channels}"
                )

    def _check_music(self) -> None:
        music = self.music
        if music is None:
            if self.known_symbols is not None:
                raise ValueError("known_symbols needs music, which holds the region; got none")
            return
        if self.metric != "peb":
            raise ValueError("music has no effect with metric 'sum_rate'")
        if self.num_snapshots < self.users.number:
            raise ValueError(
                f"num_snapshots must be at least users.number = {self.users.number} with music, "
                f"which is sent orthogonal streams; got {self.num_snapshots}"
            )
        low, high = (math.radians(v) for v in music.sector_deg)
        if not low < self.target.azimuth < high:
            raise ValueError(
                "music.sector_deg must contain the target's azimuth, "
                f"{math.degrees(self.target.azimuth):g}; got {music.sector_deg}"
            )
        if not music.range_interval[0] < self.target.distance < music.range_interval[1]:
            raise ValueError(
                "music.range_interval must contain the target's distance, "
                f"{self.target.distance:g}; got {music.range_interval}"
            )
        spacing = max(self.array.spacing_of(self.antennas(v)) for v in self.sweep.values)
        unique = self.array.wavelength / spacing
        width = math.sin(high) - math.sin(low)
        if width > unique:
            raise ValueError(
                "music.sector_deg must span at most wavelength / spacing in the sine of the "
                f"azimuth, {unique:.3g}, or echoes are ambiguous; it spans {width:.3g}; "
                f"got {music.sector_deg}"
            )
