"""Which model is chosen, and which folders are refused with what reason."""

from pathlib import Path

import pytest

from speech.models import Models

DEMO = Path(__file__).parents[2] / "gateway/simulator/demo_speech"
FILES = ("am/final.mdl", "conf/model.conf", "graph/words.txt", "graph/HCLG.fst")


def install(path: Path, files: tuple[str, ...] = FILES, conf: str | None = None) -> Path:
    for file in files:
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        (path / file).write_text("<eps> 0\nroad 1\n")
    if conf is not None:
        (path / "conf/mfcc.conf").write_text(conf)
    return path


def test_nothing_installed_serves_nothing(tmp_path: Path) -> None:
    models = Models(tmp_path / "models")
    assert models.find("zh") is None
    assert models.find("zh", demo=True) is None
    assert (dict(models.languages()), models.faults()) == ({}, ())


@pytest.mark.parametrize("place", ["zh", "zh/vosk-model-small-cn-0.22"])
def test_an_installed_model_is_found_in_its_folder_or_one_down(tmp_path: Path, place: str) -> None:
    path = install(tmp_path / place)
    found = Models(tmp_path, DEMO).find("zh", demo=True)
    assert found is not None
    assert (found.path, found.name, found.demo, found.language) == (path, path.name, False, "zh")


def test_the_demo_model_is_used_only_if_asked_for_and_nothing_is_installed(tmp_path: Path) -> None:
    models = Models(tmp_path, DEMO)
    assert models.find("en") is None
    found = models.find("en", demo=True)
    assert found is not None
    assert (found.name, found.demo, found.path) == ("demo-en", True, DEMO / "en/model")
    install(tmp_path / "en")
    installed = models.find("en", demo=True)
    assert installed is not None
    assert not installed.demo


@pytest.mark.parametrize("tag", ["zh", "zh-CN", "ZH_Hans", "zh-hans-cn"])
def test_a_language_tag_is_served_by_its_language(tmp_path: Path, tag: str) -> None:
    install(tmp_path / "zh")
    assert Models(tmp_path).find(tag) is not None


@pytest.mark.parametrize("name", ["", "..", "../zh", "zh/..", "/etc", "z", "chinese", "zh\x00", "中文"])
def test_a_language_cannot_name_another_folder(tmp_path: Path, name: str) -> None:
    install(tmp_path / "zh")
    assert Models(tmp_path / "zh", tmp_path).find(name, demo=True) is None


def test_the_status_lists_each_language_once(tmp_path: Path) -> None:
    install(tmp_path / "zh")
    install(tmp_path / "es/vosk-model-small-es")
    (tmp_path / "readme.txt").write_text("not a folder")
    (tmp_path / "lost+found").mkdir()
    models = Models(tmp_path, DEMO)
    assert list(models.languages()) == ["es", "zh"]
    assert {name: model.demo for name, model in models.languages(demo=True).items()} == {
        "en": True,
        "es": False,
        "zh": False,
    }


@pytest.mark.parametrize("missing", FILES)
@pytest.mark.parametrize("how", ["absent", "empty", "a folder"])
def test_a_model_with_a_file_wanting_is_reported_and_never_used(tmp_path: Path, missing: str, how: str) -> None:
    install(tmp_path / "zh")
    file = tmp_path / "zh" / missing
    file.unlink()
    if how == "empty":
        file.touch()
    elif how == "a folder":
        file.mkdir()
    models = Models(tmp_path)
    assert models.find("zh") is None
    assert dict(models.languages()) == {}
    (fault,) = models.faults()
    assert (fault.language, fault.path) == ("zh", tmp_path / "zh")
    assert missing in fault.reason


def test_the_graph_may_be_whole_or_in_two_parts(tmp_path: Path) -> None:
    rest = FILES[:3]
    install(tmp_path / "en", (*rest, "graph/HCLr.fst", "graph/Gr.fst"))
    install(tmp_path / "zh", (*rest, "graph/HCLr.fst"))
    models = Models(tmp_path)
    assert models.find("en") is not None
    assert models.find("zh") is None


