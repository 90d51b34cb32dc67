"""The README of the template itself; a project has its own."""

import re

from generating import ROOT

from tagship.config.thresholds import WATCHING, ThresholdsConfig

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_it_stays_short() -> None:
    assert len(README.splitlines()) < 200


def test_it_opens_with_the_two_commands_and_has_one_picture() -> None:
    languages = [language for language, _ in BLOCKS]
    assert languages[0] == "sh"
    commands = [line.split()[:2] for line in BLOCKS[0][1].splitlines()]
    assert commands == [["make", "run"], ["make", "test"]]
    assert languages.count("mermaid") == 1


def test_every_gate_is_named_and_explained() -> None:
    page = (ROOT / "docs" / "explanation" / "verdict.md").read_text(encoding="utf-8")
    for gate in ThresholdsConfig.model_fields.keys() - WATCHING:
        assert f"`{gate}`" in README, gate
        assert re.search(rf"^\| `{gate}` \|", page, re.MULTILINE), gate
