"""Telling languages apart: features, networks, scores, controls, and everything refused."""

from dataclasses import replace

import librosa
import numpy as np
import pandas as pd
import pytest
from scipy.fft import dct, idct

from lib import audio, corpora, language
from lib.corpora.languages import _clip
from lib.language import SpeechFeatures, features, scores, study_leaks, study_voices, validation
from lib.language.batches import Crops
from lib.language.classifier import load_classifier
from lib.language.identification import check_speech, syllabic_modulation
from lib.language.study_bands import in_band
from lib.synthesis import speech_room
from lib.synthesis.speech_text import ArtificialLanguage, sentence, words

RNG = np.random.default_rng(0)


def rounds(directions=(1, -1), speakers=8, n=200, dims=6, phones=True) -> SpeechFeatures:
    """Clips in which three sounds go round, forwards or backwards; each lasts two frames."""
    rng = np.random.default_rng(1)
    frames, labels, groups, split, told = [], [], [], [], []
    shapes = 3.0 * np.eye(3, dims)
    for speaker in range(speakers):
        voice = rng.normal(0, 0.3, dims)
        for direction in directions:
            sounds = (rng.integers(3) + direction * (np.arange(n) // 2)) % 3
            clip = shapes[sounds] + voice + rng.normal(0, 0.3, (n, dims))
            frames.append(clip.astype(np.float32))
            told.append(np.array(["a", "i", "u"])[sounds])
            labels.append("on" if direction > 0 else "back")
            groups.append(f"s{speaker}")
            split.append("train" if speaker < 4 else "validation" if speaker < 6 else "test")
    loud = [np.ones(n, bool) for _ in frames]
    items = [f"{i}" for i in range(len(frames))]
    columns = map(np.array, (labels, groups, split, items))
    return SpeechFeatures("rounds", frames, loud, *columns, told if phones else None)


@pytest.fixture(scope="module")
def pooled():
    return language.train(rounds(), "pooled", epochs=2)


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WTW_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield corpora.load("voices-2", train=3, validation=2, test=2, seconds=3.0)


# The corpus


def test_every_speaker_speaks_every_language_and_stays_in_one_split(voices):
    table = voices.table
    assert len(voices) == 14 and (table.groupby("group")["label"].nunique() == 2).all()
    variants = table.assign(variant=table["group"].str.split("-").str[0])
    assert (variants.groupby("variant")["split"].nunique() == 1).all()


def test_clips_are_the_same_from_the_cache_and_noise_has_its_level(voices):
    signal = voices.signal(3)
    assert signal.shape == (48_000,) and signal.dtype == np.float32
    np.testing.assert_array_equal(signal, voices.signal(3))
    speech = 0.2 * np.sin(np.arange(32_000) / 5)
    noise = speech_room.mix(speech, 0.5, np.random.default_rng(0)) - speech
    assert noise.std() / speech.std() == pytest.approx(0.5, rel=0.1)
    np.testing.assert_array_equal(voices.with_noise(0.0).signal(3), signal)
    assert not np.array_equal(voices.with_noise(0.5).signal(3), signal)


def test_phonemes_follow_the_sound_when_it_is_stretched(voices):
    recorded = voices.through_recorder(1)
    assert len(recorded.events) == len(voices.events)
    first = voices.table["item"].iloc[0]
    plain, other = (c.events[c.events["item"] == first]["stop"].max() for c in (voices, recorded))
    assert other / plain == pytest.approx(len(recorded.signal(0)) / len(voices.signal(0)), abs=1e-3)


def test_a_telephone_passes_its_band_and_nothing_else(voices):
    signal = voices.signal(0)

    def share(sound, low, high):
        power = np.abs(np.fft.rfft(sound)) ** 2
        frequencies = np.fft.rfftfreq(len(sound), 1 / 16_000)
        return power[(frequencies >= low) & (frequencies < high)].sum() / power.sum()

    narrow, line = (voices.through_telephone(line).signal(0) for line in (False, True))
    assert share(narrow, 4_100, 8_000) < 1e-6 < share(signal, 4_100, 8_000)
    assert share(line, 0, 200) < 0.01 * share(signal, 0, 200) and share(line, 4_100, 8_000) < 1e-6
    assert len(narrow) == len(line) == len(signal) and narrow.dtype == line.dtype == np.float32
    tone = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    inside = slice(2_000, -2_000)
    heard = speech_room.telephone(tone, line=True)[inside]
    assert heard.std() == pytest.approx(tone.std(), rel=0.05)
    assert in_band(voices, "16 kHz").frames[0].shape == in_band(voices, "8 kHz").frames[0].shape


def test_sound_at_8_khz_is_identified_as_a_file_and_as_an_array(voices, tmp_path):
    narrow = audio.resample(voices.signal(0), 16_000, 8_000)
    audio.write(tmp_path / "call.wav", narrow, 8_000)
    told, read = language.identify(narrow, 8_000), language.identify(tmp_path / "call.wav")
    whole = language.identify(voices.through_telephone().signal(0))
    assert told.sum() == pytest.approx(1) and set(told.index) == {"de", "en", "ru"}
    np.testing.assert_allclose(read[told.index], told, atol=0.02)
    np.testing.assert_allclose(whole[told.index], told, atol=0.02)


def test_the_level_of_noise_tells_nothing_about_the_language(voices):
    levels = {level: voices.with_noise(level) for level in (0.0, 0.5)}
    learnt = study_voices._mixed_levels(voices, levels)
    assert len(learnt) == 10 and (learnt.split != "test").all()
    half = learnt.labels[: len(learnt) // 2 + 1]
    assert (half == "en").sum() == (half == "de").sum() == 3


def test_words_kept_aside_are_said_only_where_they_are_asked_for():
    aside, used = set(words("de", True)), set(words("de", False))
    assert not aside & used and aside | used == set(words("de"))
    assert 0.1 < len(aside) / len(words("de")) < 0.3
    said = " ".join(sentence("de", np.random.default_rng(k), True) for k in range(30))
    assert len(aside & set(said.replace(".", "").split())) > 50


def test_a_clip_of_unseen_words_holds_no_other_word(monkeypatch):
    said = []

    def utter(text, *_, **__):
        said.append(text)
        return np.zeros(16_000, np.float32), pd.DataFrame({"start": [0.0], "stop": [1.0]})

    monkeypatch.setattr("lib.synthesis.speech.utter", utter)
    for unseen in (False, True):
        said.clear()
        _clip("de", None, 60 * 16_000, unseen, np.random.default_rng(0))
        used = set(" ".join(said).replace(".", "").split())
        assert len(said) == 60 and (used <= set(words("de", True))) == unseen


def test_artificial_languages_differ_in_nothing_but_the_direction():
    def text(step, seed):
        return "".join(ArtificialLanguage(step).syllables(5000, np.random.default_rng(seed)))

    one, other = text(1, 0), text(4, 1)
    for pair in ("pa", "ti", "as", "ul"):
        assert one.count(pair) == pytest.approx(other.count(pair), rel=0.25)
    vowels = [[s for s in t if s in "aeiou"] for t in (one, other)]
    assert "".join(vowels[0]).startswith(("aei", "eio", "iou", "oua", "uae"))
    assert {frozenset(vowels[0][i : i + 3]) for i in range(99)} == {
        frozenset(vowels[1][i : i + 3]) for i in range(99)
    }


# Features


def test_mfcc_equals_librosa():
    signal = RNG.standard_normal(16_000).astype(np.float32)
    ours = language.mfcc(signal, floor_db=None)
    theirs = librosa.feature.mfcc(
        y=signal, sr=16_000, n_mfcc=40, n_mels=40, n_fft=512, win_length=400, hop_length=320,
        fmin=60, fmax=7_600, center=False,
    ).T  # fmt: skip
    # librosa pads the 400-sample window to 512 on both sides: its frames start 56 samples earlier.
    shifted = language.mfcc(signal[56:], floor_db=None)[: len(theirs)]
    n = min(len(shifted), len(theirs))
    np.testing.assert_allclose(shifted[:n], theirs[:n], atol=0.1)
    assert ours.shape == (49, 40) and ours.dtype == np.float32


def test_with_a_floor_a_telephone_sounds_alike_with_and_without_hiss():
    speech = np.repeat(RNG.standard_normal(4000), 4) * np.hanning(16_000)
    narrow = audio.resample(audio.resample(speech, 16_000, 8_000), 8_000, 16_000)
    hissing = narrow + 10 ** (-50 / 20) * RNG.standard_normal(16_000) * narrow.std()

    def gap(**options):
        two = [features.log_mel(s.astype(np.float32), **options) for s in (narrow, hissing)]
        return np.abs(two[0] - two[1]).mean()

    assert gap(floor_db=45.0) < 0.2 * gap()


def test_slopes_are_those_of_a_line_fitted_to_five_frames():
    cepstra = RNG.standard_normal((30, 4))
    naive = [np.polyfit(range(5), cepstra[t - 2 : t + 3], 1)[0] for t in range(2, 28)]
    np.testing.assert_allclose(features.slopes(cepstra)[2:28], naive, atol=1e-9)


def test_fragments_stay_within_a_clip_and_hold_speech():
    speech = rounds()
    speech.speech[0][:100] = False
    places = language.fragments(speech, 20, 10)
    assert (places.stop - places.start == 20).all()
    assert (places.stop <= [len(speech.frames[c]) for c in places.clip]).all()
    assert places.start[places.clip == 0].min() == 90
    assert places.cut(speech).shape == (len(places), 20, 6)


def test_mean_normalised_cepstra_have_no_mean(voices):
    speech = language.speech_features(voices.part("test"), deltas=True, cmn=True)
    assert speech.frames[0].shape[1] == 80
    np.testing.assert_allclose(speech.frames[0][:, :40].mean(axis=0), 0, atol=1e-3)
    assert len(speech.phones[0]) == len(speech.frames[0]) and "ə" in np.concatenate(speech.phones)


# Networks


def test_the_published_networks_have_the_published_sizes():
    assert language.build_ann(2).count_params() == 40 * 20 + 20 + 20 * 20 + 20 + 20 + 1
    lstm = language.build_lstm(3)
    assert lstm.count_params() == 4 * 100 * (40 + 100 + 1) + 3 * (20 * 100 + 1)
    assert language.build_ann(3).output_shape == (None, 3)


def test_only_the_network_of_fragments_hears_the_order():
    speech = rounds(n=800)
    got = {}
    for kind, epochs in {"ann": 3, "lstm": 12}.items():
        classifier = language.train(speech, kind, epochs=epochs)
        got[kind] = language.evaluate(classifier, speech, seconds=())["fragment"].accuracy()[0]
    assert got["ann"] < 0.7 and got["lstm"] > 0.9
    mixed = language.shuffled(speech)
    classifier = language.train(mixed, "lstm", epochs=3)
    assert language.evaluate(classifier, mixed, seconds=())["fragment"].accuracy()[0] < 0.75


def test_a_classifier_is_the_same_from_disk(tmp_path, pooled):
    pooled.save(tmp_path)
    again, speech = load_classifier(tmp_path), rounds().part("test")
    places = language.whole_clips(speech)
    np.testing.assert_allclose(again.score(speech, places), pooled.score(speech, places), atol=1e-4)
    assert again.phones == pooled.phones == ["?", "a", "i", "u"]
    with pytest.raises(FileNotFoundError, match="model.keras is missing"):
        load_classifier(tmp_path / "nowhere")


def test_training_goes_on_from_a_classifier(pooled):
    first = language.train(rounds(), "ann", epochs=1)
    on = language.train(rounds(), "ann", epochs=1, start=first)
    assert on.model is not first.model and on.mean is first.mean
    with pytest.raises(ValueError, match="cannot go on"):
        language.train(rounds(), "lstm", start=pooled)


def test_places_of_any_length_are_scored_alike_alone_and_together(pooled):
    speech = rounds().part("test")
    places = language.excerpts(speech, 1.0)
    together = pooled.score(speech, places)
    alone = pooled.score(speech, language.Places(*(column[:1] for column in vars(places).values())))
    np.testing.assert_allclose(together[:1], alone, atol=1e-4)
    np.testing.assert_allclose(np.exp(together).sum(axis=1), 1, atol=1e-4)
    assert pooled.embed(speech).shape == (len(speech), 32)


# Other throats


def test_a_longer_throat_moves_every_formant_down():
    rng = np.random.default_rng(0)
    np.testing.assert_allclose(
        language.throats(3, rng, 0.0), np.tile(np.eye(40), (3, 1, 1)), atol=1e-6
    )
    bands = np.exp(-0.5 * ((np.arange(40) - 20) / 2.0) ** 2)
    matrices = language.throats(200, rng, 0.1)
    cepstra = dct(bands, norm="ortho")
    peaks = idct(matrices @ cepstra, norm="ortho").argmax(axis=1)
    assert 1 < peaks.std() < 6 and abs(peaks.mean() - 20) < 1.5
    with pytest.raises(ValueError, match="choose 0 or more"):
        language.throats(1, rng, -1.0)


def test_only_what_is_learnt_from_is_heard_from_other_throats():
    rng, speech = np.random.default_rng(2), rounds()
    frames = [rng.normal(0, 3, (200, 40)).astype(np.float32) for _ in range(len(speech))]
    speech = replace(speech, frames=frames)
    recipe = language.Recipe(filters=8, lengths=(20,), spread=0.1, decay=True)
    classifier = language.train(speech, "pooled", epochs=1, recipe=recipe)
    assert classifier.model.get_layer("phone").kernel.shape[0] == 8
    plain, other = (Crops(classifier, speech, 0, (20,), spread) for spread in (0.0, 0.1))
    (crops, answers), (changed, _) = plain[0], other[0]
    scaled = np.concatenate([classifier.scaled(f) for f in frames])
    assert (np.abs(scaled - crops[0, 0]).max(axis=1) < 1e-6).any()
    assert changed.shape == crops.shape == (120, 20, 40) and changed.dtype == np.float32
    assert set(answers) == {"language", "phone"} and 0.1 < np.abs(changed - crops).mean() < 2


# Pairs of phones


def test_phone_pairs_equal_counting():
    heard = RNG.integers(4, size=60)
    posteriors = np.eye(4)[heard]
    counts = np.zeros((2, 4, 4))
    for place, lag in enumerate((3, 5)):
        for a, b in zip(heard[:-lag], heard[lag:], strict=True):
            counts[place, a, b] += 1 / (60 - lag)
    np.testing.assert_allclose(language.phone_pairs(posteriors), np.sqrt(counts).ravel())
    with pytest.raises(ValueError, match="hold no pair"):
        language.phone_pairs(posteriors[:4])


def test_pairs_hear_the_order_and_single_phones_do_not(pooled, tmp_path):
    speech = rounds(speakers=20)
    # Heard without a mistake: the network itself hears a little around each frame.
    exact = [np.eye(3)[np.searchsorted(["a", "i", "u"], told)] for told in speech.phones]
    options = dict(n_splits=5, repeats=1, seconds=(), posteriors=exact)
    pairs = language.cross_validate_phonotactic(pooled, speech, **options)
    single = language.cross_validate_phonotactic(pooled, speech, lags=(), **options)
    assert pairs["clip"].accuracy()[0] == 1.0 and single["clip"].accuracy()[0] < 0.75
    assert len(set(pairs["clip"].groups)) == 20
    classifier = language.train_phonotactic(pooled, speech)
    classifier.save(tmp_path)
    again, test = language.load_phonotactic(tmp_path), speech.part("test")
    places = language.whole_clips(test)
    np.testing.assert_allclose(again.score(test, places), classifier.score(test, places), atol=0.05)
    (tmp_path / "pairs.npz").unlink()
    with pytest.raises(FileNotFoundError, match="pairs.npz is missing"):
        language.load_phonotactic(tmp_path)


def test_a_network_without_phones_says_so():
    deaf = language.LanguageClassifier(
        "pooled", language.build_pooled(2, 6), ["a", "b"], np.zeros(6), np.ones(6)
    )
    with pytest.raises(ValueError, match="not taught phones"):
        deaf.phone_posteriors(rounds().frames[0])


# Scores and folds


def test_intervals_and_f1_equal_the_slow_way():
    from sklearn.metrics import f1_score

    truth, groups = RNG.integers(3, size=300), RNG.integers(12, size=300)
    posteriors = np.log(RNG.dirichlet(np.ones(3), 300))
    scored = scores.Scored(["a", "b", "c"], truth, posteriors, groups)
    value, low, high = scored.accuracy()
    assert value == pytest.approx((scored.predicted == truth).mean()) and low < value < high
    assert scored.macro_f1()[0] == pytest.approx(f1_score(truth, scored.predicted, average="macro"))
    assert scored.chance == pytest.approx(np.bincount(truth).max() / 300)


def test_calibration_error_is_zero_for_honest_confidence():
    rng = np.random.default_rng(3)
    sure = rng.uniform(0.5, 1, 20_000)
    truth = (rng.random(20_000) > sure).astype(int)
    posteriors = np.log(np.stack([sure, 1 - sure], axis=1))
    honest = scores.Scored(["a", "b"], truth, posteriors, np.arange(20_000))
    boaster = replace(honest, log_posteriors=np.log(np.tile([0.999, 0.001], (20_000, 1))))
    assert honest.calibration_error() < 0.02 and boaster.calibration_error() > 0.2


def test_folds_keep_groups_whole():
    speech = rounds(speakers=10)
    for learn, test in validation.folds(speech, 5, 2):
        assert not set(speech.groups[learn]) & set(speech.groups[test])
    with pytest.raises(ValueError, match="fewer than 20 folds"):
        next(validation.folds(speech, 20))


def test_controls_leave_what_they_say():
    speech = rounds()
    speech.speech[0][50:] = False
    flat = language.averaged(speech)
    np.testing.assert_allclose(flat.frames[1], np.tile(speech.frames[1].mean(axis=0), (200, 1)))
    assert len(language.pauses(speech)) == 1 and len(language.pauses(speech).frames[0]) == 150
    mixed = language.shuffled(speech)
    np.testing.assert_allclose(np.sort(mixed.frames[1], axis=0), np.sort(speech.frames[1], axis=0))
    with pytest.raises(ValueError, match="frames without speech"):
        language.pauses(rounds())


def test_shuffled_frames_keep_their_phones():
    speech = rounds()
    speech.speech[0][::2] = False
    mixed = language.shuffled(speech)
    assert [len(f) for f in mixed.frames[:2]] == [100, 200]
    for before, after, told, moved in zip(
        speech.frames[1:], mixed.frames[1:], speech.phones[1:], mixed.phones[1:], strict=True
    ):
        came_from = [np.flatnonzero((before == frame).all(axis=1))[0] for frame in after]
        np.testing.assert_array_equal(told[came_from], moved)
        assert np.abs(np.array(came_from) - np.arange(200)).max() > 100


def answered(right: float, classes=("a", "b"), speakers=10, n=20) -> scores.Scored:
    """Each speaker is answered rightly in a share of the places."""
    truth = np.tile(np.arange(n) % len(classes), speakers)
    wrong = np.tile(np.arange(n) >= right * n, speakers)
    predicted = (truth + wrong) % len(classes)
    groups = np.repeat(np.arange(speakers), n)
    posteriors = np.log(np.eye(len(classes))[predicted] * 0.8 + 0.1)
    return scores.Scored(list(classes), truth, posteriors, groups)


def test_shares_explained_are_gains_over_chance():
    whole, half = answered(0.9), answered(0.7)
    few = replace(half, **{k: getattr(half, k)[:60] for k in ("truth", "log_posteriors", "groups")})
    controls = {"whole": whole, "half": half, "none": answered(0.5), "few": few}
    table = language.shares_explained({k: {"clip": s} for k, s in controls.items()}, "clip")
    np.testing.assert_allclose(table["share"], [1, 0.5, 0, 0.5], atol=1e-9)
    np.testing.assert_allclose(table["share_low"], table["share"], atol=1e-9)
    deaf = language.shares_explained({"whole": {"clip": answered(0.5)}}, "clip")
    assert deaf["share"].isna().all() and deaf["accuracy"][0] == 0.5


def test_answers_are_counted_by_speaker():
    table = study_leaks.counted(answered(0.9, ("de", "en", "ru")))
    assert table["n"].sum() == 200 and table["speaker"].nunique() == 10
    right = table[table["true"] == table["predicted"]]
    assert right["n"].sum() == 180
    low, value = study_leaks._loss(answered(0.9), answered(0.6))[1:], 0.3
    assert low == pytest.approx((value, value))


def test_a_network_of_the_study_is_trained_once(tmp_path, monkeypatch):
    monkeypatch.setenv("WTW_CACHE", str(tmp_path))
    speech, recipe = rounds(), language.Recipe(filters=8, lengths=(20,))
    first = study_leaks._kept("whole", speech, recipe, 1)
    monkeypatch.setattr(study_leaks, "train", None)
    again = study_leaks._kept("whole", speech, recipe, 1)
    np.testing.assert_array_equal(first.embed(speech), again.embed(speech))
    with pytest.raises(TypeError):
        study_leaks._kept("shuffled", speech, recipe, 1)
    short = study_leaks._short(speech, 50)
    assert {len(f) for f, s in zip(short.frames, short.split, strict=True) if s != "test"} == {50}
    assert {len(f) for f in short.part("test").frames} == {200}


# Refusals


@pytest.mark.parametrize(
    "speech, message",
    [
        (rounds(directions=(1,)), "one language"),
        (rounds(speakers=1), "1 speaker or video|one speaker"),
        (replace(rounds(), split=np.array(["train", "test"] * 8)), "in two splits"),
        (replace(rounds(), split=np.full(16, "test")), "train part of rounds is empty"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(speech, message):
    with pytest.raises(ValueError, match=message):
        language.train(speech, "ann", epochs=1)


def test_unknown_names_are_refused(pooled, voices):
    strange = replace(rounds(), labels=np.full(16, "xx"))
    with pytest.raises(ValueError, match="Unknown language xx"):
        language.evaluate(pooled, strange)
    with pytest.raises(ValueError, match="no model 'gmm'"):
        language.train(rounds(), "gmm")
    with pytest.raises(ValueError, match="classifier takes 6 coefficients"):
        pooled.scaled(np.zeros((10, 40)))
    with pytest.raises(ValueError, match="Unknown language de, en"):
        language.evaluate(pooled, voices)
    with pytest.raises(ValueError, match="No word list for language 'xx'"):
        words("xx")
    with pytest.raises(ValueError, match="name 2 or more"):
        corpora.load("voices-2", languages=("en",))
    with pytest.raises(ValueError, match="vowel never changes"):
        ArtificialLanguage(5)


@pytest.mark.parametrize(
    "signal, message",
    [
        (np.full(16_000, np.nan), "NaN or infinite"),
        (np.zeros((16_000, 2)), "one channel"),
        (np.zeros(100), "shorter than one frame"),
    ],
)
def test_bad_signals_are_refused(signal, message):
    with pytest.raises(ValueError, match=message):
        language.mfcc(signal)
    with pytest.raises(ValueError, match="8000 Hz; resample"):
        language.mfcc(np.zeros(1000), 8000)


def melody(seconds=6.0):
    time = np.arange(int(0.5 * 16_000)) / 16_000
    pitches = 220 * 2 ** (np.random.default_rng(0).integers(0, 24, int(seconds * 2)) / 12)
    tones = [np.sin(2 * np.pi * f * time) * np.exp(-2 * time) for f in pitches]
    return 0.3 * np.concatenate(tones).astype(np.float32)


NOT_SPEECH = {
    "only zeros": np.zeros(80_000, np.float32),
    "too little speech": np.ones(8_000, np.float32),
    "rhythm of speech": melody(),
    "has not the rhythm": 0.1 * RNG.standard_normal(80_000).astype(np.float32),
    "NaN": np.full(80_000, np.nan, np.float32),
    "one channel": np.zeros((80_000, 2), np.float32),
}


@pytest.mark.parametrize("message", NOT_SPEECH)
def test_what_is_no_speech_is_refused_rather_than_guessed(message):
    with pytest.raises(ValueError, match=message):
        language.identify(NOT_SPEECH[message])


def test_speech_passes_where_music_is_refused(voices):
    check_speech(voices.signal(0))
    assert syllabic_modulation(voices.signal(0))[0] > syllabic_modulation(melody())[0]


def test_a_missing_recording_is_told(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        language.identify(tmp_path / "nothing.wav")


@pytest.mark.real("voxlingua107")
def test_the_real_recordings_are_grouped_by_video():
    corpus = corpora.load("voxlingua107", languages=("en", "de", "ru"))
    assert corpus.table["label"].value_counts().to_dict() == {"de": 82, "en": 80, "ru": 29}
    assert corpus.table["group"].nunique() == 162 and corpus.table["group"].str.len().eq(11).all()
    assert corpus.signal(0).ndim == 1
    with pytest.raises(FileNotFoundError, match="no recordings of 'fr'"):
        corpora.load("voxlingua107", languages=("en", "fr"))
