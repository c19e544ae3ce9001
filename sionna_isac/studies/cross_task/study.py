"""Training and test of receivers that classify and localise vehicles."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac import metrics
from sionna_isac.dataset import ChannelDataset, generate_dataset, open_dataset
from sionna_isac.dataset.scenario import SPLITS
from sionna_isac.studies.cross_task.learner import LocalizerLearner, estimates
from sionna_isac.studies.cross_task.published import PUBLISHED, PUBLISHED_SWEEP, RECEIVERS
from sionna_isac.studies.cross_task.receivers import Trained, classical, make_trained
from sionna_isac.studies.cross_task.report import allocations
from sionna_isac.studies.cross_task.samples import Samples, read_samples
from sionna_isac.studies.cross_task.scenario import (
    METRICS,
    CrossTaskScenario,
    Focused,
    Network,
)
from sionna_isac.study.blocks import Optimization, Validation
from sionna_isac.study.fingerprint import code_version, fingerprint
from sionna_isac.study.learner import Stage
from sionna_isac.study.part import Arrays, Part, Study
from sionna_isac.study.store import RunFolder
from sionna_isac.study.training import train

__all__ = ["CrossTaskStudy"]

_WEIGHTS, _HISTORY = "weights/", "history/"


class EpochTraining(Optimization):
    """Training with AdamW that keeps the weights of the best validation."""

    weight_decay: float = 0.0
    warmup: float = 0.0
    validation: Validation


class CrossTaskStudy(Study[CrossTaskScenario]):
    """Trainings of each receiver, placement and seed, and their tests.

    A training is a shared part: studies of the same setting train a network once.
    """

    def __init__(self, scenario: CrossTaskScenario) -> None:
        super().__init__(scenario)
        self._held: dict[tuple[str, str, float], Samples] = {}
        self._splits: dict[str, ChannelDataset] = {}

    # --- parts ----------------------------------------------------------------------------------

    def parts(self) -> Iterator[Part]:
        """Trainings, then tests, of each placement and value of the sweep."""
        scenario = self.scenario
        again = scenario.sweep is not None and scenario.sweep.over in ("num_tones", "fraction")
        for placement in scenario.placements:
            for i, level in enumerate(scenario.levels):
                if i == 0 or again:
                    yield from self._trainings(placement, i)
                for m, settings in enumerate(scenario.receivers):
                    trained = isinstance(settings, Network | Focused)
                    for s in range(scenario.num_seeds if trained else 1):
                        needs = (self._name(placement, i if again else 0, m, s),) if trained else ()
                        yield Part(
                            f"test-{placement}-{i}-{m}-{s}",
                            ("test", placement, level, m, s),
                            task="test",
                            needs=needs,
                            note=settings.label,
                        )

    def _trainings(self, placement: str, i: int) -> Iterator[Part]:
        level = self.scenario.levels[i]
        for m, settings in enumerate(self.scenario.receivers):
            if isinstance(settings, Network | Focused):
                for s in range(self.scenario.num_seeds):
                    name = self._name(placement, i, m, s)
                    yield Part(name, ("train", placement, level, m, s), shared=True)

    def _name(self, placement: str, i: int, m: int, s: int) -> str:
        """Name of a training: other studies share it, so that it has no numbers of this one."""
        setting = self.scenario.setting(self.scenario.levels[i])
        settings = self.scenario.receivers[m].model_dump(exclude={"label"})
        values = [v if isinstance(v, tuple) else (v,) for v in settings.values()]
        text = "-".join(str(v) for each in values for v in each if v not in (None, False))
        size = f"{int(setting['num_tones'])}_{setting['fraction']:g}"
        return f"{text}-{placement}-{size}-{self.scenario.seeds[s]}"

    # --- data -----------------------------------------------------------------------------------

    @cached_property
    def _folder(self) -> Path:
        """Folder of the data set, which is generated if it is not complete."""
        data, given = self.scenario.dataset, self.scenario.data.folder
        assert isinstance(self.folder, RunFolder)
        path = Path(given) if given else self.folder.path.parent / data.folder_name
        return generate_dataset(data, path, quiet=self.reporter.console.quiet)

    def _split(self, split: str) -> ChannelDataset:
        if split not in self._splits:
            self._splits[split] = open_dataset(self._folder, split)
        return self._splits[split]

    def _samples(self, split: str, placement: str, level: float) -> Samples:
        """Samples of a split; those of one setting are kept."""
        which = (split, placement, level)
        if which not in self._held:
            self._held = {k: v for k, v in self._held.items() if k[1:] == which[1:]}
            self._held[which] = read_samples(self.scenario, self._split(split), placement, level)
        return self._held[which]

    # --- computation ----------------------------------------------------------------------------

    def _trained(self, samples: Samples, m: int, s: int) -> Trained:
        scenario = self.scenario
        return make_trained(scenario, scenario.receivers[m], samples, scenario.seeds[s])

    def key(self, part: Part) -> Mapping[str, Any]:
        """Everything that trained weights depend on."""
        _, placement, level, m, s = part.arguments
        samples = self._samples("validation", placement, level)
        trained, setting = self._trained(samples, m, s), self.scenario.setting(level)
        return {
            "code": code_version(type(self), type(trained), LocalizerLearner),
            "data": [self._split(split).digest for split in ("train", "validation")],
            "tones": samples.subcarriers.tolist(),
            "antennas": self.scenario.data.num_antennas,
            "fraction": setting["fraction"],
            "fit": fingerprint(trained.fit),
            "seed": trained.seed,
            "receiver": fingerprint(trained.configuration()),
        }

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Trained weights and the course of their training, or estimates of the test split."""
        what, placement, level, m, s = part.arguments
        if what == "train":
            return self._train(part)
        test, settings = self._samples("test", placement, level), self.scenario.receivers[m]
        if not part.needs:
            return estimates(classical(self.scenario, settings, test), test.h)
        trained = self._trained(test, m, s)
        (found,) = earlier.values()
        trained.assign(_part(found, _WEIGHTS))
        return trained.estimates(trained.inputs(test))

    def _train(self, part: Part) -> Arrays:
        _, placement, level, m, s = part.arguments
        samples, held = (self._samples(n, placement, level) for n in SPLITS[:2])
        trained = self._trained(samples, m, s)
        fit = trained.fit
        steps = math.ceil(len(samples) / fit.batch_size)
        iterations = steps * fit.epochs
        between = min(steps * fit.validation_epochs, iterations)
        plan = EpochTraining(
            iterations=iterations,
            batch_size=fit.batch_size,
            learning_rate=fit.learning_rate,
            checkpoint_interval=between,
            weight_decay=fit.weight_decay,
            warmup=fit.warmup,
            # never so late that the training ends: the best weights are kept
            validation=Validation(interval=between, patience=iterations + between),
        )
        assert isinstance(self.folder, RunFolder)
        history = train(
            trained.learner(samples, held),
            [Stage("fit", plan)],
            self.folder,
            self.reporter,
            part.name,
            trained.seed,
            self.scenario.compile,
        )
        found: Arrays = {_WEIGHTS + k: v for k, v in trained.weights.items()}
        return found | {_HISTORY + k: v for k, v in history.items()}

    # --- summary --------------------------------------------------------------------------------

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Metrics [receiver, placement, value, seed], and estimates of all test samples."""
        scenario = self.scenario
        first = next(iter(scenario.placements))
        test = self._samples("test", first, scenario.levels[0])
        shape = (
            len(scenario.receivers),
            len(scenario.placements),
            len(scenario.levels),
            scenario.num_seeds,
        )
        classes = len(scenario.dataset.categories)
        found = {name: np.full((*shape, len(test)), np.nan) for name in ("range", "azimuth")}
        found["logits"] = np.full((*shape, len(test), classes), np.nan)
        for p, placement in enumerate(scenario.placements):
            for i in range(shape[2]):
                for m, settings in enumerate(scenario.receivers):
                    trained = isinstance(settings, Network | Focused)
                    for s in range(scenario.num_seeds):
                        part = results[f"test-{placement}-{i}-{m}-{s if trained else 0}"]
                        for name, value in part.items():
                            found[name][m, p, i, s] = value
        return _summarise(scenario, test, found, self._split("test"))


def _part(arrays: Arrays, prefix: str) -> dict[str, np.ndarray]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _summarise(
    scenario: CrossTaskScenario,
    test: Samples,
    found: dict[str, np.ndarray],
    data: ChannelDataset,
) -> xr.Dataset:
    """Result of a study from the estimates [receiver, placement, value, seed, sample]."""
    over = scenario.sweep.over if scenario.sweep else "value"
    dims = ("receiver", "placement", over, "seed")
    dataset = xr.Dataset(
        coords={
            "receiver": [m.label for m in scenario.receivers],
            "placement": list(scenario.placements),
            over: list(scenario.levels),
            "seed": list(scenario.seeds),
            "category": list(data.categories),
        }
    )
    truth = test.azimuth.astype(float), test.range.astype(float)
    located, classified = ~np.isnan(found["range"]), ~np.isnan(found["logits"][..., 0])
    errors = np.full(located.shape, np.nan)
    for index in np.ndindex(located.shape[:-1]):
        if located[index].all():
            place = found["azimuth"][index], found["range"][index]
            errors[index] = metrics.planar_errors(*place, *truth)
    turned = (found["azimuth"] - truth[0] + np.pi) % (2 * np.pi) - np.pi
    right = np.where(classified, np.argmax(found["logits"], -1) == test.category, np.nan)
    values = {
        "accuracy": right.mean(-1),
        "range_mae": np.abs(found["range"] - truth[1]).mean(-1),
        "azimuth_mae": np.degrees(np.abs(turned)).mean(-1),
        "planar_mae": errors.mean(-1),
        "success_rate": np.where(np.isnan(errors), np.nan, errors <= scenario.radius).mean(-1),
    }
    units = {"range_mae": "m", "azimuth_mae": "deg", "planar_mae": "m"}
    for name in METRICS:
        dataset[name] = (dims, values[name], {"units": units.get(name, "1")})
    for name, unit in (("range", "m"), ("azimuth", "rad")):
        dataset[f"sample_{name}"] = ((*dims, "sample"), found[name], {"units": unit})
        dataset[f"sample_true_{name}"] = ("sample", getattr(test, name), {"units": unit})
    dataset["sample_planar_error"] = ((*dims, "sample"), errors, {"units": "m"})
    dataset["sample_logits"] = ((*dims, "sample", "category"), found["logits"])
    dataset["sample_true_category"] = ("sample", test.category)
    trained = [isinstance(m, Network | Focused) for m in scenario.receivers]
    dataset["trained"] = ("receiver", trained, {"long_name": "receiver has seeds"})
    for name in METRICS:
        dataset[f"published_{name}"] = (("receiver", over), _published(scenario, name))
    dataset.attrs |= {
        "figure": scenario.figure,
        "num_samples": len(test),
        "data": data.digest,
        "data_scenario": data.scenario.folder_name,
    }
    _add_rates(dataset, scenario)
    return dataset


def _add_rates(dataset: xr.Dataset, scenario: CrossTaskScenario) -> None:
    """Rates of the swept numbers of tones, and the tones that meet the requirements."""
    if "num_tones" in dataset.dims:
        rates = metrics.ergodic_rate(
            np.array(scenario.levels), scenario.rate.num_tones, scenario.rate.snr_db
        )
        dataset["rate"] = ("num_tones", rates, {"units": "bit/s/Hz"})
    if scenario.requirements:
        rows = [
            (requirement, label, placement, found.num_sensing_tones, found.rate)
            for (requirement, placement, label), found in allocations(scenario, dataset).items()
        ]
        dataset.attrs["allocations"] = json.dumps(rows)


def _published(scenario: CrossTaskScenario, metric: str) -> np.ndarray:
    """Printed values of a metric [receiver, value], NaN where the paper prints none.

    Those of the tables are for 16 tones and 64 + 64 antennas, whatever the size of the study.
    """
    table = np.full((len(scenario.receivers), len(scenario.levels)), np.nan)
    share = 0.01 if metric in ("accuracy", "success_rate") else 1.0
    for m, settings in enumerate(scenario.receivers):
        names = [n for n, fields in RECEIVERS.items() if fields["label"] == settings.label]
        for i, level in enumerate(scenario.levels):
            setting = scenario.setting(level)
            number = int(setting.pop("num_tones"))
            if not names or setting != {"fraction": 1.0, "noise": 0.0, "phase_offset_deg": 0.0}:
                continue
            printed: Mapping[str, float] = PUBLISHED_SWEEP.get((names[0], number), {})
            if number == 16 or scenario.sweep is None:
                printed = PUBLISHED.get(names[0], {})
            table[m, i] = share * printed.get(metric, np.nan)
    return table
