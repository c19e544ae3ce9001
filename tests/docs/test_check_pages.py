"""Check of built pages: it finds what it is for, and nothing in a page that is as it should be."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytest.importorskip("sphinx")
_spec = importlib.util.spec_from_file_location("check_pages", ROOT / "docs/_ext/check_pages.py")
check_pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(check_pages)

PUBLIC = {"sionna_isac.array": ("steer",), "sionna_isac.core": ("checks",)}
GOOD = r"""<html><head>
<link rel="stylesheet" href="style.css"><script src="search.js"></script></head>
<body><h1 id="top">Title</h1>
<p>Text with <code>$HOME, {ref}`x`, :class: and \mathbf</code> and
<span class="math notranslate">\(\mathbf{x}\)</span>, 0 &lt;= x &lt; 2**31.</p>
<div class="math">\[a^2\]</div><pre>:::{note}</pre>
<dl><dt class="sig" id="sionna_isac.array.steer">steer</dt>
<dd><ul><li><p><strong>low, high</strong></p></li>
<li><p><strong>x</strong> (float)</p></li></ul></dd>
</dl><section id="module-sionna_isac.core.checks"></section>
<a href="#top">up</a> <a href="other.html#there">other</a> <a href="https://example.org/">out</a>
<img src="picture%20one.png" alt="Picture"></body></html>"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "other.html").write_text('<p id="there">Other</p>')
    (tmp_path / "picture one.png").write_bytes(b"")
    (tmp_path / "style.css").write_text("p {background: url(picture.png)}")
    (tmp_path / "search.js").write_text("")
    index = {"terms": {"load_model": 0}, "titleterms": {"titl": 0}}
    index["objects"] = {"sionna_isac.array": [[0, 0, 1, "", "steer"]]}
    (tmp_path / "searchindex.js").write_text(f"Search.setIndex({json.dumps(index)})")

    def faults(page=GOOD, public=PUBLIC, searched=("load_model", "steer")):
        (tmp_path / "index.html").write_text(page)
        return check_pages.faults(tmp_path, ["index.html", "other.html"], public, searched)

    faults.folder = tmp_path
    return faults


def test_nothing_is_wrong_with_a_good_page(site):
    assert site() == []


@pytest.mark.parametrize(
    ("piece", "complaint"),
    [
        ("<p>:::{list-table}</p>", "raw directive"),
        ("<p>```{note}</p>", "raw directive"),
        ("<p>.. math::</p>", "raw directive"),
        ("<p>:widths: 30 70</p>", "raw option"),
        ("<p>:class:</p>", "raw option"),
        ("<p>see {ref}<code>x</code></p>", "raw role"),
        ("<p>see :py:class:<code>x</code></p>", "raw role"),
        ("<p>see `x`</p>", "raw markup"),
        ("<p>see [Zhao26]_</p>", "raw markup"),
        ("<p>see [page](page.md)</p>", "raw markup"),
        ("<p>of **all</p>", "raw markup"),
        ("<td>$E</td>", "raw formula"),
        (r"<td>\mathbf x</td>", "raw formula"),
        ("<ul><li><p><strong>The others are those of x.</strong></p></li></ul>", "sentence read"),
        ('<span class="problematic">x</span>', "error of docutils"),
        ('<a href="nowhere.html">x</a>', "link to nowhere.html, which does not exist"),
        ('<a href="other.html#nowhere">x</a>', "no such anchor"),
        ('<a href="#nowhere">x</a>', "no such anchor"),
        ('<img src="missing.png">', "missing.png, which does not exist"),
        ('<script src="https://example.org/a.js"></script>', "another host"),
        ('<link rel="stylesheet" href="//example.org/a.css">', "another host"),
        ('<img src="https://example.org/a.png">', "another host"),
    ],
)
def test_fault_of_a_page_is_found(site, piece, complaint):
    (found,) = site(GOOD.replace("</body>", f"{piece}</body>"))
    assert complaint in found
    assert found.startswith("index.html: ")


def test_missing_entries_and_words_are_found(site):
    assert site(public={"sionna_isac.array": ("steer", "lost")}) == [
        "sionna_isac.array.lost has no entry in the API reference"
    ]
    assert site(searched=("save_weights",)) == ["search for 'save_weights' finds nothing"]


def test_fonts_of_another_host_are_found(site):
    (site.folder / "style.css").write_text('@import "https://example.org/font.css";')
    assert site() == ["style.css: loads https://example.org/font.css from another host"]


def test_every_package_is_looked_at():
    public = check_pages.public_names()
    folders = {p.parent.name for p in (ROOT / "sionna_isac").glob("*/__init__.py")}
    assert {name.split(".")[1] for name in public} == folders
    assert all(public.values())
    assert "load_scenario" in public["sionna_isac.study"]


def test_formulas_are_shipped():
    conf = (ROOT / "docs/conf.py").read_text()
    assert '"check_pages"' in conf
    assert '"sphinx-mathjax-offline"' in conf
    for pins in (ROOT / "constraints").glob("py*.txt"):
        assert "\nsphinx-mathjax-offline==" in pins.read_text()
