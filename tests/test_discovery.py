"""Discovery: warping against a naive loop, repeats against planted truth, files against crashes."""

import time

import numpy as np
import pandas as pd
import pytest
import soundfile
from dtaidistance import dtw_ndim

from lib import discovery

RATE = 48_000


def planted(n=60, **settings):
    return discovery.planted_sequences(n, **{"n_types": 5, "frames": (6, 16), **settings})


def naive_warping(a, b, penalty=0.0, band=None):
    """The source's recurrence, one cell at a time."""
    n, m = len(a), len(b)
    width = max(n, m) if band is None else max(int(band * (n + m)), abs(n - m))
    costs = np.full((n + 1, m + 1), np.inf)
    costs[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(max(1, i - width), min(m, i + width) + 1):
            gap = min(costs[i - 1, j], costs[i, j - 1]) + penalty
            costs[i, j] = np.linalg.norm(a[i - 1] - b[j - 1]) + min(costs[i - 1, j - 1], gap)
    return costs[n, m] / (n + m)


def naive_matrix(sequences, **settings):
    distances = np.zeros((len(sequences),) * 2)
    for i, a in enumerate(sequences):
        for j in range(i):
            distances[i, j] = distances[j, i] = naive_warping(a, sequences[j], **settings)
    return distances


# --- warping -----------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"penalty": 2.5}, {"band": 0.1}, discovery.SOURCE])
def test_warping_equals_the_naive_loop(settings):
    sequences, _ = planted(12, dimension=7, frames=(1, 20))
    expected = naive_matrix(sequences, **settings)
    found = discovery.distance_matrix(sequences, **settings)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_band_and_penalty_matter():
    sequences, _ = planted(12)
    free = discovery.distance_matrix(sequences)
    assert (discovery.distance_matrix(sequences, penalty=1.0) - free).max() > 0.01
    assert (discovery.distance_matrix(sequences, band=0.0) - free).max() > 0.01


@pytest.mark.parametrize("root", [False, True])
@pytest.mark.parametrize("normalise", [False, True])
def test_convention_is_that_of_dtaidistance(root, normalise):
    sequences, _ = planted(10)
    settings = {"root": root, "normalise": normalise}
    ours = discovery.distance_matrix(sequences, **settings)
    library = discovery.distance_matrix(sequences, engine="dtaidistance", **settings)
    np.testing.assert_allclose(ours, library, rtol=1e-9)


def test_root_convention_has_the_penalty_of_dtaidistance():
    sequences, _ = planted(10)
    ours = discovery.distance_matrix(sequences, penalty=9.0, root=True, normalise=False)
    for i in range(1, 10):
        alone = dtw_ndim.distance_fast(sequences[0], sequences[i], penalty=9.0)
        assert ours[0, i] == pytest.approx(alone)


def test_librosa_sums_the_same_costs():
    import librosa

    a, b = planted(2)[0]
    total = librosa.sequence.dtw(a.T, b.T, backtrack=False)[-1, -1]
    ours = discovery.distance_matrix([a, b], normalise=False)[0, 1]
    assert ours == pytest.approx(total, rel=1e-6)


def test_warping_is_fifty_times_faster_than_the_loop():
    sequences, _ = planted(500, frames=(5, 20))
    few = sequences[:16]
    discovery.distance_matrix(few)
    loop = seconds(lambda: naive_matrix(few)) / (16 * 15)
    fast = min(seconds(lambda: discovery.distance_matrix(sequences)) for _ in range(3))
    ratio = loop * 500 * 499 / fast
    print(f"warping 500 sequences: {ratio:.0f} times faster than the loop")
    assert ratio > 50


def seconds(function):
    """Processor time, which other work on the machine changes least."""
    start = time.process_time()
    function()
    return time.process_time() - start


def test_distances_are_symmetric_and_far_from_the_origin_exact():
    sequences, _ = planted(8)
    moved = discovery.distance_matrix([s + 1e4 for s in sequences])
    np.testing.assert_allclose(moved, moved.T)
    np.testing.assert_allclose(moved, discovery.distance_matrix(sequences), atol=1e-5)
    twins = discovery.distance_matrix([sequences[0], sequences[0]])
    assert twins[0, 1] < 1e-5


def test_short_input():
    one = [np.ones((1, 4))]
    assert discovery.distance_matrix(one).tolist() == [[0.0]]
    ones = discovery.distance_matrix([np.zeros((1, 4)), np.ones((1, 4)), np.ones((3, 4))])
    assert ones[0, 1] == pytest.approx(1.0) and ones[0, 2] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("sequences", "words"),
    [
        ([], "No sequence"),
        ([np.ones((3, 4)), np.empty((0, 4))], "Sequence 1 has shape"),
        ([np.ones(4)], "Sequence 0 has shape"),
        ([np.ones((3, 4)), np.ones((3, 5))], "same encoder"),
        ([np.ones((3, 4)), np.full((3, 4), np.nan)], "Sequence 1 holds NaN"),
    ],
)
def test_bad_sequences_are_named(sequences, words):
    with pytest.raises(ValueError, match=words):
        discovery.distance_matrix(sequences)


