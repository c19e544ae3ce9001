"""Sensing by all elements of a resource grid or by a part of them, and its cost."""

from __future__ import annotations

from sionna_isac.studies.reference_share.scenario import ReferenceShareScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=ReferenceShareScenario,
    study=deferred("sionna_isac.studies.reference_share.study:ReferenceShareStudy"),
    report=deferred("sionna_isac.studies.reference_share.study:share_report"),
    draw=deferred("sionna_isac.studies.reference_share.figure:reference_share"),
    example={
        "snr_db": [-30.0, -20.0, -10.0],
        "references": [{"kind": "all"}, {"kind": "pilots"}, {"kind": "comb", "step": 8}],
    },
)
