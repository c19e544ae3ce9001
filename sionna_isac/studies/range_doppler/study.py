"""Detection, estimation and coded transmission of one grid, in resumable blocks."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import xarray as xr

from sionna_isac.core import reset_stream
from sionna_isac.studies._isac.sampler import NumericalError
from sionna_isac.studies.range_doppler.detection import DetectionTrial
from sionna_isac.studies.range_doppler.estimation import EstimationTrial
from sionna_isac.studies.range_doppler.picture import range_doppler_picture
from sionna_isac.studies.range_doppler.scenario import RangeDopplerScenario
from sionna_isac.studies.range_doppler.summary import summarise
from sionna_isac.studies.range_doppler.system import SharedGridSystem
from sionna_isac.study.part import Arrays, Part, Study

__all__ = ["RangeDopplerStudy"]


class RangeDopplerStudy(Study[RangeDopplerScenario]):
    """Blocks of scenes per case, blocks of targets, blocks of grids per SNR, and a picture.

    A block of scenes has all detectors at all SNRs, on the same echoes: differences between
    detectors are more accurate than the width of the intervals suggests.
    """

    starting = "compiling"

    @functools.cached_property
    def system(self) -> SharedGridSystem:
        """Station and echo."""
        return SharedGridSystem(self.scenario)

    @functools.cached_property
    def detection(self) -> DetectionTrial:
        """Compiled graphs of detection."""
        return DetectionTrial(self.scenario, self.system)

    @functools.cached_property
    def estimation(self) -> EstimationTrial:
        """Compiled graphs of estimation."""
        return EstimationTrial(self.scenario, self.system)

    @functools.cached_property
    def _transmit(self) -> Any:
        def transmit(no: tf.Tensor) -> tf.Tensor:
            bits, decided = self.system.link.transmit(self.scenario.batch_size, no)
            wrong = tf.reduce_any(tf.not_equal(bits, decided), -1)
            return tf.reshape(wrong, [self.scenario.batch_size, -1])

        return tf.function(transmit, autograph=False, jit_compile=self.scenario.compile)

    def parts(self) -> Iterator[Part]:
        scenario = self.scenario
        for case in scenario.detection.cases:
            for i, keep in enumerate(self._sizes(scenario.detection.num_scenes)):
                text = case.replace("_", " ")
                yield Part(f"{case}_{i:05d}", ("detect", case, i, keep), f"detection, {text}", keep)
        for i, keep in enumerate(self._sizes(scenario.estimation.num_targets)):
            yield Part(f"targets_{i:05d}", ("estimate", i, keep), "estimation", keep)
        for i, snr_db in enumerate(scenario.user.snr_db):
            yield Part(
                f"user_{i:03d}",
                ("send", snr_db),
                "coded link",
                scenario.user.num_grids,
                note=f"{snr_db:g} dB",
            )
        yield Part("picture", ("picture",), "picture")

    def _sizes(self, number: int) -> Iterator[int]:
        """Number of used samples of each block."""
        size = self.scenario.batch_size
        return (min(size, number - start) for start in range(0, number, size))

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Decisions, estimates with their bound, block errors, or the picture."""
        task, *rest = part.arguments
        seed = self.scenario.seed
        if task == "detect":
            case, block, keep = rest
            trial = self.detection
            reset_stream(seed, "range_doppler", case, block)
            found = trial(case)
            return {name: value[..., :keep] for name, value in found.items()}
        if task == "estimate":
            block, keep = rest
            estimation = self.estimation
            reset_stream(seed, "range_doppler", "targets", block)
            drawn = {name: value[..., :keep] for name, value in estimation().items()}
            if not np.all(np.isfinite(drawn["estimates"])):
                raise NumericalError("estimates of targets are not finite")
            least = estimation.bound(drawn["truth"])
            assert least.velocity is not None
            columns = (least.angle, least.range, least.velocity)
            return drawn | {"bound": np.stack([c[:, 0] for c in columns])}
        if task == "send":
            return self._errors(rest[0])
        system = self.system
        reset_stream(seed, "range_doppler", "picture")
        return dict(range_doppler_picture(self.scenario, system))

    def _errors(self, snr_db: float) -> Arrays:
        """Wrong code words of each grid."""
        number = self.scenario.user.num_grids
        no = tf.constant(10 ** (-snr_db / 10), self.system.array.rdtype)
        transmit = self._transmit
        wrong = []
        for i, keep in enumerate(self._sizes(number)):
            reset_stream(self.scenario.seed, "range_doppler", "user", i)
            wrong.append(transmit(no).numpy()[:keep].sum(-1))
        return {"errors": np.concatenate(wrong)}

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Curves with intervals, the bound, false alarms and the picture."""
        trial = self.detection
        counted = {
            "cells": trial.num_cells,
            "edge": trial.edge_columns.size,
            "reference": next(iter(trial.detectors.values())).num_cells,
        }
        angles = {
            "targets": float(np.deg2rad(self.scenario.look_deg)),
            "user": float(np.deg2rad(sum(self.scenario.user.sector_deg) / 2)),
        }
        gains = {k: 10 * np.log10(float(self.system.beam_gain(v))) for k, v in angles.items()}
        return summarise(self.scenario, results, counted, gains)
