"""What `mkdocs build` does otherwise for us: the hooks that mkdocs.yml names.

The same files are read on a forge and as a site. So headings get the anchors that forges give
them, links to files outside of docs/, which the site does not have, become those files' names, and
the READMEs are the site's first pages.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

HOMES = {"README.md": "index.md", "README.zh-CN.md": "zh/index.md"}
"""The page of the site that each README becomes."""

DECISIONS = "adr"
"""The folder of pages that stand in the contents one by one, without being listed by hand."""

_TARGET = re.compile(r"(?<=\]\()[^)#\s]+")
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)(?:#[^)]*)?\)")


def slugify(text: str, separator: str = "-") -> str:
    """Return a heading's anchor: letters of any script, digits, `_`, `-` stay, blanks are `-`."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", separator)


def named(markdown: str, folder: str) -> str:
    """Return a page of `folder`, below docs/, its links to folders, or out of docs/, as names."""

    def turned(link: re.Match[str]) -> str:
        if "://" in link["target"]:
            return link[0]
        path = posixpath.normpath(posixpath.join("docs", folder, link["target"]))
        if path.startswith("docs/") and posixpath.splitext(path)[1]:
            return link[0]
        text = link["text"].strip("`")
        return f"`{path}`" if text == path else f"{link['text']} (`{path}`)"

    return _LINK.sub(turned, markdown)


def home(markdown: str, place: str) -> str:
    """Return a README as the page at a place below docs/: its links are written from there."""
    folder = posixpath.join("docs", posixpath.dirname(place))

    def turned(target: re.Match[str]) -> str:
        if "://" in target[0]:
            return target[0]
        path = f"docs/{HOMES[target[0]]}" if target[0] in HOMES else target[0]
        return posixpath.relpath(path, folder)

    return _TARGET.sub(turned, markdown)


def on_config(config: Any) -> Any:
    """Give headings their anchors, and decisions their place in the contents; called by mkdocs."""
    config.mdx_configs["toc"] = {"slugify": slugify, "permalink": True}
    decisions = sorted((Path(config.docs_dir) / DECISIONS).glob("*.md"))
    if config.nav and decisions:
        config.nav.append({"Decisions": [f"{DECISIONS}/{page.name}" for page in decisions]})
    return config


def on_files(files: Any, *, config: Any) -> Any:
    """Add the READMEs as pages; called by mkdocs."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - only mkdocs itself calls this

    root = Path(config.config_file_path).parent
    for readme, place in HOMES.items():
        if (root / readme).is_file() and not files.get_file_from_path(place):
            text = home((root / readme).read_text(encoding="utf-8"), place)
            files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Turn links of a page; called by mkdocs."""
    return named(markdown, posixpath.dirname(page.file.src_uri))
