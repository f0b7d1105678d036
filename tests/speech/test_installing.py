"""A model goes in and out in one step, whole or not at all, and nothing else on the disk is touched."""

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from gateway.errors import Conflict, NotFound, SettingsError
from speech import catalogue, installing
from speech.archives import BadArchive
from speech.installing import NoModel
from speech.models import Models
from tests.speech.test_models import DEMO, install

ROOT = Path(__file__).parents[2]


def archived(path: Path, source: Path = DEMO / "en/model", within: str = "vosk-model-en-1/") -> Path:
    """A model as a zip archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(source.rglob("*")):
            archive.write(file, within + str(file.relative_to(source)))
    return path


def put(models: Path, source: Path, language: str, name: str) -> Path:
    where = installing.target(models, language, name)
    with installing.ready(models, source, language) as model:
        installing.place(models, model, where)
    return where


@pytest.mark.parametrize("kind", ["archive", "flat archive", "folder", "folder around it"])
def test_a_model_is_installed_from_what_operators_have(tmp_path: Path, kind: str) -> None:
    source = {
        "archive": lambda: archived(tmp_path / "a.zip"),
        "flat archive": lambda: archived(tmp_path / "a.zip", within=""),
        "folder": lambda: DEMO / "en/model",
        "folder around it": lambda: shutil.copytree(DEMO / "en/model", tmp_path / "around/model").parent,
    }[kind]()
    models = tmp_path / "models"
    put(models, source, "en", "mine")
    found = Models(models).find("en")
    assert found is not None
    assert (found.name, found.rate) == ("mine", 16_000)
    assert sorted(p.relative_to(found.path) for p in found.path.rglob("*")) == sorted(
        p.relative_to(DEMO / "en/model") for p in (DEMO / "en/model").rglob("*")
    )
    assert list((models / installing.INCOMING).iterdir()) == []


def test_what_is_no_model_leaves_everything_as_it_was(tmp_path: Path) -> None:
    models = tmp_path / "models"
    put(models, DEMO / "en/model", "en", "mine")
    before = Models(models).find("en")
    (tmp_path / "bad.zip").write_bytes(b"PK no zip")
    (tmp_path / "folder").mkdir()
    halves = archived(tmp_path / "half.zip", shutil.copytree(DEMO / "en/model", tmp_path / "half"), "m/")
    (tmp_path / "half/am/final.mdl").unlink()
    archived(halves, tmp_path / "half", "m/")
    for source, error in ((tmp_path / "bad.zip", BadArchive), (tmp_path / "folder", NoModel), (halves, NoModel)):
        with pytest.raises(error):
            put(models, source, "en", "mine")
    assert Models(models).find("en") == before
    assert list((models / installing.INCOMING).iterdir()) == []


def test_a_model_is_replaced_as_a_whole(tmp_path: Path) -> None:
    models = tmp_path / "models"
    where = put(models, DEMO / "en/model", "en", "mine")
    before = Models(models).find("en")
    (where / "rubbish").write_text("of the old one")
    put(models, archived(tmp_path / "a.zip"), "en", "mine")
    after = Models(models).find("en")
    assert before is not None
    assert after is not None
    assert before.stamp != after.stamp
    assert not (where / "rubbish").exists()


def test_a_folder_with_a_way_out_is_refused(tmp_path: Path) -> None:
    source = shutil.copytree(DEMO / "en/model", tmp_path / "source")
    (source / "graph/extra").symlink_to("/etc/passwd")
    with pytest.raises(NoModel, match="link out"):
        put(tmp_path / "models", source, "en", "mine")


@pytest.mark.parametrize(
    ("language", "name"), [("en", "../up"), ("en", ".hidden"), ("en", ""), ("../en", "m"), ("e", "m"), ("EN", "m")]
)
def test_a_name_cannot_lead_elsewhere(tmp_path: Path, language: str, name: str) -> None:
    with pytest.raises(NoModel):
        installing.target(tmp_path, language, name)


def test_beside_a_model_that_is_its_languages_folder_none_would_be_seen(tmp_path: Path) -> None:
    install(tmp_path / "zh")
    with pytest.raises(Conflict, match="remove it first"):
        installing.target(tmp_path, "zh", "mine")
    assert installing.places(tmp_path, "zh") == [tmp_path / "zh"]
    installing.remove(tmp_path, tmp_path / "zh")
    assert installing.target(tmp_path, "zh", "mine") == tmp_path / "zh/mine"


def test_removing_takes_one_model_and_nothing_else(tmp_path: Path) -> None:
    models = tmp_path / "models"
    install(models / "zh/a")
    install(models / "zh/b")
    install(models / "en/a")
    assert installing.places(models, "a") == [models / "en/a", models / "zh/a"]
    assert installing.places(models, "zh") == [models / "zh/a", models / "zh/b"]
    for nothing in ("", ".", "..", "/", "c", "fr", installing.INCOMING, "zh/a"):
        assert installing.places(models, nothing) == []
    installing.remove(models, models / "zh/b")
    assert installing.places(models, "zh") == [models / "zh/a"]
    installing.remove(models, models / "zh/a")
    assert not (models / "zh").exists()
    with pytest.raises(NotFound):
        installing.remove(models, tmp_path)
    assert (models / "en/a/am/final.mdl").exists()


def test_of_a_link_only_the_link_is_removed(tmp_path: Path) -> None:
    models, elsewhere = tmp_path / "models", install(tmp_path / "elsewhere")
    (models / "zh").mkdir(parents=True)
    (models / "zh/linked").symlink_to(elsewhere)
    installing.remove(models, models / "zh/linked")
    assert not os.path.lexists(models / "zh/linked")
    assert (elsewhere / "am/final.mdl").exists()


def test_the_shipped_catalogue_offers_each_language_small_and_large() -> None:
    offers = catalogue.read(ROOT / "config")
    for language in ("zh", "en"):
        own = [offer for offer in offers if offer.language == language]
        assert "small" in own[0].name
        assert len(own) > 1
        assert catalogue.wanted(offers, language) == own[0]
    for offer in offers:
        assert offer.url.startswith("https://")
        assert offer.url.endswith(f"/{offer.name}.zip")
        assert offer.licence == "Apache-2.0"
        assert catalogue.language_of(offer.name) == offer.language
    assert catalogue.wanted(offers, "vosk") is None


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("vosk-model-small-cn-0.22", "zh"),
        ("vosk-model-de-0.21", "de"),
        ("vosk-model-small-vn-0.4", "vi"),
        ("vosk-model-en", "en"),
        ("my-model", None),
        ("vosk-model-tiny-en", None),
        ("xvosk-model-en-1", None),
    ],
)
def test_a_models_name_tells_its_language(name: str, language: str | None) -> None:
    assert catalogue.language_of(name) == language


@pytest.mark.parametrize(
    "entry",
    [
        'name = "../m"\nlanguage = "zh"\nurl = "https://x/m.zip"\nlicence = "MIT"',
        'name = "m"\nlanguage = "zh"\nurl = "file:///etc/passwd"\nlicence = "MIT"',
        'name = "m"\nlanguage = "zh"\nurl = "https://x/m.zip"\nlicence = "MIT"\nsha256 = "12"',
        'name = "m"\nlanguage = "zh"\nurl = "https://x/m.zip"\nlicence = "MIT"\nmd5 = "12"',
        "name = ",
    ],
)
def test_a_wrong_entry_is_told_with_its_file(tmp_path: Path, entry: str) -> None:
    (tmp_path / catalogue.FILE).write_text(f"[[models]]\n{entry}\n")
    with pytest.raises(SettingsError) as caught:
        catalogue.read(tmp_path)
    assert catalogue.FILE in str(caught.value.problems[0])


def test_without_a_catalogue_nothing_is_offered(tmp_path: Path) -> None:
    assert catalogue.read(tmp_path) == ()
