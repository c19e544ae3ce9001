"""Sensing by parts of a grid: masks, bounds, ambiguity and rates of the elements themselves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import c

from sionna_isac import metrics
from sionna_isac.studies import ReferenceTrial, shared_elements
from sionna_isac.study import ScenarioError, get_kind, load_scenario, run_scenario

SMALL = [
    "precision=double",
    "compile=false",
    "grid={num_subcarriers: 32, subcarrier_spacing: 480e3, num_slots: 2, cyclic_prefix_length: 0}",
    "references=[{kind: all}, {kind: pilots}, {kind: comb, step: 4}]",
    "snr_db=[-25, -13]",
    "search_velocity=[-200, 200]",
    "num_angles=10",
    "num_ranges=91",
    "num_velocities=41",
    "window=[2, 3, 3]",
    "num_samples=40",
    "batch_size=40",
]


EVERY = (
    "references=[{kind: all}, {kind: data}, {kind: pilots}, {kind: comb, step: 4}, "
    "{kind: random, share: 0.25}]"
)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    scenario = load_scenario("reference_share", SMALL)
    return scenario, run_scenario(scenario, tmp_path_factory.mktemp("share") / "run", quiet=True)


def test_elements_of_each_reference():
    scenario = load_scenario("reference_share", [*SMALL, EVERY])
    masks = {
        label: shared_elements(scenario, reference)[1:]
        for label, reference in zip(scenario.labels, scenario.references, strict=True)
    }
    everything, data = masks["all elements"]
    pilots = masks["pilots alone"][0]
    assert everything.all() and not np.any(pilots & data) and np.all(pilots | data)
    assert np.flatnonzero(pilots.any(1)).tolist() == [2, 11, 16, 25]
    np.testing.assert_array_equal(masks["data alone"][0], data)
    comb, left = masks["every 4th tone"]
    assert comb.sum() == 28 * 8 and comb[:, ::4].all() and not np.any(comb & left)
    chosen, left = masks["random, 0.25 of all"]
    assert chosen.mean() == 0.25 and not np.any(chosen & left)
    assert 0.6 < left.mean() < 0.67


def test_symbols_have_the_constellation_of_their_elements():
    scenario = load_scenario("reference_share", SMALL)
    trial = ReferenceTrial(scenario, scenario.references[2])
    first, second = (trial.symbols(40).numpy() for _ in range(2))
    *_, data = shared_elements(scenario, scenario.references[2])
    np.testing.assert_array_equal(first[:, ~data], second[:, ~data])
    np.testing.assert_allclose(np.abs(first[:, ~data]), 1)
    assert np.mean(np.abs(first[:, data]) ** 2) == pytest.approx(1, abs=0.02)
    assert np.unique(np.round(first[:, data], 6)).size == 16


def test_bound_of_the_whole_grid_is_the_closed_form(result):
    scenario, dataset = result
    row = dataset.sel(reference="every 4th tone")  # known QPSK symbols: equal powers
    energy = 4 * 28 * 8 * 10 ** (scenario.snr_db[1] / 10)
    spacing, duration = 4 * 480e3, 1 / 480e3
    distance = c / (4 * np.pi * spacing) * np.sqrt(6 / energy / (8**2 - 1))
    wave = c / 60e9
    speed = wave / (4 * np.pi * duration) * np.sqrt(6 / energy / (28**2 - 1))
    np.testing.assert_allclose(row.range_bound[1], distance, rtol=1e-6)
    np.testing.assert_allclose(row.velocity_bound[1], speed, rtol=1e-6)


@pytest.mark.parametrize("name", ["range", "velocity"])
def test_errors_come_close_to_the_bound_without_ambiguity(result, name):
    _, dataset = result
    last = dataset.isel(snr_db=-1).sel(reference="all elements")
    ratio = float(last[f"{name}_rmse"] / last[f"{name}_bound"])
    assert 0.7 < ratio < 1.5
    assert float(last["wrong_cell"]) == 0
    first = dataset.isel(snr_db=0)
    assert float(first.wrong_cell.sel(reference="pilots alone")) > 0.2


def test_ambiguities_are_those_of_the_patterns(result):
    _, dataset = result
    comb, pilots = (dataset.sel(reference=n) for n in ("every 4th tone", "pilots alone"))
    assert float(comb.range_sidelobe) == pytest.approx(0, abs=0.05)
    assert float(comb.range_sidelobe_place) == pytest.approx(c / (2 * 4 * 480e3), abs=0.5)
    # pilots 9 and 5 symbols apart: nearly in phase after three turns of 14 symbols
    turns = np.linspace(2.5, 3.5, 2001)[:, np.newaxis] / 14 * np.array([2, 11, 16, 25])
    level = np.abs(np.exp(2j * np.pi * turns).mean(-1)).max()
    assert float(pilots.velocity_sidelobe) == pytest.approx(20 * np.log10(level), abs=0.02)
    wave, duration = c / 60e9, 1 / 480e3
    assert float(pilots.velocity_sidelobe_place) == pytest.approx(
        3 * wave / 28 / duration, rel=0.03
    )
    assert float(dataset.sel(reference="all elements").range_sidelobe) == pytest.approx(
        -13.2, abs=0.2
    )


def test_only_reserved_elements_cost_rate(result):
    scenario, dataset = result
    full = metrics.ergodic_rate(0, 1, scenario.link_snr_db)
    rate = dataset.rate / full
    for label in ("all elements", "pilots alone"):
        assert float(rate.sel(reference=label)) == pytest.approx(12 / 14)
    assert float(rate.sel(reference="every 4th tone")) == pytest.approx(12 / 14 * 3 / 4)


def test_report_has_a_line_for_each_reference(result):
    scenario, dataset = result
    lines = list(get_kind("reference_share").report(scenario, dataset))
    assert len(lines) == 2 + len(scenario.labels)
    assert all(label in text for label, text in zip(scenario.labels, lines[2:], strict=True))


@pytest.mark.parametrize("name", ["reciprocal", "wiener"])
def test_other_filters(name):
    scenario = load_scenario("reference_share", [*SMALL, f"filter={name}"])
    found = ReferenceTrial(scenario, scenario.references[0])(20, np.float64(10.0))
    error = found["range"].numpy() - found["true_range"].numpy()
    assert np.sqrt(np.mean(error**2)) < 1


WRONG = [
    ("references=[]", "references"),
    ("references=[{kind: all}, {kind: all}]", "distinct labels"),
    ("references=[{kind: comb, step: 100}]", "references.0.step must leave two tones of 32"),
    ("references=[{kind: comb, step: 1}]", "step"),
    (
        "references=[{kind: pilots, symbols: [3, 20]}]",
        "references.0.symbols must lie within [0, 13]",
    ),
    ("references=[{kind: random, share: 1}]", "share"),
    ("grid.pilot_symbols=[14]", "pilot_symbols must lie within [0, 13]"),
    ("grid.pilot_symbols=[5, 2]", "increasing"),
    ("grid.cyclic_prefix_length=40", "cyclic_prefix_length must be at most num_subcarriers = 32"),
    ("search_velocity=[-20, 40]", "search_velocity must contain velocity_interval"),
    ("search_velocity=[-4000, 40]", "-599.585 <= low"),
    ("search_range=[40, 190]", "search_range must contain range_interval"),
    ("window=[2, 91, 3]", "window must be smaller"),
    ("batch_size=30", "batch_size must be a divisor of num_samples = 40"),
    ("snr_db=[3, 3]", "increasing"),
    ("filter=fft", "filter"),
]


@pytest.mark.parametrize(("override", "message"), WRONG, ids=[w[0] for w in WRONG])
def test_wrong_fields_are_one_line(override, message):
    with pytest.raises(ScenarioError) as error:
        load_scenario("reference_share", [*SMALL, override])
    assert message in str(error.value) and "\n" not in str(error.value)
