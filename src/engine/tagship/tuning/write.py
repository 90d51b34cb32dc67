"""Writing the best trial into model.yaml, with every comment and the order kept."""

from typing import Any

from tagship.config.project_files import ModelFiles
from tagship.config.yaml_edit import set_values
from tagship.config.yaml_file import parse_yaml
from tagship.errors import TagshipError
from tagship.files import write_atomically
from tagship.tuning.tune import Tuned


def write_params(files: ModelFiles, tuned: Tuned) -> None:
    """Set the best trial's parameters in ``config/<model>/model.yaml``.

    Raises:
        TagshipError: the file is written in a way in which they cannot be set without changing
            something else, such as an alias; nothing is written then.
    """
    path = files.folder / "model.yaml"
    text = path.read_bytes().decode("utf-8")
    wanted: Any = parse_yaml(text, path).plain()
    candidate = wanted["candidates"][tuned.candidate]
    candidate["params"] = {**(candidate.get("params") or {}), **tuned.params}
    try:
        new = set_values(text, ("candidates", tuned.candidate), "params", tuned.params)
        same = parse_yaml(new, path).plain() == wanted
    except (KeyError, TagshipError):
        same = False
    if not same:
        shown = ", ".join(f"{name}: {value!r}" for name, value in tuned.params.items())
        raise TagshipError(
            f"{path}: candidates.{tuned.candidate}.params cannot be set without changing more",
            f"set them by hand: {shown}",
        )
    write_atomically(path, new)
