"""Spoken words and sentences: the same every time, right in length and pitch, clear when refused."""

import sys
import threading
import time

import librosa
import numpy as np
import pytest

from lib.synthesis import speech, speech_engine
from lib.synthesis.speech import Speaker, speak, speakers, utter, voice_variants

SENTENCE = "The quick brown fox jumps over the lazy dog."


@pytest.mark.parametrize("variant", ["", "f1", "klatt4", "Andy", "Storm"])
def test_an_utterance_does_not_depend_on_what_was_said_before(variant):
    speaker = Speaker(variant, 40, 160)
    first = speak(SENTENCE, "en", speaker)
    speak("Etwas ganz anderes", "de", Speaker("m3", 60, 190))
    np.testing.assert_array_equal(first, speak(SENTENCE, "en", speaker))


def test_speech_is_mono_in_range_and_lasts_as_long_at_any_rate():
    at_16k, at_48k = speak(SENTENCE), speak(SENTENCE, sample_rate=48_000)
    assert at_16k.dtype == np.float32 and at_16k.ndim == 1
    assert 0.1 < np.abs(at_16k).max() <= 1.0 and np.isfinite(at_16k).all()
    assert len(at_48k) / 48_000 == pytest.approx(len(at_16k) / 16_000, abs=0.001)


def test_pitch_and_rate_are_what_they_say():
    def pitch_of(speaker):
        voiced = librosa.yin(speak(SENTENCE, speaker=speaker), fmin=50, fmax=500, sr=16_000)
        return np.median(voiced)

    assert pitch_of(Speaker("m1", 80)) > 1.3 * pitch_of(Speaker("m1", 20))
    slow, fast = (speak(SENTENCE, speaker=Speaker(rate=rate)) for rate in (100, 200))
    assert 1.6 < len(slow) / len(fast) < 2.4


def test_a_minute_of_speech_costs_well_under_a_second():
    text = " ".join([SENTENCE] * 21)
    spent = []
    for _ in range(3):
        # Processor time, and the best of three: the machine may have other things to do.
        start = time.process_time()
        signal = speak(text)
        spent.append(time.process_time() - start)
    assert len(signal) > 55 * 16_000 and min(spent) < 0.8


def test_languages_by_code_and_by_name():
    known = speech.languages()
    assert len(known) > 100 and known["de"] == "German" and known["ru"] == "Russian"
    np.testing.assert_array_equal(speak("guten Tag", "German"), speak("guten Tag", "de"))
    assert speech.language_code("english") == "en" and speech.language_code("EN-us") == "en-US"
    assert not np.array_equal(speak("die Hand", "de"), speak("die Hand", "en"))


def test_phonemes_are_those_of_the_language_and_cover_the_sound():
    assert speech.phonemes("die", "de") != speech.phonemes("die") == "dˈaɪ"
    assert speech.phonemes("die Hand. Ein Haus.", "de").count("\n") == 1
    signal, table = utter("Hello, dear world.")
    assert "".join(table["phoneme"]).startswith("həlˈəʊ")
    assert (table["stop"] >= table["start"]).all()
    assert table["stop"].iloc[-1] == pytest.approx(len(signal) / 16_000, abs=0.001)


def test_phonetic_input_is_said_as_it_is_written():
    _, table = utter("mama sala", "en", phonetic=True)
    plain = "".join(table["phoneme"]).replace("ˈ", "").replace("ˌ", "")
    assert plain == "mamasala"


def test_speakers_are_distinct_repeatable_and_share_no_variant_over_splits():
    drawn = {split: speakers(60, 3, split) for split in ("train", "validation", "test")}
    for split, group in drawn.items():
        assert len(set(group)) == 60 and group == speakers(60, 3, split)
        assert {s.voice_variant for s in group} == set(voice_variants(split)) or split == "train"
    used = [{s.voice_variant for s in group} for group in drawn.values()]
    assert not (used[0] & used[1] or used[0] & used[2] or used[1] & used[2])
    families = [{speech._family(name) for name in names} for names in used]
    assert not (families[0] & families[1] or families[0] & families[2] or families[1] & families[2])
    assert speakers(5, 1) != speakers(5, 2)


def test_the_variants_left_out_exist():
    assert speech.INHUMAN <= set(speech_engine.variants())
    assert len(voice_variants("train")) >= 40 and len(voice_variants("test")) >= 10


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("",), "nothing to say"),
        (("   ",), "nothing to say"),
        (("...",), "no sound in en"),
        (("hello", "xx"), "No language 'xx'"),
        (("hello", "Germanic"), "de .German"),
        (("hello", "en", Speaker("nobody")), "no voice variant 'nobody'"),
        (("hello", "en", None, 10), "sample rate is 10"),
    ],
)
def test_what_cannot_be_said_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        speak(*arguments)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Speaker(pitch=120), "pitch of a speaker is 120"),
        (lambda: Speaker(rate=10), "rate of a speaker is 10"),
        (lambda: speakers(0), "0 speakers"),
        (lambda: voice_variants("dev"), "no split 'dev'"),
        (lambda: speech.phonemes(" "), "nothing to say"),
    ],
)
def test_impossible_speakers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_missing_engine_is_told_with_its_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(RuntimeError, match="not installed: run `make`"):
        speak("hello")


def test_a_damaged_engine_is_told_with_its_cure(monkeypatch, tmp_path):
    import espeakng_loader

    library = tmp_path / "libespeak-ng.so"
    monkeypatch.setattr(espeakng_loader, "get_library_path", lambda: str(library))
    with pytest.raises(RuntimeError, match="libespeak-ng.so is missing"):
        speech_engine.synthesise("hello", "en", 175, 50)
    library.write_bytes(b"no library")
    (tmp_path / "espeak-ng-data").mkdir()
    (tmp_path / "espeak-ng-data" / "phontab").touch()
    with pytest.raises(RuntimeError, match="does not load"):
        speech_engine.synthesise("hello", "en", 175, 50)


def test_threads_take_turns():
    expected, heard = speak(SENTENCE), {}

    def say(number):
        heard[number] = speak(SENTENCE)

    threads = [threading.Thread(target=say, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(expected, heard[number]) for number in range(4))
