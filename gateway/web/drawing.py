"""Draws every page: Jinja2 templates, the words of each language, and what all pages know.

One `Drawing` serves one application. It is the `Site` of the desk: channels draw their public pages through it. Pages
hold no inline script or style, so that the Content-Security-Policy can forbid both.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import phonenumbers
from aiohttp import web
from babel.dates import format_date, format_datetime, format_timedelta
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from gateway import clock
from gateway.journey import organisation
from gateway.journey.redelivery import Standing
from gateway.journey.shelf import Shelf
from gateway.runtime import Runtime
from gateway.schema_public import PublicPost
from gateway.settings import Settings
from gateway.web import (
    addresses,
    assets,
    catalogues,
    delivery_words,
    labels,
    languages,
    livery,
    moderation_labels,
    pictures,
    post_labels,
    qr,
)
from gateway.web.catalogues import N_
from gateway.web.keys import ACCOUNT, LANGUAGE, LASTING, NEW_VISITOR, THEME, TOKEN_DRAWN
from gateway.web.templating import Templates
from gateway.web.typed import Kept

# As many as are shown again and again, in each language, with some 2 KB each.
FRAGMENTS = 4096
# Letters of parts of pages that are kept: some thousand pages of posts.
PARTS = 8_000_000
# What was taken back is shown no more at once, and stays in memory no longer than this.
PARTS_LAST = timedelta(minutes=10)
TEMPLATES = Path(__file__).parent / "templates"
# What a person reads when something goes wrong, by HTTP status: a title, and what to do now.
ERRORS: Mapping[int, tuple[str, str]] = {
    400: (N_("This request cannot be read"), N_("Go back and try again.")),
    401: (N_("Please log in"), N_("This page is for city staff.")),
    403: (N_("Not allowed"), N_("The page may have been open for too long. Go back, reload it and try again.")),
    404: (N_("There is nothing here"), N_("The address may be mistyped, or what stood here was taken away.")),
    405: (N_("This does not work here"), N_("Go back and try again.")),
    409: (N_("Somebody was faster"), N_("This was changed meanwhile. Reload the page and look at it again.")),
    413: (N_("That is too much at once"), N_("Please send fewer or smaller files, or less text.")),
    422: (N_("Something is missing or wrong"), N_("Go back and look at what you typed.")),
    429: (N_("Too many requests"), N_("Please wait a little and try again.")),
    503: (N_("Very busy just now"), N_("Nothing was kept. Please try again in a few seconds.")),
    500: (N_("Something went wrong on our side"), N_("We have noted it. Please try again a little later.")),
}

# How a day is written.
DAYS: Mapping[str, str] = {"zh": "y年M月d日", "en": "d MMM y"}


@dataclass(frozen=True, slots=True)
class Line:
    """One way to speak to the city: its medium in English, its number as programs and as people read it."""

    medium: str
    number: str
    shown: str
    speaks: bool
    simulated: bool


@dataclass(frozen=True, slots=True)
class Names:
    """What categories and departments are called in a language, by slug; templates hold on to these mappings.

    Those that may be chosen stand in the order of their tree, `of_category` and `of_department` know the former too.
    """

    categories: dict[str, str] = field(default_factory=dict)
    departments: dict[str, str] = field(default_factory=dict)
    of_category: dict[str, str] = field(default_factory=dict)
    of_department: dict[str, str] = field(default_factory=dict)

    def renew(self, settings: Settings, language: str) -> None:
        """Put the names of these settings in place of all that stood here."""
        for mapping, units in (
            (self.categories, [unit for unit, _ in organisation.in_tree(settings.categories)]),
            (self.departments, [unit for unit, _ in organisation.in_tree(settings.departments)]),
            (self.of_category, settings.known_categories),
            (self.of_department, settings.known_departments),
        ):
            mapping.clear()
            mapping.update({unit.slug: _named(unit.name, language) for unit in units})


class Drawing:
    """The pages of one application. `csrf` gives the token of a request's forms, `visitor` the URN of its browser."""

    def __init__(
        self, runtime: Runtime, *, csrf: Callable[[web.Request], str], visitor: Callable[[web.Request], str]
    ) -> None:
        self._runtime = runtime
        self._csrf = csrf
        self._visitor = visitor
        self._translations = catalogues.read()
        self._offered: frozenset[str] | None = None
        self._fragments = lru_cache(FRAGMENTS)(self._draw_fragment)
        # The same on each page as long as the process runs, and the dearest part of home.
        self._lines = cache(self._find_lines)
        self._ways: dict[str, Markup] = {}
        self._parts = self._no_parts()
        # What the categories and departments are called, by language: every one that posts may name.
        self._names = {language: Names() for language in self._translations}
        self._environments = {language: self._environment(language) for language in self._translations}
        self._rename(runtime)
        runtime.derived.append(self._rename)

    async def page(
        self,
        request: web.Request,
        template: str,
        values: Mapping[str, Any],
        status: int = 200,
        *,
        lasting: bool = False,
    ) -> web.Response:
        """A whole page in the language of the request; see `_context` for what every template may use.

        `lasting` says that it changes only with what is public, and may be kept and shown to others.
        """
        request[LASTING] = lasting
        language = self.language(request)
        text = self.draw(language, template, {**self._context(request), **values})
        return web.Response(text=text, status=status, content_type="text/html", headers={"Content-Language": language})

    def visitor(self, request: web.Request) -> str:
        """The URN of the browser that asks."""
        return self._visitor(request)

    def returning(self, request: web.Request) -> str | None:
        """The URN of a browser that brought its cookie, else None."""
        known = self._visitor(request)
        return None if request.get(NEW_VISITOR) else known

    def language(self, request: web.Request) -> str:
        """The language a request is answered in."""
        language: str = request.get(LANGUAGE, self._runtime.settings.city.language)
        return language

    def network(self, request: web.Request) -> str:
        """The network a request comes from, as limits count by it."""
        return addresses.household(addresses.client(request, self._runtime.settings.server.trusted_proxies))

    def draw(self, language: str, template: str, values: Mapping[str, Any]) -> str:
        """A template as text; what a request knows must stand in `values`."""
        return self._environments[language].get_template(template).render(values)

    def fragment(self, post: PublicPost, language: str) -> Markup:
        """One public post as the timeline and the live stream show it; the same post is drawn once."""
        return self._fragments(post, language)

    def say(self, language: str, message: str) -> str:
        """One message of the catalogues in a language."""
        return self._translations[language].gettext(message)

    async def error_page(
        self, request: web.Request, status: int, reference: str | None = None, kept: Kept | None = None
    ) -> web.Response:
        """What a person reads when something goes wrong. `reference` is to be told to whoever runs the gateway, `kept`
        is the form that was sent. Statuses without words of their own are shown like their hundred."""
        known = status if status in ERRORS else (400 if status < HTTPStatus.INTERNAL_SERVER_ERROR else 500)
        title, advice = ERRORS[known]
        values = {"title": title, "advice": advice, "reference": reference, "status": status, "kept": kept}
        return await self.page(request, "error.html", values, status)

    def _draw_fragment(self, post: PublicPost, language: str) -> Markup:
        # A template gives markup: what is a person's in it, it escaped.
        return Markup(self.draw(language, "fragment.html", {"post": post}).strip())  # noqa: S704

    def _context(self, request: web.Request) -> dict[str, Any]:
        """What every page knows beside the globals of its language."""
        return {
            "path": request.path,
            "query_string": request.rel_url.raw_query_string,
            "area": "/" + request.path.lstrip("/").partition("/")[0],
            "csrf": lambda: self._draw_token(request),
            "account": request.get(ACCOUNT),
            "theme": request.get(THEME),
            "with_query": lambda **changes: _with_query(request, changes),
            "offers": lambda address: address in self._addresses(request.app),
            "ways": lambda: self._draw_ways(request),
        }

    def _draw_token(self, request: web.Request) -> Markup:
        """The hidden field of a form that changes something."""
        request[TOKEN_DRAWN] = True
        return Markup('<input type="hidden" name="csrf" value="{}">').format(self._csrf(request))

    def _draw_ways(self, request: web.Request) -> Markup:
        """How one takes part, by every line that is on."""
        language = request.get(LANGUAGE, self._runtime.settings.city.language)
        if language not in self._ways:
            offered = self._addresses(request.app)
            drawn = self.draw(language, "ways.html", {"offers": lambda address: address in offered})
            self._ways[language] = Markup(drawn)  # noqa: S704  (a template's)
        return self._ways[language]

    def _addresses(self, app: web.Application) -> frozenset[str]:
        """Every address that is answered here: a channel that is off has no pages to link to."""
        if self._offered is None:
            self._offered = frozenset(resource.canonical for resource in app.router.resources())
        return self._offered

    def _environment(self, language: str) -> Environment:
        """The templates in one language, with its words, names and way of writing times."""
        translations = self._translations[language]
        settings, gettext = self._runtime.settings, translations.gettext
        environment = Templates(
            {"_": lambda message: Markup(gettext(message)) % {}, "static": assets.url},  # noqa: S704  (our own words)
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            auto_reload=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]  # by i18n
        names = self._names[language]
        environment.globals |= {
            "language": language,
            "city": _named(settings.city.name, language),
            "emergency": settings.city.emergency_number,
            "public_url": self._runtime.settings.public_url,
            "categories": names.categories,
            "departments": names.departments,
            "is_sensitive": lambda slug: organisation.is_sensitive(self._runtime.settings, slug),
            "sensitive_categories": lambda: organisation.sensitive(self._runtime.settings),
            "lines": self._lines,
            "qr": qr.drawn,
            "steps": post_labels.steps,
            "static": assets.url,
            "livery": livery.livery(settings.city),
            "media_limits": settings.media,
            "preview_size": lambda file: pictures.fitted(file.width, file.height, settings.media.preview_side),
            "kept_part": self._kept_part(language),
            "fragment": lambda post: self.fragment(post, language),
            "phrase": lambda key, values=None: self._runtime.phrase(key, language, values),
        }
        environment.filters |= {
            "medium": lambda channel: gettext(labels.medium(channel)),
            "speaks": languages.speaks,
            "wave": pictures.wave,
            "megabytes": lambda number: f"{number / 1_048_576:.0f}",
            "degrees": lambda number: f"{number:.5f}",
            "moment": self._moment(language),
            "day": self._day(language),
            "span": lambda seconds: format_timedelta(timedelta(seconds=seconds), locale=language),
            "clock": lambda moment: format_datetime(moment, "HH:mm", tzinfo=settings.city.zone, locale=language),
            "overdue": lambda moment: moment < clock.now(),
            "age": lambda moment: format_timedelta(clock.now() - moment, locale=language),
            "category": lambda slug: names.of_category.get(slug, slug),
            "department": lambda slug: names.of_department.get(slug, slug),
            "say": gettext,
            "because": lambda reason: delivery_words.because(reason, gettext),
            "stands": self._stands(language),
            "rule": lambda rule: moderation_labels.rule(rule, gettext),
            "label": lambda value, table: gettext(labels.TABLES[table].get(value, str(value))),
        }
        return environment

    def _rename(self, runtime: Runtime) -> None:
        """Call categories and departments as they are called now; what was drawn with other names is drawn again."""
        for language, names in self._names.items():
            names.renew(runtime.settings, language)
        self._fragments.cache_clear()
        self._ways.clear()
        self._parts = self._no_parts()

    def _no_parts(self) -> Shelf[Hashable, Markup]:
        return Shelf(self._runtime.database.wakeups, (), lasts=PARTS_LAST, most=PARTS)

    def _kept_part(self, language: str) -> Callable[..., Markup]:
        """What templates call parts of pages with that are the same where what they depend on is the same."""

        def kept_part(name: str, *depends: Hashable, caller: Callable[[], Markup]) -> Markup:
            key = (language, name, depends)
            part = self._parts.find(key)
            if part is None:
                part = caller()
                if 'name="csrf"' in part:
                    raise ValueError(f"the part {name!r} holds somebody's token and must not be kept")
                self._parts.keep(key, part, len(part), self._parts.generation())
            return part

        return kept_part

    def _stands(self, language: str) -> Callable[[Standing], Markup]:
        moment, gettext = self._moment(language), self._translations[language].gettext

        def stands(standing: Standing) -> Markup:
            timed, timeless = delivery_words.HOLDS[standing.holds]
            if standing.until is None:
                return escape(gettext(timeless))
            return escape(gettext(timed)) % {"until": moment(standing.until)}

        return stands

    def _day(self, language: str) -> Callable[[date | str], str]:
        zone = self._runtime.settings.city.zone

        def day(value: date | str) -> str:
            known = date.fromisoformat(value) if isinstance(value, str) else value
            if isinstance(known, datetime):
                known = known.astimezone(zone)
            return format_date(known, DAYS[language], locale=language)

        return day

    def _moment(self, language: str) -> Callable[..., Markup]:
        zone = self._runtime.settings.city.zone
        pattern = {"zh": f"{DAYS['zh']} HH:mm", "en": f"{DAYS['en']}, HH:mm"}[language]

        # A page has dozens, and the next page mostly the same: to word one takes as long as the rest of its post.
        @lru_cache(4096)
        def moment(value: datetime) -> Markup:
            shown = format_datetime(value, pattern, tzinfo=zone, locale=language)
            return Markup('<time datetime="{}">{}</time>').format(value.isoformat(timespec="seconds"), shown)

        return moment

    def _find_lines(self) -> list[Line]:
        """The numbers people may write to or call. A simulated carrier's number reaches nobody and is shown as such."""
        return [
            Line(
                labels.medium(channel.name),
                number,
                _readable(number),
                channel.capabilities.spoken,
                self._runtime.simulated(channel.name),
            )
            for channel, number in self._runtime.numbers()
        ]


def _with_query(request: web.Request, changes: Mapping[str, str]) -> str:
    """The query asked for with something of it changed, as a link of the page that was asked for."""
    # Most have none; to take an address apart and put it together takes longer than the rest of what links to it.
    changed = request.rel_url.update_query(changes).raw_query_string if request.query_string else urlencode(changes)
    return f"?{changed}"


def _readable(number: str) -> str:
    """A number in groups, as people read it; a short code, and what no country has, as it is."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    if not phonenumbers.is_valid_number(parsed):
        return number
    shown = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return shown.replace(" ", "\N{NO-BREAK SPACE}")


def _named(names: Mapping[Any, str], language: str) -> str:
    return names[language] if language in names else next(iter(names.values()))
