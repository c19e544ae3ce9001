"""Scenarios of data sets: what is refused, and what a sample is drawn as."""

from pathlib import Path

import numpy as np
import pytest
from scipy.constants import c, epsilon_0

from sionna_isac.dataset import unit_gain_moment
from sionna_isac.dataset.plan import check_disjoint, draw_sample, sample_parts
from sionna_isac.dataset.sample import antennas
from sionna_isac.dataset.scenario import SPLITS
from sionna_isac.study import ScenarioError, load_scenario

TINY = Path(__file__).with_name("tiny_dataset.yaml")

BAD = [
    ("array.num_tx=0", "array.num_tx", "0"),
    ("array.carrier_frequency=-1", "array.carrier_frequency", "-1"),
    ("array.height=-2", "array.height", "-2"),
    ("array.tx_polarization=x", "array.tx_polarization", "'x'"),
    ("waveform.num_subcarriers=0", "waveform.num_subcarriers", "0"),
    ("waveform.bandwidth=.nan", "waveform.bandwidth", "nan"),
    ("waveform.bandwidth=9e9", "waveform.bandwidth", "9e+09"),
    ("targets=[]", "targets", "[]"),
    ("placement.range_interval=[1, 50]", "placement.range_interval", "(1.0, 50.0)"),
    ("placement.range_interval=[50, 5]", "placement.range_interval", "(50.0, 5.0)"),
    ("placement.azimuth_deg=[-90, 60]", "placement.azimuth_deg", "-90"),
    ("placement.heading_deg=[0, 400]", "placement.heading_deg", "400"),
    ("solver.voxel_size=0", "solver.voxel_size", "0"),
    ("solver.voxel_size=0.2", "name", "0.2 m"),
    ("solver.kernel=fast", "solver.kernel", "fast"),
    ("solver.approximation=rayleigh", "solver.approximation", "rayleigh"),
    ("solver={approximation: born}", "name", "born"),
    ("solver.tolerance=1", "solver.tolerance", "1"),
    ("solver.tolerance=1e-9", "solver.tolerance", "1e-09"),
    ("solver={voxel_size: 0.1, approximation: born, tolerance: 0.01}", "tolerance", "no effect"),
    ("num_samples.train=0", "num_samples.train", "0"),
    ("num_samples.test=1", "num_samples.test", "1"),
    ("num_samples={train: 8, test: 2}", "num_samples.validation", "missing"),
    ("material_spread=1", "material_spread", "1"),
    ("compression=zip", "compression", "zip"),
    ("precision=half", "precision", "half"),
    ("seed=-1", "seed", "-1"),
    ("array.wings=2", "array.wings", "unknown key"),
]


@pytest.mark.parametrize(("override", "where", "value"), BAD, ids=[b[0] for b in BAD])
def test_a_wrong_value_is_one_line_that_names_it(override, where, value):
    with pytest.raises(ScenarioError) as error:
        load_scenario("dataset_10cm", [override])
    text = str(error.value)
    assert "\n" not in text and where in text and value in text, text


def test_categories_and_families_must_fit():
    target = "{category: car, family: %s, instances: {train: 1, validation: 1, test: 1}}"
    with pytest.raises(ScenarioError, match="parametric_car"):
        load_scenario(TINY, [f"targets=[{target % 'parametric_motorbike'}]"])
    twice = ", ".join([target % "parametric_car"] * 2)
    with pytest.raises(ScenarioError, match="at most once"):
        load_scenario(TINY, [f"targets=[{twice}]"])


def test_the_default_setting_is_the_published_one():
    scenario = load_scenario("dataset_10cm")
    assert (scenario.array.num_tx, scenario.array.num_rx) == (64, 64)
    assert scenario.array.carrier_frequency == 4.9e9
    assert len(scenario.frequencies) == 16
    np.testing.assert_allclose(np.diff(scenario.frequencies), 6.25e6)
    np.testing.assert_allclose(scenario.frequencies.mean(), 4.9e9)
    assert scenario.placement.range_interval == (5, 50)
    assert scenario.placement.azimuth_deg == (-60, 60)
    assert sum(scenario.num_samples.model_dump().values()) == 600