def test_bad_settings_are_named():
    sequences, _ = planted(3)
    with pytest.raises(ValueError, match="engine"):
        discovery.distance_matrix(sequences, engine="magic")
    with pytest.raises(ValueError, match="need engine"):
        discovery.distance_matrix(sequences, engine="dtaidistance", band=0.2)
    with pytest.raises(ValueError, match="neighbours wanted"):
        discovery.neighbours(sequences, k=3)


# --- neighbours --------------------------------------------------------------------------------


def test_nearest_never_finds_itself_among_twins():
    indices, distances = discovery.nearest(np.zeros((4, 4)), k=3)
    assert all(i not in row for i, row in enumerate(indices))
    assert distances.shape == (4, 3)


def test_approximate_neighbours_recall():
    """The only test of the index itself: pynndescent compiles for most of a minute."""
    sequences, _ = planted(600, n_types=12)
    exact = discovery.neighbours(sequences)
    indices, distances = discovery.neighbours(sequences, exact_below=0)
    assert all(i not in row and len(set(row)) == 3 for i, row in enumerate(indices))
    recall = np.mean([np.isin(a, b).mean() for a, b in zip(exact[0], indices, strict=True)])
    assert recall >= 0.95
    same = indices == exact[0]
    np.testing.assert_allclose(distances[same], exact[1][same])


@pytest.fixture
def exact_index(monkeypatch):
    """Proposals by brute force, in place of the index."""

    def propose(vectors, n_candidates, seed):
        apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
        return np.argsort(apart, axis=1, kind="stable")[:, : 1 + n_candidates]

    monkeypatch.setattr("lib.discovery.search._propose", propose)


@pytest.mark.parametrize("candidates", [1, 5, 100])
def test_neighbours_of_neighbours(exact_index, candidates):
    sequences, _ = planted(60)
    exact = discovery.neighbours(sequences)
    indices, distances = discovery.neighbours(sequences, candidates=candidates, exact_below=0)
    assert indices.shape == distances.shape == (60, 3)
    assert (np.diff(distances, axis=1) >= 0).all() and (distances >= exact[1] - 1e-9).all()
    if candidates == 100:
        np.testing.assert_array_equal(indices, exact[0])


def test_pooled_vectors_have_one_length_and_keep_types_together():
    sequences, types = planted(80, repeated=1.0)
    vectors = discovery.pooled([*sequences, np.ones((1, 128))])
    assert vectors.shape[0] == 81 and vectors.dtype == np.float32
    apart = np.linalg.norm(vectors[:80, None] - vectors[None, :80], axis=-1)
    same = types[:, None] == types[None, :]
    assert np.median(apart[same]) < 0.7 * np.median(apart[~same])


