"""The documentation as a site: the Markdown of the repository where it lies, and the API from the docstrings.

python -m sphinx -W --keep-going -c docs . build/docs        then open build/docs/index.html

A warning is an error: a link that leads nowhere, an anchor that is not there, a page that no list names.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import benchmark  # noqa: E402 - of this checkout, not of what is installed

project, author, release = "STEMDL Benchmark", "the STEMDL Benchmark authors", benchmark.__version__
copyright = "Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "docs/**.md",
    "benchmark/tasks/*/*.md",
    "reference/tasks/*/*.md",
    "results/README.md",
]
exclude_patterns = ["build", "data", "runs", ".*"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header", "ref.python"]  # a page may begin at any depth; `bytes` is of two classes too
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
default_role = "literal"
html_theme = "furo"
html_title = f"STEMDL Benchmark {release}"
html_extra_path = ["site"]
html_show_copyright = False
html_copy_source = False


def of_plain_text(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text with names in backticks: what reStructuredText takes for marks is only characters."""
    lines[:] = [re.sub(r"(?<=\w)_(?=\W|$)|[*|\\]", r"\\\g<0>", line) for line in lines]


class Folders(SphinxPostTransform):
    """A link to a folder of the repository is its name: the site has no page of it."""

    default_priority = 8  # before MyST looks for the pages that links lead to

    def run(self, **kwargs: Any) -> None:
        for link in list(self.document.findall(pending_xref)):
            place = (ROOT / self.env.docname).parent / str(link.get("reftarget"))
            if link.get("reftype") == "myst" and place.is_dir():
                link.replace_self(nodes.literal(text=link.astext()))


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", of_plain_text, priority=100)  # before the lists of fields are read
    app.add_post_transform(Folders)
