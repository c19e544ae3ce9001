"""Sensing by parts of a resource grid: errors, bounds, ambiguity, and the rate that is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
import xarray as xr

from sionna_isac import metrics, waveform
from sionna_isac.core import reset_stream
from sionna_isac.studies._intervals import add_interval, add_rmse, share_ends
from sionna_isac.studies._isac.sampler import NumericalError
from sionna_isac.studies.reference_share.scenario import ReferenceShareScenario
from sionna_isac.studies.reference_share.trial import ReferenceTrial, shared_elements
from sionna_isac.study.part import Arrays, Part, Study

__all__ = ["ReferenceShareStudy", "share_report"]

UNITS = {"range": "m", "velocity": "m/s"}
BOUND_SAMPLES = 32  # bounds of one target differ with its angle and the drawn data alone
OFFSETS = 1601  # of a cut through an ambiguity function


class ReferenceShareStudy(Study[ReferenceShareScenario]):
    """Targets at every SNR, and the bound, for each reference."""

    starting = "compiling"

    def parts(self) -> Iterator[Part]:
        """Points of each reference over the SNR, then its bound."""
        scenario = self.scenario
        for i, label in enumerate(scenario.labels):
            for j, snr_db in enumerate(scenario.snr_db):
                yield Part(
                    f"point_{i:02d}_{j:02d}",
                    ("point", i, snr_db),
                    task=f"sensing by {label}",
                    size=scenario.num_samples,
                    note=f"{snr_db:g} dB",
                )
            yield Part(f"bound_{i:02d}", ("bound", i), task=f"bound of {label}")

    def __init__(self, scenario: ReferenceShareScenario) -> None:
        super().__init__(scenario)
        self._trial: tuple[int, ReferenceTrial, tf.types.experimental.GenericFunction] | None = None

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Truth and estimates [sample] at an SNR, or bounds [sample] at 0 dB."""
        scenario = self.scenario
        trial, run = self._ready(part.arguments[1])
        if part.arguments[0] == "bound":
            reset_stream(scenario.seed, "reference_share", "bound")
            found = trial.bound(min(BOUND_SAMPLES, scenario.num_samples))
            return {name: np.ravel(getattr(found, name)) for name in UNITS}
        _, i, snr_db = part.arguments
        dtype = tf.float64 if scenario.precision == "double" else tf.float32
        blocks = []
        for block in range(scenario.num_samples // scenario.batch_size):
            reset_stream(scenario.seed, "reference_share", block)
            blocks.append({k: v.numpy() for k, v in run(tf.constant(snr_db, dtype)).items()})
        drawn = {k: np.concatenate([b[k] for b in blocks]).astype(float) for k in blocks[0]}
        if not all(np.all(np.isfinite(v)) for v in drawn.values()):
            raise NumericalError(f"estimates by {scenario.labels[i]} are not finite")
        return drawn

    def _ready(self, number: int) -> tuple[ReferenceTrial, tf.types.experimental.GenericFunction]:
        """Trial of a reference, and its graph."""
        if self._trial is None or self._trial[0] != number:
            scenario = self.scenario
            trial = ReferenceTrial(scenario, scenario.references[number])
            run = tf.function(
                lambda snr_db: trial(scenario.batch_size, snr_db),
                autograph=False,
                jit_compile=scenario.compile,
            )
            self._trial = number, trial, run
        return self._trial[1:]

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Errors with intervals, bounds, ambiguity and rates."""
        scenario = self.scenario
        dataset = xr.Dataset(
            coords={
                "reference": list(scenario.labels),
                "snr_db": ("snr_db", list(scenario.snr_db), {"units": "dB"}),
            }
        )
        numbers = range(len(scenario.labels)), range(len(scenario.snr_db))
        points = [[results[f"point_{i:02d}_{j:02d}"] for j in numbers[1]] for i in numbers[0]]
        error = {
            name: np.array([[p[name] - p[f"true_{name}"] for p in row] for row in points])
            for name in UNITS
        }
        for name, unit in UNITS.items():
            about = {"units": unit, "long_name": f"root mean squared error of the {name}"}
            point, squared = ("reference", "snr_db"), error[name] ** 2
            add_rmse(dataset, f"{name}_rmse", point, squared, scenario.confidence, **about)
            least = [np.sqrt(np.mean(results[f"bound_{i:02d}"][name] ** 2)) for i in numbers[0]]
            values = np.array(least)[:, np.newaxis] * 10 ** (-dataset["snr_db"].values / 20)
            about = {"units": unit, "long_name": "root of the mean Cramér-Rao bound"}
            dataset[f"{name}_bound"] = (point, values, about)
        _add_grids(dataset, scenario)
        cells = [dataset.attrs[f"{name}_resolution"] for name in UNITS]
        wrong = np.any([np.abs(error[n]) > c for n, c in zip(UNITS, cells, strict=True)], axis=0)
        count, number = wrong.sum(-1), scenario.num_samples
        ends = share_ends(count, number, scenario.confidence)
        about = {"long_name": "share of estimates beyond a cell of the whole grid"}
        add_interval(dataset, "wrong_cell", ("reference", "snr_db"), count / number, ends, **about)
        dataset.attrs["num_samples"] = number
        return dataset


def _add_grids(dataset: xr.Dataset, scenario: ReferenceShareScenario) -> None:
    """Shares of elements, rates, and the ambiguity function within the search."""
    spans = [np.ptp(scenario.search_range), np.ptp(scenario.search_velocity)]
    ranges, velocities = (np.linspace(-span, span, OFFSETS) for span in spans)
    full = metrics.ergodic_rate(0, 1, scenario.link_snr_db)
    rows: dict[str, list[float]] = {}
    cuts: dict[str, list[np.ndarray]] = {"range": [], "velocity": []}
    for reference in scenario.references:
        numerology, elements, data = shared_elements(scenario, reference)
        cuts["range"].append(
            waveform.element_ambiguity(numerology, ranges, [0.0], elements=elements)[0]
        )
        cuts["velocity"].append(
            waveform.element_ambiguity(numerology, [0.0], velocities, elements=elements)[:, 0]
        )
        coarse = velocities[::4], ranges[::4]
        plane = waveform.element_ambiguity(numerology, *coarse[::-1], elements=elements)
        found = metrics.sidelobe(plane, *coarse)
        row = {
            "element_share": elements.mean(),
            "data_share": data.mean(),
            "rate": data.mean() * float(full),
            "sidelobe": found.level,
            "sidelobe_velocity": found.place[0],
            "sidelobe_range": found.place[1],
        }
        for name, grid in (("range", ranges), ("velocity", velocities)):
            cut = metrics.sidelobe(cuts[name][-1], grid)
            row |= {f"{name}_sidelobe": cut.level, f"{name}_sidelobe_place": cut.place[0]}
        for name, value in row.items():
            rows.setdefault(name, []).append(float(value))
    for name, values in rows.items():
        dataset[name] = ("reference", values, {"units": _units(name)})
    for name, grid in (("range", ranges), ("velocity", velocities)):
        dataset[f"{name}_offset"] = (f"{name}_offset", grid, {"units": UNITS[name]})
        dataset[f"{name}_ambiguity"] = (("reference", f"{name}_offset"), np.array(cuts[name]))
    dataset.attrs["range_resolution"] = numerology.range_resolution
    dataset.attrs["velocity_resolution"] = numerology.velocity_resolution


def _units(name: str) -> str:
    if name == "rate":
        return "bit/s/Hz"
    if name.endswith("sidelobe"):
        return "dB"
    if "sidelobe" not in name:
        return "1"
    return UNITS["velocity" if "velocity" in name else "range"]


def share_report(scenario: ReferenceShareScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Costs of each reference at the highest SNR."""
    last = dataset.isel(snr_db=-1)
    yield f"at {float(last.snr_db):g} dB per element and antenna, {scenario.num_samples} samples:"
    width = max(len(label) for label in scenario.labels)
    yield (
        f"  {'reference':<{width}} {'elements':>8} {'rate':>14} {'range (bound)':>17} "
        f"{'velocity (bound)':>20} {'wrong':>6} {'highest side lobe':>27}"
    )
    for label in dataset["reference"].values:
        row = {
            str(k): float(v) for k, v in last.sel(reference=label).data_vars.items() if not v.ndim
        }
        yield (
            f"  {label:<{width}} {row['element_share']:8.1%} {row['rate']:5.2f} bit/s/Hz "
            f"{row['range_rmse']:7.3f} ({row['range_bound']:.3f}) m "
            f"{row['velocity_rmse']:8.3f} ({row['velocity_bound']:.3f}) m/s "
            f"{row['wrong_cell']:6.1%} {row['sidelobe']:6.1f} dB, {row['sidelobe_range']:3.0f} m, "
            f"{row['sidelobe_velocity']:3.0f} m/s"
        )
