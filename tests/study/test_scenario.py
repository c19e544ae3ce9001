"""Scenarios: the shipped ones are valid, wrong ones give one clear line."""

import math

import pytest
import yaml

from sionna_isac.study import ScenarioError, find_scenarios, load_scenario

SHIPPED = ("quick", "multi_target_letter", "multi_target_journal", "coded_ber")
SHIPPED += ("localization_ofdm", "localization_near_field")


def test_all_shipped_scenarios_are_valid_and_named():
    found = find_scenarios()
    assert set(SHIPPED) <= set(found)
    for name, path in found.items():
        assert load_scenario(path).name == name


def test_overrides_and_seed_reach_the_scenario():
    scenario = load_scenario("quick", ["training.iterations=7", "array.num_antennas=16"], seed=9)
    assert (scenario.training.iterations, scenario.array.num_antennas, scenario.seed) == (7, 16, 9)


def test_scenarios_are_frozen():
    scenario = load_scenario("quick")
    with pytest.raises(ValueError, match="frozen"):
        scenario.seed = 2


def test_noise_of_the_journal_setting_is_the_stated_one():
    # k_B T B with 8 dB noise figure over 256 subcarriers of 240 kHz
    assert load_scenario("multi_target_journal").noise_power == pytest.approx(1.55e-12, rel=2e-3)


def test_noise_of_the_letter_setting_follows_from_the_integrated_snr():
    assert load_scenario("multi_target_letter").noise_power == pytest.approx(64 / 10**1.5)


BAD = [
    ("training.iteration=5", "training.iteration", "unknown key"),
    ("training.iterations=-5", "training.iterations", "-5"),
    ("training.learning_rate=0", "training.learning_rate", "0"),
    ("training.objective=mse", "training.objective", "mse"),
    ("training.learning_rate=.nan", "training.learning_rate", "nan"),
    ("array.num_antennas=1", "array.num_antennas", "1"),
    ("array.num_antennas=many", "array.num_antennas", "many"),
    ("array.carrier_frequency=-60e9", "array.carrier_frequency", "-6"),
    ("array.impairments=[{kind: rust, std: 1}]", "array.impairments", "rust"),
    ("array.impairments=[{kind: spacing, std: -1}]", "std", "-1"),
    ("array.learn=[coupling]", "coupling", "impairment"),
    ("waveform.eta=1.5", "waveform.eta", "1.5"),
    ("waveform.subcarrier_spacing=0", "waveform.subcarrier_spacing", "0"),
    ("targets.range_interval=[50, 10]", "targets.range_interval", "(50.0, 10.0)"),
    ("targets.range_interval=[0, 10]", "targets.range_interval", "(0.0, 10.0)"),
    ("targets.sector_centre_deg=[-85, 85]", "sector_centre_deg", "90"),
    ("targets.test_sector_deg=[-100, 0]", "targets.test_sector_deg", "-100"),
    ("targets.gain={kind: rayleigh}", "snr_db", "missing"),
    ("link.channel={kind: geometric}", "link.channel.kind", "radar_equation"),
    ("evaluation.p_fa=[0.1, 0.01]", "evaluation.p_fa", "increasing"),
    ("evaluation.p_fa=[]", "evaluation.p_fa", "[]"),
    ("evaluation.operating_p_fa=1", "evaluation.operating_p_fa", "1"),
    ("evaluation.methods=[known, known]", "evaluation.methods", "distinct"),
    ("evaluation.methods=[oracle]", "evaluation.methods", "oracle"),
    ("array.impairments=[{kind: gain, std_db: 1}, {kind: gain, std_db: 2}]", "array", "each kind"),
    ("array.impairments=[{kind: coupling, strength_db: -9, num_neighbours: 64}]", "array", "64"),
    ("receiver.window=[800, 2]", "receiver.window", "800"),
    ("targets.sector_span_deg=[0, 5]", "sector_span_deg", "cell"),
    ("targets={max_targets: 12, gain: {kind: rayleigh}}", "targets.gain.snr_db", "missing"),
    ("training={objective: max, cutoff: 10}", "training: cutoff", "no effect"),
    ("training={iterations: 0, eta: 0.5}", "training: eta", "no effect with iterations 0"),
    ("array.learn=[]", "array.learn", "[]"),
    ("seed=-1", "seed", "-1"),
    ("kind=sonar", "kind", "sonar"),
    ("precision=half", "precision", "half"),
    ("title", "--set", "key=value"),
    ("title.text=3", "title", "not a group"),
    ("title=[", "--set title", "YAML"),
]


@pytest.mark.parametrize(("override", "where", "value"), BAD, ids=[b[0] for b in BAD])
def test_a_wrong_value_is_one_line_that_names_it(override, where, value):
    with pytest.raises(ScenarioError) as error:
        load_scenario("quick", [override])
    text = str(error.value)
    assert "\n" not in text
    assert where in text and value in text, text


BAD_CODED = [
    ("coding.pilot_symbols=[20]", "pilot_symbols", "[20]"),
    ("coding.num_sensing_tones=64", "num_sensing_tones", "code block"),
    ("coding.fft_size=4096", "fft_size", "8448"),
    ("coding.coderate=2", "coding.coderate", "2"),
    ("coding.snr_db=[3, 3]", "coding.snr_db", "increasing"),
    ("methods=[]", "methods", "[]"),
    ("waveform.eta=1", "waveform.eta", "1"),
    ("training.eta=0", "training.eta", "0"),
    ("link.channel.snr_db=3.5", "link.channel.snr_db", "no effect"),
]


@pytest.mark.parametrize(
    ("name", "methods"), [("quick", "evaluation.methods"), ("coded_ber", "methods")]
)
def test_a_share_of_the_beam_in_a_training_needs_a_training(name, methods):
    load_scenario(name, ["training.eta=0.5"])
    with pytest.raises(ScenarioError, match=r"training\.eta has no effect .* got 0\.5"):
        load_scenario(name, ["training.eta=0.5", f"{methods}=[unknown, known]"])


@pytest.mark.parametrize(("override", "where", "value"), BAD_CODED, ids=[b[0] for b in BAD_CODED])
def test_a_wrong_value_of_a_coded_study_is_named(override, where, value):
    with pytest.raises(ScenarioError) as error:
        load_scenario("coded_ber", [override])
    assert "\n" not in str(error.value) and where in str(error.value) and value in str(error.value)


def test_gospa_of_many_targets_cannot_be_compiled():
    many = ["training.objective=gospa", "targets.max_targets=12"]
    with pytest.raises(ScenarioError, match="compile: false"):
        load_scenario("quick", many)
    assert not load_scenario("quick", [*many, "compile=false"]).compile


@pytest.mark.parametrize("text", ["[1, 2", "- a list", "just text", ""])
def test_a_file_that_is_no_scenario_is_named(tmp_path, text):
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=r"broken\.yaml"):
        load_scenario(file)


def test_an_unknown_scenario_lists_the_known_ones():
    with pytest.raises(ScenarioError, match="quick"):
        load_scenario("no_such_scenario")


def test_what_show_prints_is_a_scenario_again(tmp_path):
    scenario = load_scenario("multi_target_journal")
    file = tmp_path / "again.yaml"
    file.write_text(yaml.safe_dump(scenario.model_dump(mode="json")))
    assert load_scenario(file) == scenario
    assert math.isclose(scenario.array.wavelength, 299792458 / 60e9)
