"""Yours: write here what must never happen to your models. An update leaves this file alone."""

import yaml

from conftest import ROOT


def test_every_model_says_what_it_is_for(model: str) -> None:
    config = yaml.safe_load((ROOT / "config" / model / "model.yaml").read_text(encoding="utf-8"))
    assert config["card"]["purpose"], f"config/{model}/model.yaml: card.purpose"