def test_scaling_curve_is_measured(exact_index):
    curve = discovery.scaling_curve([50, 100], sample=20, frames=(4, 8))
    assert curve["n"].tolist() == [50, 100]
    assert curve["recall"].min() > 0.9 and curve["seconds"].min() > 0


# --- clusters and repeats ----------------------------------------------------------------------


@pytest.mark.parametrize("method", ["average", "hdbscan"])
def test_clusters_follow_the_types(method):
    from sklearn.metrics import v_measure_score

    sequences, types = planted(100, repeated=1.0)
    labels = discovery.cluster(discovery.distance_matrix(sequences), method)
    assert v_measure_score(types, labels) > 0.95


def test_bad_distances_are_named():
    with pytest.raises(ValueError, match=r"\(n, n\)"):
        discovery.cluster(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="1 regions make no clusters"):
        discovery.cluster(np.zeros((1, 1)))
    with pytest.raises(ValueError, match="NaN"):
        discovery.dense_repeats(np.full((5, 5), np.nan))
    with pytest.raises(ValueError, match="hdbscan"):
        discovery.cluster(np.zeros((3, 3)), "magic")
    with pytest.raises(ValueError, match="drop"):
        discovery.dense_repeats(np.zeros((3, 3)), drop=1.0)


def points(*values):
    values = np.asarray(values, float)
    return np.abs(values[:, None] - values[None, :])


def test_dense_repeats_by_hand():
    distances = points(0, 1, 2.1, 3.3, 100, 101.5, 103.1, 104.8, 500)
    repeats = discovery.dense_repeats(distances, k=3, drop=0.0)
    members = repeats.groupby("cluster")["region"].apply(set).tolist()
    assert members == [{0, 1, 2, 3}, {4, 5, 6, 7}]
    assert repeats.loc[repeats["seed"], "density"].tolist() == pytest.approx([1 / 2.1, 1 / 3.1])
    assert repeats["seed"].sum() == 2 and repeats["seed"].iloc[0]


def test_dense_repeats_equals_the_plain_rule():
    rng = np.random.default_rng(3)
    distances = points(*rng.random(80))
    order = np.argsort(distances + np.diag(np.full(80, np.inf)), axis=1)[:, :3]
    density = np.array([1 / distances[i, order[i, 2]] for i in range(80)])
    kept = density >= np.sort(density)[int(0.1 * 80)]
    expected = {
        (i, j)
        for i in range(80)
        if kept[i] and all(density[i] > density[j] for j in order[i])
        for j in [i, *order[i]]
        if kept[j]
    }
    repeats = discovery.dense_repeats(distances, drop=0.1)
    seed_of = repeats[repeats["seed"]].set_index("cluster")["region"]
    found = set(zip(repeats["cluster"].map(seed_of), repeats["region"], strict=True))
    assert found == expected and len(found) == len(repeats)


def test_grown_clusters_are_disjoint_and_hold_the_seeds():
    rng = np.random.default_rng(4)
    distances = points(*rng.random(80))
    plain = discovery.dense_repeats(distances)
    grown = discovery.dense_repeats(distances, grow=True)
    assert not grown["region"].duplicated().any()
    assert set(grown["region"][grown["seed"]]) == set(plain["region"][plain["seed"]])
    assert len(grown) > plain["region"].nunique()


def test_mask_keeps_pairs_apart():
    distances = points(0, 1, 2.1, 3.3, 4.6)
    mask = np.zeros((5, 5), bool)
    mask[:2, :2] = True
    assert len(discovery.dense_repeats(distances, mask=mask, drop=0)) > 0
    mask[:] = True
    assert discovery.dense_repeats(distances, mask=mask, drop=0).empty


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_regions_give_no_repeats(n):
    repeats = discovery.dense_repeats(np.zeros((n, n)))
    assert repeats.empty and list(repeats) == ["region", "cluster", "density", "seed"]
    found, summary = discovery.find_repeats([np.ones((2, 4))] * n)
    assert found.empty and summary["clusters"] == 0 and np.isnan(summary["rate"])


