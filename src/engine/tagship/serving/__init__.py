"""What runs in the serving image: bentoml, onnxruntime and numpy, nothing heavier."""

from tagship.serving.service import make_service

__all__ = ["make_service"]
