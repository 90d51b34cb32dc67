"""Where the documentation is: the template's pages, at the version of this engine."""

from tagship import __version__

_PAGES = "https://github.com/tagship-labs/tagship-starter/blob/template/v"


def page(name: str) -> str:
    """The address of a page, such as ``how-to/update``."""
    return f"{_PAGES}{__version__}/docs/{name}.md"
