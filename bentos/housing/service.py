"""The housing service."""

from tagship.serving import make_service

service = make_service("housing", __file__)
