"""What the shipped scenarios are there to show."""

import numpy as np
import pytest

from sionna_isac.studies import gap_closed
from sionna_isac.studies._isac.claims import judge
from sionna_isac.study import load_scenario, run_scenario

SMALLER = [
    "array.num_antennas=32",
    "waveform.num_subcarriers=64",
    "targets.max_targets=2",
    "receiver={num_angles: 361, num_ranges: 60}",
    "training.iterations=100",
    "compile=false",
    "evaluation.num_samples=1000",
]


@pytest.mark.parametrize(
    ("changes", "seed"),
    [
        pytest.param(SMALLER, 1, id="smaller"),
        *(pytest.param([], s, id=f"whole-{s}", marks=pytest.mark.slow) for s in (1, 2, 3)),
    ],
)
def test_quick_scenario_closes_the_gap(tmp_path, changes, seed):
    """At least 95 % of the GOSPA gap at p_fa = 1e-2, with the user's errors falling, too."""
    scenario = load_scenario("quick", changes, seed=seed)
    dataset = run_scenario(scenario, tmp_path / "run", quiet=True)
    assert gap_closed(dataset, 1e-2) >= 0.95
    unknown, learned = (dataset.sel(approach=a) for a in ("unknown", "learned"))
    assert float(learned.ser_high) < float(unknown.ser_low)
    error = dataset.element_positions - dataset.true_element_positions
    spread = error.std("antenna")
    assert float(spread.sel(approach="learned")) < 0.2 * float(spread.sel(approach="unknown"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["multi_target_letter", "multi_target_journal"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_full_scenarios_close_the_gap_for_several_draws(tmp_path, name, seed):
    dataset = run_scenario(load_scenario(name, seed=seed), tmp_path / "run", quiet=True)
    assert gap_closed(dataset, 1e-2) >= 0.85


@pytest.mark.slow
def test_coded_error_rates_order_as_the_knowledge_of_the_array(tmp_path):
    dataset = run_scenario(load_scenario("coded_ber"), tmp_path / "run", quiet=True)
    bler = dataset.bler.isel(snr_db=-1)
    unknown, learned = (float(bler.sel(approach=a)) for a in ("unknown", "learned"))
    assert learned < unknown
    assert np.all(np.diff(dataset.bler.sel(approach="learned")) <= 0)


TINY = ["num_draws=1", "evaluation.num_samples=60", "evaluation.batch_size=60"]
SHORT = {
    "multi_target_fig9": [
        "compile=false",
        "eta=[0.714286]",
        "approaches.impairments.training.iterations=3",
        "approaches.impairments.training.batch_size=4",
    ],
    "single_carrier_fig4": [
        "eta=[0.1]",
        *(f"approaches.model_driven{end}.training.iterations=3" for end in ("", "_limited")),
        *(
            f"approaches.networks{end}.{stage}.iterations=3"
            for end in ("", "_limited")
            for stage in ("detection", "angle", "angle_alone")
        ),
    ],
}


@pytest.mark.parametrize("name", SHORT)
def test_figures_run_from_training_to_verdicts(tmp_path, name):
    scenario = load_scenario(name, [*TINY, *SHORT[name]], profile="quick")
    dataset = run_scenario(scenario, tmp_path / "run", quiet=True)
    verdicts = judge(scenario, dataset)
    assert len(verdicts) == sum(len(claim.metrics) for claim in scenario.claims)
    assert all(v.met + v.refuted <= v.draws == 1 for v in verdicts)


@pytest.mark.slow
def test_learned_impairments_beat_the_baseline_in_every_draw(tmp_path):
    scenario = load_scenario("multi_target_fig8", profile="quick")
    dataset = run_scenario(scenario, tmp_path / "run", quiet=True)
    for verdict in judge(scenario, dataset):
        if not verdict.alike:
            assert verdict.holds, str(verdict)
