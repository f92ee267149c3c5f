"""What `mkdocs build` does otherwise for us: the hooks that mkdocs.yml names.

The same files are read on a forge and as a site. So headings get the anchors that forges give
them, and links to files outside of docs/, which the site does not have, become those files' names.
"""

import posixpath
import re
from typing import Any

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)(?:#[^)]*)?\)")


def slugify(text: str, separator: str = "-") -> str:
    """Return a heading's anchor: letters of any script, digits, `_`, `-` stay, blanks are `-`."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", separator)


def named(markdown: str, folder: str) -> str:
    """Return a page of `folder`, below docs/, with links that leave docs/ turned into names."""

    def turned(link: re.Match[str]) -> str:
        if "://" in link["target"]:
            return link[0]
        path = posixpath.normpath(posixpath.join("docs", folder, link["target"]))
        if path.startswith("docs/"):
            return link[0]
        text = link["text"].strip("`")
        return f"`{path}`" if text == path else f"{link['text']} (`{path}`)"

    return _LINK.sub(turned, markdown)


def on_config(config: Any) -> Any:
    """Give headings their anchors; called by mkdocs."""
    config.mdx_configs["toc"] = {"slugify": slugify, "permalink": True}
    return config


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Turn links of a page; called by mkdocs."""
    return named(markdown, posixpath.dirname(page.file.src_uri))
