"""Scores with intervals, splits by group, matching of events, and the table of every number."""

from lib.evaluation.clusters import (
    chance_purity,
    cluster_scores,
    nearest_neighbour_purity,
    neighbour_hits,
    stability,
)
from lib.evaluation.events import event_scores, match_events
from lib.evaluation.intervals import bootstrap, interval_over_seeds
from lib.evaluation.results import (
    KEY,
    figures_folder,
    outside_band,
    record,
    results,
    results_path,
)
from lib.evaluation.splits import check_disjoint, group_folds, group_split

__all__ = [
    "KEY",
    "bootstrap",
    "chance_purity",
    "check_disjoint",
    "cluster_scores",
    "event_scores",
    "figures_folder",
    "group_folds",
    "group_split",
    "interval_over_seeds",
    "match_events",
    "nearest_neighbour_purity",
    "neighbour_hits",
    "outside_band",
    "record",
    "results",
    "results_path",
    "stability",
]