def test_a_sound_model_beside_a_broken_one_serves_and_the_broken_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "zh/a-broken").mkdir(parents=True)
    install(tmp_path / "zh/b-sound")
    models = Models(tmp_path, DEMO)
    found = models.find("zh")
    assert found is not None
    assert found.name == "b-sound"
    assert [fault.path.name for fault in models.faults()] == ["a-broken"]


def test_a_broken_installed_model_falls_back_to_the_demo_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "zh").mkdir()
    models = Models(tmp_path, DEMO)
    found = models.find("zh", demo=True)
    assert found is not None
    assert found.demo
    assert len(models.faults()) == 1


def test_a_model_installed_meanwhile_is_found(tmp_path: Path) -> None:
    models = Models(tmp_path)
    assert models.find("zh") is None
    install(tmp_path / "zh")
    assert models.find("zh") is not None


@pytest.mark.parametrize(
    ("conf", "rate"),
    [
        (None, 16_000),
        ("--sample-frequency=8000\n", 8_000),
        ("--use-energy=false\n  --sample-frequency=44100", 44_100),
        ("--use-energy=false\n# --sample-frequency=8000\n", 16_000),
    ],
)
def test_a_model_tells_the_rate_it_was_made_for(tmp_path: Path, conf: str | None, rate: int) -> None:
    install(tmp_path / "zh", conf=conf)
    found = Models(tmp_path).find("zh")
    assert found is not None
    assert found.rate == rate


@pytest.mark.parametrize("rate", ["0", "4000", "99999999999999999999"])
def test_a_rate_that_no_sound_has_is_a_fault(tmp_path: Path, rate: str) -> None:
    install(tmp_path / "zh", conf=f"--sample-frequency={rate}\n")
    models = Models(tmp_path)
    assert models.find("zh") is None
    assert "samples a second" in models.faults()[0].reason


@pytest.mark.parametrize("words", ["<eps> 0\n", "<eps> 0", "\n"])
def test_a_table_of_no_words_is_a_fault(tmp_path: Path, words: str) -> None:
    install(tmp_path / "zh")
    (tmp_path / "zh/graph/words.txt").write_text(words)
    models = Models(tmp_path)
    assert models.find("zh") is None
    assert "names no words" in models.faults()[0].reason


def test_what_is_refused_by_its_use_is_a_fault_until_its_files_change(tmp_path: Path) -> None:
    path = install(tmp_path / "zh/a")
    install(tmp_path / "zh/b")
    models = Models(tmp_path)
    first = models.find("zh")
    assert first is not None
    models.refuse(first, "cannot be loaded")
    second = models.find("zh")
    assert second is not None
    assert (first.name, second.name) == ("a", "b")
    assert [(fault.path, fault.reason) for fault in models.faults()] == [(path, "cannot be loaded")]
    (path / "am/final.mdl").write_text("another model")
    again = models.find("zh")
    assert again is not None
    assert again.name == "a"
    assert again.stamp != first.stamp
    assert models.faults() == ()


def test_all_models_of_a_language_are_known_the_used_one_first(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        install(tmp_path / "zh" / name)
    models = Models(tmp_path, DEMO)
    assert [model.name for model in models.installed("zh-CN")] == ["a", "b", "c"]
    assert [model.name for model in models.installed("zh", demo=True)] == ["a", "b", "c", "demo-zh"]
    assert models.installed("../zh") == ()


def test_a_model_that_vanishes_while_it_is_looked_at_is_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = install(tmp_path / "zh/a")

    def gone(*_: object) -> str:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr("speech.models._stamp", gone)
    models = Models(tmp_path)
    assert models.find("zh") is None
    assert models.faults()[0].reason == "cannot be read: No such file or directory"
