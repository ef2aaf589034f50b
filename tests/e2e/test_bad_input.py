"""What a user gets wrong is said in one helpful sentence by `kubectl describe`."""

import pytest
from support.site import Site

pytestmark = pytest.mark.e2e


def test_an_identifier_that_cannot_be_parsed(site: Site) -> None:
    site.apply(site.session("unparsable", model="what is this"))
    story = site.describes("unparsable", "Accepted", "InvalidSpec")
    assert "supported" in story
    assert ".yaml" in story


def test_a_missing_secret(site: Site) -> None:
    body = site.session("keyless")
    del body["spec"]["model"]
    body["spec"]["modelFrom"] = {"secretKeyRef": {"name": "not-there", "key": "identifier"}}
    site.apply(body)
    story = site.describes("keyless", "HubReady", "SecretNotFound")
    assert "not-there" in story
    assert "kubectl" in story


def test_a_wrong_key(site: Site) -> None:
    site.kubectl("delete", "secret", "wrong-key", "--ignore-not-found")
    site.kubectl("create", "secret", "generic", "wrong-key", "--from-literal=api-key=" + "x" * 42)
    url = "http://hubtraining-hub.hubtraining-system.svc:8000"
    hub = {"url": url, "credentialsSecretRef": {"name": "wrong-key", "key": "api-key"}}
    site.apply(site.session("locked-out", hub=hub))
    story = site.describes("locked-out", "HubReady", "Unauthorized")
    assert "wrong-key" in story
    assert "x" * 42 not in story


def test_an_image_that_cannot_be_pulled(site: Site) -> None:
    site.apply(site.session("no-image", trainer={"image": "localhost/nobody/nothing:1"}))
    story = site.describes("no-image", "Training", "ImagePullFailed")
    assert "localhost/nobody/nothing:1" in story


def test_a_gpu_that_no_node_has(site: Site) -> None:
    site.apply(site.session("no-gpu", trainer={"resources": {"limits": {"nvidia.com/gpu": "1"}}}))
    story = site.describes("no-gpu", "Scheduled", "Unschedulable")
    assert "nvidia.com/gpu" in story
