"""Discovery of repeated sounds: regions -> sequences of codes -> time warping -> repeats."""

from lib.discovery.finds import Finds, discover, region_codes, sound_regions, write_finds
from lib.discovery.null import (
    density_threshold,
    false_discovery_rate,
    find_repeats,
    null_densities,
    scramble,
)
from lib.discovery.repeats import cluster, dense_repeats, events_of_regions, score_repeats
from lib.discovery.scaling import planted_sequences, scaling_curve
from lib.discovery.search import nearest, neighbours, pooled
from lib.discovery.warping import SOURCE, check_sequences, distance_matrix

__all__ = [
    "SOURCE",
    "Finds",
    "check_sequences",
    "cluster",
    "dense_repeats",
    "density_threshold",
    "discover",
    "distance_matrix",
    "events_of_regions",
    "false_discovery_rate",
    "find_repeats",
    "nearest",
    "neighbours",
    "null_densities",
    "planted_sequences",
    "pooled",
    "region_codes",
    "scaling_curve",
    "score_repeats",
    "scramble",
    "sound_regions",
    "write_finds",
]