# --- null model --------------------------------------------------------------------------------


def test_scramble_keeps_lengths_and_codes():
    sequences, _ = planted(20)
    scrambled = discovery.scramble(sequences, np.random.default_rng(0))
    assert [len(s) for s in scrambled] == [len(s) for s in sequences]
    before, after = np.concatenate(sequences), np.concatenate(scrambled)
    assert not np.array_equal(before, after)
    np.testing.assert_allclose(np.sort(before[:, 0]), np.sort(after[:, 0]))


def test_planted_repeats_are_found():
    sequences, types = planted(150, repeated=0.6, noise=0.5)
    repeats, summary = discovery.find_repeats(sequences, n_null=5)
    precise, recalled = discovery.score_repeats(repeats, np.arange(150), types)
    assert precise.mean() >= 0.95
    assert np.nanmean(recalled) >= 0.9
    assert summary["clusters"] >= 5 and summary["rate"] <= 0.05 < summary["high"] + 0.05


def test_null_model_finds_nothing_where_nothing_repeats():
    sequences, _ = planted(300, repeated=0.0)
    repeats, _ = discovery.find_repeats(sequences, n_null=5)
    assert repeats["cluster"].nunique() <= 1
    without = discovery.dense_repeats(discovery.neighbours(sequences))
    assert without["cluster"].nunique() > 5, "the source's rule has no null model"


def test_false_discovery_rate_by_hand():
    found, null = np.array([1.0, 2, 3, 4]), [np.array([1.5]), np.array([2.5, 0.5])]
    assert discovery.false_discovery_rate(found, null, 2.0)[0] == pytest.approx(0.5 / 3)
    assert discovery.density_threshold(found, null, 0.05) == 3.0
    value, low, high = discovery.false_discovery_rate(found, null, 3.0)
    assert value == low == 0 and high == pytest.approx(3.689 / 2 / 2, rel=1e-3)
    assert np.isinf(discovery.density_threshold(found, [np.array([9.0])], 0.05))


# --- scores ------------------------------------------------------------------------------------


def test_scores_by_hand():
    types = np.array([0, 0, 0, 1, 1, 2, -1])
    repeats = pd.DataFrame({"region": [0, 1, 3, 6, 4, 5], "cluster": [0, 0, 0, 0, 1, 1]})
    precise, recalled = discovery.score_repeats(repeats, np.arange(7), types)
    assert precise.tolist() == [True, True, False, False, False, False]
    np.testing.assert_array_equal(recalled, [1, 1, 0, 0, 0, np.nan, np.nan])


def test_regions_meet_events_of_their_own_recording():
    events = pd.DataFrame({"item": [0, 0, 1], "start": [1.0, 3, 1], "stop": [2.0, 4, 2]})
    regions = pd.DataFrame({"item": [0, 1, 1, 0], "start": [0.9, 1.2, 3, 2.9], "stop": 0.0})
    regions["stop"] = regions["start"] + [1.0, 0.5, 1.0, 0.2]
    assert discovery.events_of_regions(regions, events).tolist() == [0, 2, -1, 1]
    assert discovery.events_of_regions(regions, events[:0]).tolist() == [-1] * 4


# --- regions -----------------------------------------------------------------------------------


def test_regions_merge_drop_and_hysteresis():
    times = 0.05 + 0.1 * np.arange(20)
    probability = np.zeros(20)
    probability[[3, 4, 5, 10]] = 0.9
    probability[[2, 6]] = 0.4
    found = discovery.sound_regions(times, probability)
    np.testing.assert_allclose(found, [[0.3, 0.6], [1.0, 1.1]])
    np.testing.assert_allclose(
        discovery.sound_regions(times, probability, low=0.3), [[0.2, 0.7], [1.0, 1.1]]
    )
    np.testing.assert_allclose(
        discovery.sound_regions(times, probability, shortest=0.2), [[0.3, 0.6]]
    )
    np.testing.assert_allclose(discovery.sound_regions(times, probability, gap=0.45), [[0.3, 1.1]])
    np.testing.assert_allclose(
        discovery.sound_regions(times, probability, trim=0.06), [[0.36, 0.54]]
    )
    assert discovery.sound_regions(times, np.zeros(20)).shape == (0, 2)
    assert discovery.sound_regions([], []).shape == (0, 2)


