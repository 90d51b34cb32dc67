"""The churn service."""

from tagship.serving import make_service

service = make_service("churn", __file__)
