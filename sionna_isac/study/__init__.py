"""Studies: scenarios, training, Monte-Carlo sweeps, stored results."""

from sionna_isac.study.coded_link import BeamformedLink, CodedLink
from sionna_isac.study.run import gap_closed, run_scenario
from sionna_isac.study.scenario import (
    CodedBERScenario,
    MultiTargetScenario,
    ScenarioError,
    find_scenarios,
    load_scenario,
    parse_scenario,
)
from sionna_isac.study.store import RunFolder, StoreError, read_result
from sionna_isac.study.system import IsacSystem, assumed_array, make_link, true_array
from sionna_isac.study.train import TrainingError, train_array

__all__ = [
    "BeamformedLink",
    "CodedBERScenario",
    "CodedLink",
    "IsacSystem",
    "MultiTargetScenario",
    "RunFolder",
    "ScenarioError",
    "StoreError",
    "TrainingError",
    "assumed_array",
    "find_scenarios",
    "gap_closed",
    "load_scenario",
    "make_link",
    "parse_scenario",
    "read_result",
    "run_scenario",
    "train_array",
    "true_array",
]
