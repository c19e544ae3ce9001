"""Bounds of the pose of extended targets over their range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
import xarray as xr

from sionna_isac.array.planar import planar_wave
from sionna_isac.bound import cramer_rao_bound, effective_fim, extended_target_fim
from sionna_isac.studies._extended.blocks import PARAMETERS
from sionna_isac.studies._extended.targets import body_target
from sionna_isac.studies.extended_target_bound.scenario import (
    ExtendedTargetBoundScenario,
)
from sionna_isac.study.errors import ScenarioError
from sionna_isac.study.part import Arrays, Part, Study

__all__ = ["ExtendedTargetBoundStudy", "bound_report"]


class ExtendedTargetBoundStudy(Study[ExtendedTargetBoundScenario]):
    """All ranges of a body at one elevation, one per part."""

    def parts(self) -> Iterator[Part]:
        for b, body in enumerate(self.scenario.bodies):
            for e, elevation in enumerate(self.scenario.elevations_deg):
                note = f"{body.label}, elevation {elevation:g} deg"
                yield Part(f"bound_{b}_{e}", (b, e), task="bounds", note=note)

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Root bounds [num_ranges, 3 or 4]."""
        scenario, (b, e) = self.scenario, part.arguments
        ranges = np.array(scenario.ranges)
        degrees = scenario.azimuth_deg, scenario.elevations_deg[e], scenario.orientation_deg
        azimuth, elevation, orientation = np.radians(degrees)
        try:
            target = body_target(
                scenario.bodies[b],
                scenario.division,
                range=ranges,
                azimuth=azimuth,
                elevation=elevation,
                orientation=orientation,
            )
        except ValueError as error:
            raise self._wrong(b, error) from None
        shapes = scenario.arrays.tx_shape, scenario.arrays.rx_shape
        direction = tf.constant([azimuth], tf.float64), tf.constant([elevation], tf.float64)
        beam = np.conj(planar_wave(shapes[0], *direction).numpy()[0])
        covariance = np.outer(beam, beam.conj()) / scenario.arrays.num_tx
        fim = extended_target_fim(
            target,
            *shapes,
            np.broadcast_to(covariance, (len(ranges), *covariance.shape)),
            np.sqrt(10 ** (scenario.snr_db / 10)),
            1.0,
            scenario.sounding.rms_bandwidth,
            scenario.sounding.num_samples,
            scenario.level,
        )
        try:
            crb = cramer_rao_bound(effective_fim(fim, num_interest=target.num_pose))
        except ValueError as error:
            raise self._wrong(b, error) from None
        return {"bound": np.sqrt(np.diagonal(crb, axis1=-2, axis2=-1))}

    def _wrong(self, b: int, error: ValueError) -> ScenarioError:
        return ScenarioError(f"bodies.{b} ({self.scenario.bodies[b].label}): {error}")

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Root bounds [body, elevation, range] of each parameter."""
        scenario = self.scenario
        shape = len(scenario.bodies), len(scenario.elevations_deg), len(scenario.ranges)
        found = np.full((*shape, len(PARAMETERS)), np.nan)
        for b, e in np.ndindex(shape[:2]):
            value = results[f"bound_{b}_{e}"]["bound"]
            found[b, e, :, : value.shape[-1]] = value
        dataset = xr.Dataset(
            coords={
                "body": [body.label for body in scenario.bodies],
                "elevation_deg": list(scenario.elevations_deg),
                "range": ("range", list(scenario.ranges), {"units": "m"}),
            }
        )
        for n, (name, unit) in enumerate(PARAMETERS.items()):
            value = found[..., n] * (np.degrees(1.0) if unit == "deg" else 1.0)
            about = {"units": unit, "long_name": f"root CRB of the {name}"}
            dataset[f"{name}_bound"] = (("body", "elevation_deg", "range"), value, about)
        return dataset


def bound_report(scenario: ExtendedTargetBoundScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Bounds at the nearest and at the farthest range, beside those of a point target, if any."""
    point = next((body.label for body in scenario.bodies if body.kind == "point"), None)
    near, far = scenario.ranges[0], scenario.ranges[-1]
    for label in dataset["body"].values:
        for elevation in dataset["elevation_deg"].values:
            parts = []
            for name, unit in PARAMETERS.items():
                row = dataset[f"{name}_bound"].sel(elevation_deg=elevation)
                first, last = (float(row.sel(body=label, range=r)) for r in (near, far))
                if np.isnan(first):
                    continue
                text = f"{name} {first:.4g} to {last:.4g} {unit}"
                if point is not None and label != point and name != "orientation":
                    text += f" ({last / float(row.sel(body=point, range=far)):.4f} of a point's)"
                parts.append(text)
            yield f"{label}, elevation {elevation:g} deg, {near:g} to {far:g} m: {', '.join(parts)}"
