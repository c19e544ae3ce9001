"""Profiles of scenario files: what is merged, what is refused, where results go."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sionna_isac.study import (
    RunFolder,
    ScenarioError,
    StoreError,
    find_scenarios,
    list_profiles,
    load_scenario,
)

TINY = Path(__file__).with_name("tiny.yaml")
PROFILES = {
    "quick": {"training": {"iterations": 5}},
    "full": {
        "title": "all of it",
        "array": {"impairments": []},
        "training": {"iterations": 50, "batch_size": 16},
        "evaluation": {"p_fa": [0.2]},
    },
    "radar": {"targets": {"gain": {"kind": "radar_equation", "noise_figure_db": 3}}},
    "louder": {"targets": {"gain": {"snr_db": 31}}},
    "same_kind": {"targets": {"gain": {"kind": "rayleigh"}}},
}


def write(folder: Path, profiles=PROFILES, **more) -> Path:
    """The tiny study with profiles, under another name."""
    raw = yaml.safe_load(TINY.read_text())
    file = folder / "sized.yaml"
    file.write_text(yaml.safe_dump({**raw, **more, "profiles": profiles}, sort_keys=False))
    return file


def call(*words, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "sionna_isac.cli", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
    )


def test_all_profiles_of_the_library_are_valid():
    for name, path in find_scenarios().items():
        for profile in list_profiles(path):
            scenario = load_scenario(path, profile=profile)
            assert (scenario.name, scenario.profile) == (name, profile)


def test_profiles_that_are_not_chosen_are_validated(tmp_path):
    profiles = {"quick": {}, "full": {"evaluation": {"num_sample": 5}}}
    with pytest.raises(ScenarioError, match=r"^profile full: .*num_sample: .*num_samples"):
        load_scenario(write(tmp_path, profiles))
    with pytest.raises(ScenarioError, match=r"^scenario evaluation.num_sample: "):
        load_scenario(write(tmp_path, profiles), profile="full")


def test_without_a_choice_the_first_profile_is_taken(tmp_path):
    file = write(tmp_path)
    assert list_profiles(file) == tuple(PROFILES)
    scenario = load_scenario(file)
    assert scenario == load_scenario(file, profile="quick")
    assert (scenario.profile, scenario.training.iterations) == ("quick", 5)
    assert load_scenario(TINY).profile == "" and list_profiles(TINY) == ()


def test_mappings_merge_lists_and_scalars_are_replaced(tmp_path):
    base, full = load_scenario(TINY), load_scenario(write(tmp_path), profile="full")
    assert full.title == "all of it"
    assert (full.training.iterations, full.training.batch_size) == (50, 16)
    assert full.training.learning_rate == base.training.learning_rate == 1e-2
    assert full.array.impairments == () and full.array.num_antennas == 8
    assert full.evaluation.p_fa == (0.2,)
    assert full.evaluation.num_samples == base.evaluation.num_samples


def test_a_group_of_another_kind_is_replaced_as_a_whole(tmp_path):
    file = write(tmp_path)
    radar = load_scenario(file, profile="radar").targets
    assert radar.gain.model_dump() == {
        "kind": "radar_equation",
        "mean_rcs": 1.0,
        "noise_figure_db": 3.0,
    }
    assert radar.max_targets == 2
    assert load_scenario(file, profile="louder").targets.gain.snr_db == 31
    assert load_scenario(file, profile="same_kind").targets.gain.snr_db == 20


def test_overrides_and_seed_come_after_the_profile(tmp_path):
    scenario = load_scenario(write(tmp_path), ["training.iterations=7"], 9, "full")
    assert (scenario.training.iterations, scenario.seed, scenario.profile) == (7, 9, "full")
    assert scenario.training.batch_size == 16


BAD = [
    ([], "at least one"),
    ({}, "at least one"),
    ("quick", "'quick'"),
    ({"Quick!": {}}, "'Quick!'"),
    ({1: {}}, "names of lower-case letters"),
    ({"quick": None}, "profiles.quick"),
    ({"quick": [1]}, "profiles.quick"),
    ({"quick": {"kind": "coded_ber"}}, "profiles.quick.kind"),
    ({"quick": {}, "full": {"name": "other"}}, "profiles.full.name"),
    ({"quick": {"profiles": {}}}, "profiles.quick.profiles"),
    ({"quick": {"training": {"iteration": 3}}}, "training.iteration: unknown key"),
    ({"quick": {"training": 3}}, "training"),
]


@pytest.mark.parametrize(("profiles", "named"), BAD, ids=[str(b[0])[:40] for b in BAD])
def test_bad_profiles_are_one_line(tmp_path, profiles, named):
    with pytest.raises(ScenarioError) as error:
        load_scenario(write(tmp_path, profiles))
    assert named in str(error.value) and "\n" not in str(error.value)


def test_a_choice_that_cannot_be_made_is_one_line(tmp_path):
    file = write(tmp_path)
    with pytest.raises(ScenarioError, match=r"sized\.yaml: .*quick, full, .*got 'tiny'"):
        load_scenario(file, profile="tiny")
    with pytest.raises(ScenarioError, match=r"tiny\.yaml: .*has none; got 'full'"):
        load_scenario(TINY, profile="full")
    with pytest.raises(ScenarioError, match="--profile"):
        load_scenario(write(tmp_path, profile="full"))
    for override in ("profile=full", "profiles.quick.seed=3"):
        with pytest.raises(ScenarioError, match="--profile"):
            load_scenario(file, [override])


def test_the_stored_configuration_knows_its_profile(tmp_path):
    file = write(tmp_path)
    full = load_scenario(file, profile="full")
    folder = RunFolder(tmp_path / "run", full)
    stored = yaml.safe_load((folder.path / "scenario.yaml").read_text())
    assert stored["profile"] == "full" and "profiles" not in stored
    assert load_scenario(folder.path / "scenario.yaml").model_dump() == {
        **full.model_dump(),
        "name": "sized",
    }
    with pytest.raises(StoreError, match="another configuration"):
        RunFolder(tmp_path / "run", load_scenario(file, profile="quick"))


def test_a_run_from_before_profiles_goes_on(tmp_path):
    scenario = load_scenario(TINY)
    config = RunFolder(tmp_path / "run", scenario).path / "scenario.yaml"
    stored = yaml.safe_load(config.read_text())
    del stored["profile"]
    config.write_text(yaml.safe_dump(stored))
    RunFolder(tmp_path / "run", scenario)


def test_command_line_chooses_a_profile(tmp_path):
    evaluation = {"num_samples": 20, "methods": ["known"]}
    small = {"compile": False, "training": {"iterations": 0}, "evaluation": evaluation}
    file = write(tmp_path, {"none": small, "more": small})
    shown = call("show", file, "--profile", "more")
    assert shown.returncode == 0 and "profile: more" in shown.stdout
    done = call("run", file, "--profile", "more", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "sized_more" / "figure.png").exists()
    for command in (["run"], ["show"], ["dataset", "generate"]):
        wrong = call(*command, file, "--profile", "less")
        assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1
        assert "none, more" in wrong.stderr


def test_folder_names():
    assert load_scenario("quick").folder_name == "quick"
    scenario = load_scenario("quick").model_copy(update={"profile": "full"})
    assert scenario.folder_name == "quick_full"
