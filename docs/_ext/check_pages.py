"""Check of the built pages: what ``-W`` does not notice ends the build as well."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.search.en import SearchEnglish
from sphinx.util.logging import getLogger

logger = getLogger(__name__)

# Words that a user looks for and that the search must know.
SEARCHED = ("load_model", "load_scenario", "save_weights", "set_seed")

RAW = {
    "directive": re.compile(r":::|^\s*\.\. [\w-]+::|```"),
    "option": re.compile(r"^\s*:[a-z][a-z-]*:(\s|$)", re.M),
    "role": re.compile(r"\{[a-z][a-z:-]*\}|:[a-z]+(:[a-z]+)?:(?=`|$)"),
    "markup": re.compile(r"`|\[[^\]\n]+\]\([^)\s]+\)|\[\w+\]_(?!\w)|(?<!\w)\*\*\w"),
    "formula": re.compile(r"\$|\\[A-Za-z]{2,}|\\\(|\\\["),
}
# Text below "Input" that is not an argument, read as the name of one.
SENTENCE = re.compile(r"<li><p><strong>([^<,]+ [^<]+)</strong></p>\s*</li>")
ELSEWHERE = re.compile(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)")
VERBATIM = {"code", "pre", "script", "style", "svg"}
VOID = {"br", "hr", "img", "input", "link", "meta", "source", "wbr", "col", "area"}
RESOURCES = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "script": "src",
    "source": "src",
    "video": "src",
}


class Page(HTMLParser):
    """Anchors, links, resources, and the text outside code and formulas of a page."""

    def __init__(self, html: str):
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.resources: list[str] = []
        self.raw: list[str] = []
        self._open: list[tuple[str, bool]] = []  # element, and whether it is verbatim
        self.raw += [f"sentence read as an argument: {text}" for text in SENTENCE.findall(html)]
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        if given.get("id"):
            self.ids.add(given["id"])
        classes = given.get("class", "").split()
        if {"problematic", "system-message"} & set(classes):
            self.raw.append(f"error of docutils in <{tag}>")
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and {"stylesheet", "preload", "icon", "modulepreload"} & set(
            given.get("rel", "").split()
        ):
            self.resources.append(given.get("href", ""))
        if given.get(RESOURCES.get(tag, "")):
            self.resources.append(given[RESOURCES[tag]])
        if tag not in VOID:
            self._open.append((tag, tag in VERBATIM or "math" in classes))

    def handle_endtag(self, tag):
        if any(name == tag for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data):
        if any(verbatim for _, verbatim in self._open):
            return
        for kind, pattern in RAW.items():
            if found := pattern.search(data):
                around = " ".join(data[max(found.start() - 20, 0) : found.end() + 40].split())
                self.raw.append(f"raw {kind}: {around}")
                break


def faults(
    folder: Path,
    pages: Iterable[str],
    public: Mapping[str, Iterable[str]],
    searched: Iterable[str] = SEARCHED,
) -> list[str]:
    """Faults of built pages, one line each.

    Parameters
    ----------
    folder : `Path`
        Root of the built pages
    pages : iterable of `str`
        Pages to check, relative to the root
    public : mapping from `str` to iterable of `str`
        Public names of each package, as "sionna_isac.array" to "ImpairedArray"
    searched : iterable of `str`
        Words that the search must find
    """
    found: list[str] = []
    parsed = {name: Page((folder / name).read_text("utf-8")) for name in pages}
    for name, page in parsed.items():
        found += [f"{name}: {fault}" for fault in page.raw]
        for link in (*page.links, *page.resources):
            if fault := _broken(folder, name, link, parsed):
                found.append(f"{name}: {fault}")
        for link in page.resources:
            if urlsplit(link).netloc:
                found.append(f"{name}: loads {link} from another host")
    for sheet in folder.rglob("*.css"):
        for link in ELSEWHERE.findall(_text(sheet)):
            found.append(f"{sheet.relative_to(folder)}: loads {link} from another host")
    anchors = set().union(*(page.ids for page in parsed.values()))
    for package, names in public.items():
        for name in names:
            if not {f"{package}.{name}", f"module-{package}.{name}"} & anchors:
                found.append(f"{package}.{name} has no entry in the API reference")
    words = _search_words(folder / "searchindex.js")
    found += [
        f"search for {word!r} finds nothing"
        for word in searched
        if not {word, _searched(word)} & words
    ]
    return found


def _broken(folder: Path, name: str, link: str, parsed: dict[str, Page]) -> str | None:
    """Complaint about a local link whose file or anchor is missing."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    path = (folder / name).parent / unquote(parts.path) if parts.path else folder / name
    if not path.exists():
        return f"link to {link}, which does not exist"
    anchor = unquote(parts.fragment)
    target = str(path.resolve().relative_to(folder.resolve()))
    if anchor and target in parsed and anchor not in parsed[target].ids:
        return f"link to {link}: the page has no such anchor"
    return None


def _search_words(index: Path) -> set[str]:
    """Words that the search knows: of texts, titles and the API."""
    content = json.loads(re.fullmatch(r"Search\.setIndex\((.*)\)\s*", _text(index), re.S)[1])
    entries = (entry[4] for group in content["objects"].values() for entry in group)
    return {*content["terms"], *content["titleterms"], *entries}


def _searched(word: str) -> str:
    """Word as the search looks for it in texts."""
    return SearchEnglish({}).stem(word.lower())


def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")


def public_names() -> dict[str, tuple[str, ...]]:
    """Public names of each package of the library."""
    import sionna_isac

    packages = (f"sionna_isac.{domain}" for domain in sionna_isac._DOMAINS)
    return {p: tuple(importlib.import_module(p).__all__) for p in packages}


def _check(app, exception) -> None:
    if exception is not None or app.builder.name != "html":
        return
    pages = [app.builder.get_target_uri(name) for name in sorted(app.env.found_docs)]
    pages += ["genindex.html", "py-modindex.html", "search.html"]
    for fault in faults(Path(app.outdir), pages, public_names()):
        logger.error(fault)
        app.statuscode = 1


def setup(app):
    """Check after all else, in particular after files have been copied."""
    app.connect("build-finished", _check, priority=1000)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
