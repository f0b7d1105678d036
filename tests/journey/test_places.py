"""The gazetteer: what is found in texts and transcripts, where on the map, and what is not taken for a place."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.journey import place_lines, place_signs
from gateway.journey.folding import fold, language_of
from gateway.journey.places import MOST_HITS, Gazetteer
from gateway.schema import Place
from gateway.sections_places import KnownPlace

SHIPPED = Path(__file__).parents[2] / "config" / "places.toml"
CITY = Gazetteer([KnownPlace(**place) for place in tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["places"]])
TWINS = Gazetteer(
    [
        KnownPlace(slug="east", kind="district", name={"zh": "城东区", "en": "East District"}),
        KnownPlace(slug="west", kind="district", name={"zh": "城西区", "en": "West District"}),
        KnownPlace(
            slug="east-park", kind="road", name={"zh": "公园路", "en": "Park Road"}, within="east", lat=1, lon=2
        ),
        KnownPlace(
            slug="west-park", kind="road", name={"zh": "公园路", "en": "Park Road"}, within="west", lat=3, lon=4
        ),
    ]
)


def find(text: str, gazetteer: Gazetteer = CITY) -> Place | None:
    return gazetteer.find(text, language_of(text) or "zh")


@pytest.mark.parametrize(
    ("text", "name", "slug"),
    [
        ("人民路12号路灯坏了", "人民路12号", "renmin-road"),
        ("人民路 １２ 號路燈壞了", "人民路12号", "renmin-road"),
        ("人民路十二号路灯坏了", "人民路12号", "renmin-road"),
        ("人民路一百零五号", "人民路105号", "renmin-road"),
        ("人民路12-3号的下水道堵了", "人民路12-3号", "renmin-road"),
        ("忍民路十二号路灯坏了", "人民路12号", "renmin-road"),
        ("The street lamp at 12 Elm Street is broken", "12 Elm Street", "elm-street"),
        ("lamp out at 7, elm st.", "7 Elm Street", "elm-street"),
        ("Elm Street 14", "14 Elm Street", "elm-street"),
        ("North Street, number 14b, has no water", "14b North Street", "north-street"),
        ("Leak on Renmin Rd", "Renmin Road", "renmin-road"),
        ("幸福小区3号楼暖气不热", "幸福小区3号楼", "xingfu-estate"),
        ("人民医院门口的人行道塌了一块", "人民医院", "peoples-hospital"),
        ("市人民医院对面", "人民医院", "peoples-hospital"),
        ("解放路与人民路口的红绿灯一直闪黄灯", "人民路与解放路路口", "renmin-road"),
        ("解放路人民路口", "人民路与解放路路口", "renmin-road"),
        ("人民路和解放路交叉口", "人民路与解放路路口", "renmin-road"),
        ("the corner of Elm St. and Mill Lane floods", "Elm Street / Mill Lane", "elm-street"),
        ("Mill Lane / Elm Street", "Elm Street / Mill Lane", "elm-street"),
        ("城东停水了", "城东区", "chengdong"),
        ("城东区人民路停水了", "人民路", "renmin-road"),
    ],
)
def test_what_a_text_names_is_found_and_written_in_its_language(text: str, name: str, slug: str) -> None:
    found = find(text)
    assert found is not None
    assert (found.name, found.slug) == (name, slug)
    assert found.lat is not None
    assert found.lon is not None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("人民路27路公交等了50分钟没来", "人民路"),
        ("人民路12号晚上停电", "人民路"),
        ("人民路3号线施工", "人民路"),
        ("Elm Street 5 days without light", "Elm Street"),
        ("bus 27 Elm Street never came", "Elm Street"),
        ("人民路和解放路都停水了", "人民路"),
        ("Elm Street and Mill Lane have no water", "Elm Street"),
    ],
)
def test_lines_times_and_two_roads_are_no_house_numbers_and_no_crossing(text: str, name: str) -> None:
    found = find(text)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("text", ["", "路灯坏了", "the helm streets are dark", "Elmstreet", "请问几点开门", "😟" * 50])
def test_a_text_without_a_place_names_none(text: str) -> None:
    assert find(text) is None


def test_a_house_number_and_a_crossing_lie_on_the_road() -> None:
    low, high, crossing = find("人民路12号"), find("人民路268号"), find("解放路人民路口")
    assert low
    assert high
    assert crossing
    assert 31.2200 < low.lat < 31.2215 < 31.2460 < high.lat < 31.2480  # type: ignore[operator]
    assert (crossing.lat, crossing.lon) == pytest.approx((31.2344, 121.5005), abs=0.0002)
    beyond = find("人民路900号")
    assert beyond
    assert beyond.lat == pytest.approx(31.2340)  # no such number: the middle of the road


def test_a_name_of_two_places_is_told_by_what_lies_around_and_else_is_only_a_name() -> None:
    assert find("城西区公园路停水", TWINS) == Place("公园路", 3, 4, "west-park")
    assert find("Park Road, East District", TWINS) == Place("Park Road", 1, 2, "east-park")
    assert find("公园路停水", TWINS) == Place("公园路")


def test_what_lies_around_a_place_is_known() -> None:
    assert CITY.around("renmin-road") == {"renmin-road", "chengdong"}
    assert CITY.around(None) == CITY.around("nowhere") == frozenset()
    assert CITY.is_coarse("chengdong")
    assert not CITY.is_coarse("renmin-road")
    circular = [KnownPlace(slug=a, kind="district", name={"en": a}, within=b) for a, b in ("xy", "yx")]
    assert Gazetteer(circular).around("x") == {"x", "y"}


def test_a_city_without_a_gazetteer_finds_nothing() -> None:
    assert not Gazetteer([])
    assert Gazetteer([]).find("人民路12号", "zh") is None


def test_a_place_with_one_name_is_called_so_in_every_language() -> None:
    only = Gazetteer([KnownPlace(slug="dock", kind="road", name={"en": "Dock Road"})])
    assert only.find("Dock Road 4", "zh") == Place("4 Dock Road", None, None, "dock")


def test_lines_that_do_not_meet_cross_where_they_come_closest() -> None:
    assert place_lines.crossing([(0, 0), (0, 1)], [(1, 3), (1, 2)]) == (0.5, 1.5)
    assert place_lines.along([(0, 0), (0, 1), (0, 3)], 2.0) == (0, 3)
    assert place_lines.house([(0, 0), (0, 4)], (9, 1), 3) == (0, 3)


@pytest.mark.parametrize("text", ["在建设大街5号", "at 5 Unknown Lane", "育才胡同三号楼"])
def test_an_address_is_known_for_one_though_nobody_knows_its_road(text: str) -> None:
    assert place_signs.has_address(fold(text))


@pytest.mark.parametrize("text", ["路灯坏了", "5 lamps are broken", "停水5天了"])
def test_what_is_no_address_is_not(text: str) -> None:
    assert not place_signs.has_address(fold(text))


@given(
    st.lists(
        st.sampled_from([*"人民路解放与和号十百 12-/.,路口", "Elm Street ", "corner of ", " and ", "🏠"]), max_size=60
    )
)
def test_any_text_is_looked_through(pieces: list[str]) -> None:
    find("".join(pieces))


def test_very_many_names_are_looked_at_no_further_than_needed() -> None:
    found = find("公园路、" * 5 * MOST_HITS + "城西区", TWINS)
    assert found == Place("公园路")