def test_the_cross_array_has_half_a_wavelength_along_y_and_z():
    array = antennas(load_scenario("dataset_10cm").array)
    half = c / 4.9e9 / 2
    for side, step in (("tx", [0, half, 0]), ("rx", [0, 0, half])):
        steps = np.diff(array[f"{side}_position"], axis=0)
        np.testing.assert_allclose(steps, np.tile(step, [63, 1]))
        np.testing.assert_allclose(array[f"{side}_position"].mean(0), 0, atol=1e-12)
        np.testing.assert_array_equal(array[f"{side}_polarization"], np.tile([0, 0, 1], [64, 1]))


def test_the_moment_gives_the_radar_equation():
    frequency, distance, cross_section = 4.9e9, 37.0, 2.5
    k = 2 * np.pi * frequency / c
    incident = k**2 * unit_gain_moment(frequency) / (4 * np.pi * epsilon_0 * distance)
    echo = incident * np.sqrt(cross_section / (4 * np.pi)) / distance
    power = (c / frequency) ** 2 * cross_section / ((4 * np.pi) ** 3 * distance**4)
    assert echo**2 == pytest.approx(power, rel=1e-12)


def test_samples_are_functions_of_seed_split_and_number():
    scenario = load_scenario("dataset_10cm")
    draw = draw_sample(scenario, "train", 7)
    assert draw == draw_sample(scenario, "train", 7)
    # more samples of a split, or other sizes of other splits, change nothing
    larger = load_scenario("dataset_10cm", ["num_samples={train: 4000, validation: 9, test: 9}"])
    assert draw == draw_sample(larger, "train", 7)
    others = [
        draw_sample(scenario, "train", 47),  # the same instance
        draw_sample(scenario, "validation", 7),
        draw_sample(load_scenario("dataset_10cm", seed=43), "train", 7),
    ]
    for other in others:
        assert all(
            getattr(other, n) != getattr(draw, n) for n in ("range", "azimuth", "material_seed")
        )
    assert others[0].instance_seed == draw.instance_seed


def test_draws_fill_the_intervals_and_are_balanced():
    scenario = load_scenario("dataset_10cm", ["placement.heading_deg=[-90, 90]"])
    draws = [draw_sample(scenario, "train", i) for i in range(480)]
    for values, low, high in (
        ([d.range for d in draws], 5, 50),
        (np.rad2deg([d.azimuth for d in draws]), -60, 60),
        (np.rad2deg([d.heading for d in draws]), -90, 90),
    ):
        part = (np.sort(values) - low) / (high - low)
        assert np.all((part >= 0) & (part <= 1))
        # Kolmogorov-Smirnov distance from the uniform distribution, 99.9 %: 1.95 / sqrt(480)
        assert np.abs(part - (np.arange(480) + 0.5) / 480).max() < 0.09
    counts = np.unique([(d.category, d.instance) for d in draws], axis=0, return_counts=True)[1]
    assert len(counts) == 40 and np.all(counts == 12)


def test_no_instance_is_in_two_splits():
    scenario = load_scenario("dataset_10cm")
    check_disjoint(scenario)
    seen = {}
    for split in SPLITS:
        for index in range(getattr(scenario.num_samples, split)):
            draw = draw_sample(scenario, split, index)
            assert seen.setdefault((draw.category, draw.instance_seed), split) == split


def test_two_instances_of_one_shape_are_refused(monkeypatch):
    monkeypatch.setattr("sionna_isac.dataset.plan.instance_seed", lambda *_: 3)
    with pytest.raises(ScenarioError, match="another seed"):
        check_disjoint(load_scenario("dataset_10cm"))


def test_chains_hold_each_sample_once_and_one_instance():
    scenario = load_scenario("dataset_10cm")
    chains = {}
    for part in sample_parts(scenario, ["train"], length=4):
        chains.setdefault(part.chain, []).append(part.arguments[1])
    assert sorted(number for chain in chains.values() for number in chain) == list(range(480))
    for chain in chains.values():
        assert 1 <= len(chain) <= 4
        assert len({draw_sample(scenario, "train", n).instance_seed for n in chain}) == 1
