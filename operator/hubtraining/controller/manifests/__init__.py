"""The pods of one attempt, and what they share: pure functions from values to the manifests that are sent."""

from hubtraining.controller.manifests.assignments import assignment, hub_access
from hubtraining.controller.manifests.attempt import Attempt, Manifest
from hubtraining.controller.manifests.claim import claim
from hubtraining.controller.manifests.nodes import service
from hubtraining.controller.manifests.pod import pod

__all__ = ["Attempt", "Manifest", "assignment", "claim", "hub_access", "pod", "service"]
