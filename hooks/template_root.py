"""Tells the hooks where the template is: they are rendered while standing in it."""

from pathlib import Path

from jinja2 import Environment
from jinja2.ext import Extension


class TemplateRoot(Extension):
    """Gives templates ``template_root()``."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["template_root"] = lambda: Path.cwd().as_posix()
