"""
What MkDocs does to the pages of docs/ besides building them.

They are written to be read on GitHub as well: equations in its syntax, headings between two
comments instead of tabs, links to files beside docs/.
"""

from __future__ import annotations

import re
from textwrap import indent

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from equations import FENCE, Equations
from mathfont import PLACE, math_font
from reference import api_pages, command_line_page
from sources import (
    BESIDE,
    ROOT,
    repository_path,
    shown_as_source,
    site_uri,
    source_page,
    with_site_links,
)

_HIDDEN = re.compile(r"<!--.*?-->\n?", flags=re.DOTALL)
_TABS = re.compile(r"<!-- tabs -->\n(.*?)<!-- end of tabs -->\n", flags=re.DOTALL)
_TAB = re.compile(r"^### (.*)\n", flags=re.MULTILINE)
_REQUEST = re.compile(
    r"<(?:script|img|iframe|source|audio|video)\b[^>]*\ssrc=[\"']?(?:https?:)?//[^>]*>"
    r"|<link\b(?=[^>]*rel=[\"']?(?:stylesheet|preconnect|preload|icon))[^>]*href=[\"']?(?:https?:)?//[^>]*>"
    r"|<[^>]*class=[\"']?mermaid[^>]*>"
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let Markdown know equations, and list the optimizers."""
    rules = sorted((ROOT / "docs" / "rules").glob("*.md"))
    pages = [f"rules/{page.name}" for page in rules if page.name != "README.md"]
    config.nav = [
        {title: ["rules/README.md", *pages]} if entry == "rules/" else {title: entry}
        for item in config.nav or []
        for title, entry in item.items()
    ]
    config.markdown_extensions.append(Equations())
    config.mdx_configs["pymdownx.superfences"] = {"custom_fences": [FENCE]}
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/, and the font."""
    beside = {path: (ROOT / path).read_text(encoding="utf-8") for path in BESIDE}
    for uri, text in {**beside, **api_pages(), "command_line.md": command_line_page()}.items():
        files.append(File.generated(config, uri, content=text))
    files.append(File.generated(config, PLACE, content=math_font()))
    written = [(file.content_string, repository_path(file.src_uri)) for file in files.documentation_pages()]
    for path in shown_as_source(written):
        files.append(_unlisted(File.generated(config, site_uri(path), content=source_page(path))))
    return files


def _unlisted(file: File) -> File:
    """A page that the menu leaves out."""
    file.inclusion = InclusionLevel.NOT_IN_NAV
    return file


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Tabs, links, and no comments."""
    del config, files
    if page.file.src_uri.startswith("source/"):
        return markdown
    return with_site_links(_HIDDEN.sub("", tabs(markdown)), repository_path(page.file.src_uri))


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that would ask another host for something."""
    del config
    if requests := _REQUEST.findall(output):
        raise PluginError(f"{page.file.src_uri} asks another host: {requests[0]}")
    return output


def tabs(markdown: str) -> str:
    """
    Headings of level 3 between two comments as tabs.

    >>> tabs("<!-- tabs -->\\n### A\\none\\n### B\\ntwo\\n<!-- end of tabs -->\\n")
    '=== "A"\\n\\n    one\\n\\n=== "B"\\n\\n    two\\n\\n'
    """

    def group(match: re.Match[str]) -> str:
        _, *parts = _TAB.split(match.group(1))
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return "".join(f'=== "{title}"\n\n{indent(body.strip(), "    ")}\n\n' for title, body in pairs)

    return _TABS.sub(group, markdown)
