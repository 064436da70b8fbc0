"""Sphinx configuration. `nox --session docs` builds the pages with warnings as errors."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import octaspace

project = "Flask-OctaSpace"
author = "The Flask-OctaSpace developers"
copyright = "2026, the Flask-OctaSpace developers"
release = version = octaspace.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_use_rtype = False
# Document the attributes of a docstring as fields, not as separate entries next to the properties.
napoleon_use_ivar = True
#: Text in single backquotes in docstrings is code.
default_role = "code"
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "Flask-OctaSpace"
#: Pages load no resources from other hosts.
html_theme_options = {"navigation_with_keys": True}
