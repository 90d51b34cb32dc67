"""The fraud service."""

from tagship.serving import make_service

service = make_service("fraud", __file__)
