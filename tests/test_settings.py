"""Settings: all faults told at once, each with its file, its key and a remedy; the environment over the files."""

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from channels import registry
from channels.registry import Mode
from gateway.errors import SettingsError
from gateway.sections import Speech
from gateway.settings import FIXED, load, read, secret

ROOT = Path(__file__).parents[1]
PNG = b"\x89PNG\r\n\x1a\nand what follows"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped settings that a test may spoil."""
    return shutil.copytree(ROOT / "config", tmp_path / "config")


def put(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def faults(folder: Path, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load({"EVERYLINE_CONFIG": str(folder), **environ})
    return [str(problem) for problem in caught.value.problems]


def test_what_is_shipped_is_right() -> None:
    settings = load({"EVERYLINE_CONFIG": str(ROOT / "config")})
    assert settings.public_url == "http://127.0.0.1:8080"
    assert registry.read(settings.channels, {})[1] == []


@pytest.mark.parametrize("file", sorted(path.name for path in (ROOT / "config").glob("*.toml")))
def test_every_key_has_a_comment(file: str) -> None:
    """A comment stands above each key, or above the group of keys it begins; repeated tables are explained on top."""
    lines = (ROOT / "config" / file).read_text().splitlines()
    explained = {word for line in lines if line.startswith("#") for word in re.findall(r"(\w+):", line)}
    commented = False
    for line in lines:
        if line.startswith("#"):
            commented = True
        elif not line or line.startswith("["):
            commented = False
        elif key := re.match(r"(\w+) = ", line):
            assert commented or key[1] in explained, f"{file}: {key[1]} has no comment"


def test_all_faults_are_told_together(folder: Path) -> None:
    put(folder, "gateway.toml", "port = 8080", "port = 99999\nprot = 1")
    put(folder, "gateway.toml", 'timezone = "Asia/Shanghai"', 'timezone = "Mars/Olympus"')
    put(folder, "speech.toml", "workers = 0", 'workers = "many"')
    put(folder, "filters.toml", "sounds_from = 3", "sounds_from = 1\nsound = true")
    put(folder, "routing.toml", 'department = "water"', 'department = "fire"')
    put(folder, "assessment.toml", "answered = 20", "answered = 25")
    put(folder, "assessment.toml", "prior = 5", "prior = -1")
    told = faults(folder)
    for file, key in (
        ("assessment.toml", "weights"),
        ("assessment.toml", "fairness.prior"),
        ("filters.toml", "likeness.sounds_from"),
        ("filters.toml", "likeness.sound"),
        ("gateway.toml", "server.port"),
        ("gateway.toml", "server.prot"),
        ("gateway.toml", "city.timezone"),
        ("speech.toml", "workers"),
    ):
        assert any(file in line and f" {key}:" in line for line in told), (file, key, told)


def test_names_that_other_files_must_have_are_checked(folder: Path) -> None:
    put(folder, "routing.toml", 'department = "water"', 'department = "fire"')
    put(folder, "phrases/en.toml", "voice_busy =", "voice_busi =")
    told = faults(folder)
    assert any("routing.toml" in line and "'fire'" in line for line in told)
    assert any("voice_busy" in line and "voice_busi" in line for line in told)


@pytest.mark.parametrize(
    ("name", "value", "path", "expected"),
    [
        ("EVERYLINE_PORT", "9000", ("server", "port"), 9000),
        ("EVERYLINE_PUBLIC_URL", "https://c.example/line/", ("public_url",), "https://c.example/line"),
        ("EVERYLINE_TRUSTED_PROXIES", "10.0.0.1, 10.0.0.2", ("server", "trusted_proxies"), ("10.0.0.1", "10.0.0.2")),
        ("EVERYLINE_GATEWAY__CITY__LANGUAGE", "en", ("city", "language"), "en"),
        ("EVERYLINE_GATEWAY__DELIVERY__TRIES", "3", ("delivery", "tries"), 3),
        ("EVERYLINE_SPEECH__WORKERS", "2", ("speech", "workers"), 2),
        ("EVERYLINE_FILTERS__MASKING__PLATES", "false", ("filters", "masking", "plates"), False),
        ("EVERYLINE_FILTERS__HITS_DAYS", "90", ("filters", "hits_days"), 90),
        ("EVERYLINE_CHANNELS__FEEDS__LENGTH", "7", ("channels", "feeds", "length"), 7),
        (
            "EVERYLINE_CHANNELS__VOICE_TWILIO__PERSON",
            "+8657100000000",
            ("channels", "voice_twilio", "person"),
            "+8657100000000",
        ),
        ("EVERYLINE_DATA", "/srv/x", ("key_file",), Path("/srv/x/everyline.key")),
    ],
)
def test_the_environment_is_over_the_files(
    folder: Path, name: str, value: str, path: tuple[str, ...], expected: Any
) -> None:
    found: Any = load({"EVERYLINE_CONFIG": str(folder), name: value})
    for part in path:
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    assert found == expected


def test_a_variable_for_no_file_is_refused(folder: Path) -> None:
    assert any(
        "EVERYLINE_GATWAY__CITY__LANGUAGE" in line for line in faults(folder, EVERYLINE_GATWAY__CITY__LANGUAGE="en")
    )


def test_a_proxy_that_is_no_network_address_is_refused(folder: Path) -> None:
    found = faults(folder, EVERYLINE_TRUSTED_PROXIES="10.0.0.0/8, proxy.example")
    assert [line for line in found if "trusted_proxies" in line and "proxy.example" in line]
    settings = load({"EVERYLINE_CONFIG": str(folder), "EVERYLINE_TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::1"})
    assert settings.server.trusted_proxies == ("10.0.0.0/8", "2001:db8::1")


def test_the_fixed_names_are_keys_that_exist() -> None:
    known = tomllib.loads((ROOT / "config/gateway.toml").read_text().replace("# public_url", "public_url"))
    for file, section, _ in FIXED.values():
        assert file == "gateway"
        assert section in known


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert any("EVERYLINE_CONFIG" in line for line in faults(tmp_path / "nowhere"))


def test_broken_toml_is_named(folder: Path) -> None:
    (folder / "routing.toml").write_text("[[rules]\n")
    assert any("routing.toml" in line for line in faults(folder))


def test_secrets_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hush\n")
    assert secret({"EVERYLINE_X_FILE": str(tmp_path / "token")}, "EVERYLINE_X") == "hush"
    assert secret({"EVERYLINE_X": "loud"}, "EVERYLINE_X") == "loud"
    assert secret({}, "EVERYLINE_X") is None


TWILIO = {
    "EVERYLINE_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "EVERYLINE_TWILIO_AUTH_TOKEN": "t" * 32,
    "EVERYLINE_TWILIO_NUMBER": "+8657112345678",
}


def channels_of(folder: Path) -> dict[str, dict[str, Any]]:
    settings, problems = read({"EVERYLINE_CONFIG": str(folder)})
    assert settings
    assert problems == []
    return settings.channels


def test_channels_with_credentials_are_on_and_without_off_or_simulated(folder: Path) -> None:
    sections = channels_of(folder)
    plans, problems = registry.read(sections, TWILIO)
    assert problems == []
    assert {plan.name: plan.mode for plan in plans}["sms_twilio"] is Mode.ON
    plans, _ = registry.read(sections, {})
    assert {plan.name: plan.mode for plan in plans}["sms_twilio"] is Mode.OFF
    plans, problems = registry.read(sections, {}, {"twilio": TWILIO})
    assert problems == []
    assert {plan.name: plan.mode for plan in plans}["sms_twilio"] is Mode.SIMULATED
    assert registry.lacking(sections, {}) == {"twilio"}
    assert registry.lacking(sections, dict(TWILIO)) == set()


def test_channels_tell_all_their_faults_too(folder: Path) -> None:
    put(folder, "channels.toml", "validity = 14400", 'validity = 99999\nvaliditi = 1\nauth_token = "in the file"')
    (folder / "channels.toml").open("a").write("\n[carrier_pigeon]\nenabled = true\n")
    partly = {name: value for name, value in TWILIO.items() if "TOKEN" not in name}
    _, problems = registry.read(channels_of(folder), partly)
    told = [str(problem) for problem in problems]
    for part in ("validity:", "validiti:", "auth_token", "carrier_pigeon", "EVERYLINE_TWILIO_AUTH_TOKEN"):
        assert any(part in line for line in told), (part, told)


def test_no_secret_is_in_what_is_told(folder: Path) -> None:
    wrong = {**TWILIO, "EVERYLINE_TWILIO_ACCOUNT_SID": "not-an-account", "EVERYLINE_TWILIO_NUMBER": "12345secret"}
    _, problems = registry.read(channels_of(folder), wrong)
    assert problems
    assert not any("t" * 32 in str(problem) or "12345secret" in str(problem) for problem in problems)


def test_a_logo_is_a_whole_picture_of_a_harmless_kind(folder: Path, tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(PNG)
    settings = load({"EVERYLINE_CONFIG": str(folder), "EVERYLINE_GATEWAY__CITY__LOGO": str(logo)})
    assert settings.city.logo == logo
    assert load({"EVERYLINE_CONFIG": str(folder)}).city.logo is None


@pytest.mark.parametrize(
    ("name", "content", "remedy"),
    [
        ("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "whose name ends in"),
        ("logo.png", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "does not hold what its name says"),
        ("logo.webp", PNG, "does not hold what its name says"),
        ("logo.png", PNG + b"x" * 300_000, "at most 256 kB"),
        ("gone.png", None, "that can be read"),
    ],
)
def test_a_logo_that_cannot_be_shown_is_refused_with_a_remedy(
    folder: Path, tmp_path: Path, name: str, content: bytes | None, remedy: str
) -> None:
    if content:
        (tmp_path / name).write_bytes(content)
    (fault,) = faults(folder, EVERYLINE_GATEWAY__CITY__LOGO=str(tmp_path / name))
    assert remedy in fault


@pytest.mark.parametrize("colour", ["teal", "#fff", "0b6170", "#0b61zz"])
def test_a_colour_is_six_digits(folder: Path, colour: str) -> None:
    put(folder, "gateway.toml", 'accent = "#0b6170"', f'accent = "{colour}"')
    assert "six hexadecimal digits" in faults(folder)[0]


@pytest.mark.parametrize(("cores", "workers", "processes"), [(1, 0, 1), (2, 0, 1), (4, 0, 3), (64, 0, 4), (2, 6, 6)])
def test_one_core_is_left_to_the_gateway_unless_a_number_is_set(
    monkeypatch: pytest.MonkeyPatch, cores: int, workers: int, processes: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)))
    assert Speech(workers=workers).processes == processes


@pytest.mark.parametrize(
    ("put_in", "fault"),
    [
        ('parent = "nobody"', "departments.water.parent: there is no 'nobody'"),
        ('parent = "water"', "departments.water.parent: it may not stand under itself"),
        ('parent = "roads"', "departments.water.parent: it may not stand under itself"),
        ('hours = ["mon 25:00-26:00"]', "departments.0.hours.0"),
        ('contact = { phone = "call us" }', "departments.0.contact.phone"),
    ],
)
def test_a_tree_of_departments_is_checked(folder: Path, put_in: str, fault: str) -> None:
    put(folder, "departments.toml", 'slug = "water"\n', f'slug = "water"\n{put_in}\n')
    put(folder, "departments.toml", 'slug = "roads"\n', 'slug = "roads"\nparent = "water"\n')
    assert any(fault in said for said in faults(folder)), faults(folder)