def test_bad_probabilities_are_named():
    with pytest.raises(ValueError, match=r"\(n,\)"):
        discovery.sound_regions(np.arange(3), np.zeros(4))
    with pytest.raises(ValueError, match="NaN"):
        discovery.sound_regions(np.arange(3), [0, np.nan, 1])
    with pytest.raises(ValueError, match="one each"):
        discovery.region_codes(np.arange(3), np.zeros((4, 2)), [(0, 1)])


def test_region_codes_never_empty():
    codes = np.arange(5)[:, None]
    parts = discovery.region_codes(np.arange(5.0), codes, [(0.9, 2.1), (3.2, 3.4)])
    assert [part.ravel().tolist() for part in parts] == [[1, 2], [3]]


# --- the whole chain ---------------------------------------------------------------------------


class Sea:
    """Recordings of tones that repeat, a detector of loudness, and codes that are spectra."""

    def __init__(self, names=("a.wav", "b.wav", "c.wav")):
        self.names, self.reads = list(names), []

    def read(self, name):
        self.reads.append(name)
        rng = np.random.default_rng(len(name) + ord(name[0]))
        signal = 0.001 * rng.normal(size=6 * RATE).astype(np.float32)
        time = np.arange(int(0.5 * RATE)) / RATE
        for place, pitch in enumerate([3000, 6000, 9000, 3000, 6000]):
            pace = 1 + 0.05 * rng.random()
            tone = np.sin(2 * np.pi * (pitch * time + 1500 * pace * time**2))
            start = int((0.3 + 1.1 * place) * RATE)
            signal[start : start + len(time)] += 0.3 * tone.astype(np.float32)
        return signal

    def detector(self, signal):
        frames = signal[: len(signal) // 960 * 960].reshape(-1, 960)
        return 0.01 + 0.02 * np.arange(len(frames)), np.minimum(1, 10 * frames.std(axis=1))

    def embed(self, signal):
        frames = signal[: len(signal) // 960 * 960].reshape(-1, 960)
        return 0.01 + 0.02 * np.arange(len(frames)), np.abs(np.fft.rfft(frames))[:, 40:360:4]

    def discover(self, **settings):
        settings = {"n_null": 3, "rate": 0.2, **settings}
        return discovery.discover(self.names, self.read, self.detector, self.embed, **settings)


def test_chain_finds_the_tones():
    finds = Sea().discover()
    assert len(finds.regions) == 15
    assert finds.regions["start"][:2].tolist() == pytest.approx([0.3, 1.4], abs=0.03)
    tone = np.tile([0, 1, 2, 0, 1], 3)
    precise, _ = discovery.score_repeats(finds.repeats, np.arange(15), tone)
    assert len(precise) >= 4 and precise.mean() == 1
    assert list(finds.table) == ["file", "start", "stop", "cluster", "density"]


def test_chain_of_silence_is_empty():
    sea = Sea()
    sea.detector = lambda signal: (np.arange(5.0), np.zeros(5))
    finds = sea.discover()
    assert finds.table.empty and finds.regions.empty and finds.summary["clusters"] == 0


def test_interrupted_chain_goes_on_where_it_was(tmp_path):
    sea = Sea()
    whole = sea.discover()

    class Interrupted(Sea):
        def read(self, name):
            if name == "c.wav":
                raise KeyboardInterrupt
            return super().read(name)

    with pytest.raises(KeyboardInterrupt):
        Interrupted().discover(cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    again = Sea()
    resumed = again.discover(cache=tmp_path)
    assert again.reads == ["c.wav"]
    pd.testing.assert_frame_equal(resumed.table, whole.table)


def test_cache_is_not_taken_for_another_version_or_when_damaged(tmp_path):
    Sea().discover(cache=tmp_path, version="v1")
    second = Sea()
    second.discover(cache=tmp_path, version="v2")
    assert len(second.reads) == 3
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:50])
    third = Sea()
    third.discover(cache=tmp_path, version="v2")
    assert len(third.reads) == 3


def test_bad_recordings_stop_the_chain_or_are_reported():
    class Broken(Sea):
        def read(self, name):
            if name == "b.wav":
                raise ValueError("b.wav is empty")
            return super().read(name)

    with pytest.raises(ValueError, match=r"b\.wav is empty"):
        Broken().discover()
    finds = Broken().discover(errors="report")
    assert finds.failed.to_numpy().tolist() == [["b.wav", "b.wav is empty"]]
    assert set(finds.regions["item"]) == {"a.wav", "c.wav"}
    with pytest.raises(ValueError, match="raise or report"):
        Broken().discover(errors="ignore")


def test_finds_are_written(tmp_path):
    sea = Sea()
    finds = sea.discover()
    table = discovery.write_finds(tmp_path, finds.repeats, finds.regions, sea.read)
    assert len(pd.read_csv(tmp_path / "finds.csv")) == len(table) == len(finds.repeats)
    for name, part in table.groupby("wav"):
        sound, rate = soundfile.read(tmp_path / name)
        expected = (part["stop"] - part["start"]).sum() + 0.1 * (len(part) - 1)
        assert rate == RATE and len(sound) / rate == pytest.approx(expected, abs=1e-3)
        stop = round((part["stop"] - part["start"]).iloc[0] * RATE)
        assert np.abs(sound[stop + 2 : stop + 4000]).max() == 0 < np.abs(sound[:1000]).max()
    raven = [p for p in (tmp_path / "labels").iterdir() if p.name.endswith(".raven.txt")]
    assert sum(len(pd.read_csv(path, sep="\t")) for path in raven) == len(table)
    audacity = [p for p in (tmp_path / "labels").iterdir() if ".audacity" in p.name]
    first = audacity[0].read_text().splitlines()[0].split("\t")
    assert len(first) == 3 and first[2].startswith("repeat ")


def test_interrupted_writing_loses_nothing_done(tmp_path, monkeypatch):
    sea = Sea()
    finds = sea.discover()
    assert finds.repeats["cluster"].nunique() >= 2
    write, written = discovery.finds.audio.write, []

    def break_at_second(path, *rest):
        if written:
            raise KeyboardInterrupt
        written.append(path)
        write(path, *rest)

    monkeypatch.setattr(discovery.finds.audio, "write", break_at_second)
    with pytest.raises(KeyboardInterrupt):
        discovery.write_finds(tmp_path, finds.repeats, finds.regions, sea.read)
    assert [p for p in tmp_path.rglob("*.wav")] == written
    before = written[0].stat().st_mtime_ns
    monkeypatch.setattr(discovery.finds.audio, "write", write)
    table = discovery.write_finds(tmp_path, finds.repeats, finds.regions, sea.read)
    assert written[0].stat().st_mtime_ns == before
    assert len(list(tmp_path.rglob("*.wav"))) == table["wav"].nunique()
    reads = len(sea.reads)
    discovery.write_finds(tmp_path, finds.repeats, finds.regions, sea.read)
    assert len(sea.reads) == reads


def test_no_finds_still_give_an_empty_table(tmp_path):
    sea = Sea(names=[])
    finds = sea.discover()
    table = discovery.write_finds(tmp_path, finds.repeats, finds.regions, sea.read)
    assert table.empty and len(pd.read_csv(tmp_path / "finds.csv")) == 0
