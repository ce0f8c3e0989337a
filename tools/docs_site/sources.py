"""
Files of the repository as pages of the site.

The pages in docs/ are read on GitHub too, so they link to files beside docs/.  On the site such
a link leads to a page as well: Markdown as it is, other files as their source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from posixpath import dirname, join, normpath, relpath

ROOT = Path(__file__).resolve().parents[2]
DOCS = "docs/"
BESIDE = ("spec/README.md", "backends/README.md", "CONTRIBUTING.md", "CHANGELOG.md")
"""Pages of the site that are not in docs/."""

LANGUAGES = {".py": "python", ".js": "javascript", ".json": "json", ".toml": "toml"}

_LINK = re.compile(r"\]\(([^()#\s:]+)")


def repository_path(uri: str) -> str:
    """
    Path in the repository of a page of the site.

    >>> repository_path("rules/momo.md"), repository_path("spec/README.md")
    ('docs/rules/momo.md', 'spec/README.md')
    """
    return uri if uri in BESIDE else DOCS + uri


def site_uri(path: str) -> str:
    """
    Page of the site that shows a file of the repository.

    >>> site_uri("docs/am.md"), site_uri("spec/README.md"), site_uri("examples/harness.js")
    ('am.md', 'spec/README.md', 'source/examples/harness.js.md')
    """
    if path.startswith(DOCS):
        return path.removeprefix(DOCS)
    return path if path in BESIDE else f"source/{path}.md"


def linked(markdown: str, path: str) -> set[str]:
    """Files of the repository that the page at `path` links to."""
    targets = {normpath(join(dirname(path), link)) for link in _LINK.findall(markdown)}
    return {target for target in targets if (ROOT / target).is_file()}


def with_site_links(markdown: str, path: str) -> str:
    """The text of the page at `path`, with links to pages of the site."""

    def link(match: re.Match[str]) -> str:
        target = normpath(join(dirname(path), match.group(1)))
        if not (ROOT / target).is_file():
            return match.group()
        return f"]({relpath(site_uri(target), dirname(site_uri(path)) or '.')}"

    return _LINK.sub(link, markdown)


def shown_as_source(pages: Iterable[tuple[str, str]]) -> list[str]:
    """Files, neither pages nor pictures, that these pages (text and path) link to, sorted."""
    targets = {target for markdown, path in pages for target in linked(markdown, path)}
    return sorted(target for target in targets if site_uri(target).startswith("source/"))


def source_page(path: str) -> str:
    """Markdown of the page that shows a file; it is not searched, or each test would be found."""
    file = ROOT / path
    language = LANGUAGES.get(file.suffix, "text")
    head = f"---\nsearch: {{exclude: true}}\ntitle: {file.name}\n---\n# `{path}`\n"
    return f"{head}\n`````{language}\n{file.read_text(encoding='utf-8').rstrip()}\n`````\n"
