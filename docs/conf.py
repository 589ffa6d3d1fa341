"""How Sphinx builds this documentation: `make docs`."""

from twofa_gate import __version__

project = "twofa_gate"
author = "The twofa_gate developers"
release = version = __version__
language = "en"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"twofa_gate {release}"
html_copy_source = False
html_show_sphinx = False
