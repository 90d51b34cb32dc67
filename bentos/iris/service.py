"""The iris service."""

from tagship.serving import make_service

service = make_service("iris", __file__)
