"""Coded bit and block error rates of the user over the SNR."""

from __future__ import annotations

from sionna_isac.studies import multi_target
from sionna_isac.studies._isac.array_scenario import CodedBERScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=CodedBERScenario,
    run=deferred("sionna_isac.studies.multi_target.study:coded_study"),
    draw=deferred("sionna_isac.studies.coded_ber.figure:coded_ber"),
    example=multi_target.KIND.example,
)
