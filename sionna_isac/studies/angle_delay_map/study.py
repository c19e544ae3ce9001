"""Angle-delay maps of ideal and impaired arrays, with statistics of their lobes."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from sionna_isac import metrics
from sionna_isac.studies._intervals import add_interval, mean_ends
from sionna_isac.studies.angle_delay_map.scenario import AngleDelayMapScenario
from sionna_isac.studies.angle_delay_map.trial import MapTrial
from sionna_isac.study.part import Arrays, Part, Study

__all__ = ["AngleDelayMapStudy", "angle_delay_report"]

CONDITIONS = ("ideal", "impaired")


class AngleDelayMapStudy(Study[AngleDelayMapScenario]):
    """Both maps of one scene, and statistics of lobes and detections over all scenes."""

    starting = "compiling"

    @functools.cached_property
    def trial(self) -> MapTrial:
        """Compiled graph of a scene."""
        return MapTrial(self.scenario)

    def parts(self) -> Iterator[Part]:
        number, size = self.scenario.scenes.num_scenes, self.scenario.block_size
        for first in range(0, number, size):
            scenes = range(first, min(first + size, number))
            yield Part(f"scenes_{first // size:05d}", (scenes,), task="scenes", size=len(scenes))

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        (scenes,) = part.arguments
        drawn = [self.trial(i) for i in scenes]
        return {k: np.stack([d[k] for d in drawn]) for k in drawn[0]}

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        scenario, trial, blocks = self.scenario, self.trial, list(results.values())
        samples = {k: np.concatenate([b[k] for b in blocks]) for k in blocks[0]}
        dataset = xr.Dataset(
            coords={
                "condition": list(CONDITIONS),
                "grid_angle": ("grid_angle", trial.angles, {"units": "rad"}),
                "grid_range": ("grid_range", trial.ranges, {"units": "m"}),
            }
        )
        dataset["angle_delay_map"] = (
            ("condition", "grid_angle", "grid_range"),
            trial.map(scenario.scenes.drawn).astype(np.float32),
            {"units": "1", "long_name": "magnitude over the largest one of the ideal map"},
        )
        _add_samples(dataset, samples)
        _add_means(scenario, dataset)
        dataset.attrs["num_samples"] = scenario.scenes.num_scenes
        return dataset


def _add_samples(dataset: xr.Dataset, samples: dict[str, np.ndarray]) -> None:
    units = {"angle": "rad", "range": "m", "width": "rad", "extent": "rad"}
    units |= {"level": "dB", "sidelobe": "dB"}
    names = {
        "level": "peak of the target's lobe over the noise of a cell",
        "width": "main lobe in angle at half its power",
        "extent": "all angles within 10 dB of the lobe's peak",
        "sidelobe": "highest sidelobe over the peak",
        "found": "1 if an estimate lies within a resolution cell",
    }
    for name, values in samples.items():
        attributes = {"units": units.get(name.removeprefix("true_"), "1")}
        if name in names:
            attributes["long_name"] = names[name]
        shape = ("scene", "target") if values.ndim == 2 else ("scene", "condition", "target")
        column = values.astype(np.int8) if values.dtype == bool else values
        dataset[f"sample_{name}"] = (shape, column, attributes)


def _add_means(scenario: AngleDelayMapScenario, dataset: xr.Dataset) -> None:
    """Means and shares with intervals; scenes are the independent samples."""
    level = scenario.confidence
    lobe = {k: dataset[f"sample_{k}"].values for k in ("level", "width", "extent", "sidelobe")}
    means = {
        "loss": (lobe["level"][:, :1] - lobe["level"], "dB"),
        "width": (np.rad2deg(lobe["width"]), "deg"),
        "extent": (np.rad2deg(lobe["extent"]), "deg"),
        "sidelobe": (lobe["sidelobe"], "dB"),
    }
    for name, (values, units) in means.items():
        scenes = values.mean(-1).T
        value, ends = [row.mean() for row in scenes], mean_ends(scenes, level)
        add_interval(dataset, name, ("condition",), value, ends, units=units)
    found = dataset["sample_found"].values.astype(bool)
    farthest = np.argmax(dataset["sample_true_range"].values, axis=1)[:, np.newaxis, np.newaxis]
    pairs, both = _pairs(scenario.resolution, dataset, found)
    one = np.ones(len(found))
    shares = {
        "found_share": (found.sum(-1), one * found.shape[-1]),
        "all_found": (found.all(-1), one),
        "farthest_found": (np.take_along_axis(found, farthest, 2)[..., 0], one),
        "pair_found": (both, pairs),
    }
    for name, (hits, number) in shares.items():
        rows = np.full((len(CONDITIONS), 3), np.nan)
        if np.count_nonzero(number) > 1:
            for row, h in zip(rows, hits.T, strict=True):
                row[:] = h.sum() / number.sum(), *metrics.ratio_interval(h, number, level)
        add_interval(dataset, name, ("condition",), rows[:, 0], rows[:, 1:], units="1")
    dataset.attrs["num_pairs"] = int(pairs.sum())


def _pairs(
    resolution: tuple[float, float], dataset: xr.Dataset, found: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs that only the angle resolves [scene], and detected pairs [scene, condition].

    Their ranges differ by less than a resolution cell, their angles by more than one.
    """
    angle_cell, range_cell = resolution
    first, second = np.triu_indices(found.shape[-1], 1)
    angle, distance = (dataset[f"sample_true_{k}"].values for k in ("angle", "range"))
    close = np.abs(distance[:, first] - distance[:, second]) < range_cell
    close &= np.abs(angle[:, first] - angle[:, second]) > angle_cell
    both = found[..., first] & found[..., second] & close[:, np.newaxis]
    return close.sum(-1), both.sum(-1)


def angle_delay_report(scenario: AngleDelayMapScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Every target of the drawn scene, then the means over all scenes."""
    scene = dataset.isel(scene=scenario.scenes.drawn)
    yield f"scene {scenario.scenes.drawn}, ideal -> impaired:"
    for i in range(scenario.scenes.num_targets):
        target = scene.isel(target=i)
        level, width = target["sample_level"].values, np.rad2deg(target["sample_width"].values)
        found = ["found" if f else "missed" for f in target["sample_found"].values]
        yield (
            f"  {np.rad2deg(float(target.sample_true_angle)):6.2f} deg "
            f"{float(target.sample_true_range):6.1f} m   level {level[0]:5.1f} -> {level[1]:5.1f} "
            f"dB   width {width[0]:.2f} -> {width[1]:.2f} deg   {found[0]} -> {found[1]}"
        )
    yield f"means over {dataset.attrs['num_samples']} scenes, each with its own impairments:"
    for name, text in (
        ("loss", "loss of a lobe's peak [dB]"),
        ("width", "width of a lobe, -3 dB [deg]"),
        ("extent", "angles within 10 dB of the peak [deg]"),
        ("sidelobe", "highest sidelobe [dB]"),
        ("found_share", "share of targets found"),
        ("all_found", "share of scenes with all found"),
        ("farthest_found", "farthest target found"),
        ("pair_found", f"both found of a pair in one range cell ({dataset.attrs['num_pairs']})"),
    ):
        low, high = dataset[f"{name}_low"].values, dataset[f"{name}_high"].values
        values = "   ".join(
            f"{c} {float(v):.3g} [{a:.3g}, {b:.3g}]"
            for c, v, a, b in zip(CONDITIONS, dataset[name].values, low, high, strict=True)
        )
        yield f"  {text:<46} {values}"
