"""What the fixtures promise."""

import pytest
from builders.session import a_body
from support.api_server import ApiServer, Namespace

pytestmark = pytest.mark.integration


def test_a_session_can_be_created_and_is_found_by_its_short_name(namespace: Namespace) -> None:
    namespace.kubectl("apply", "-f", "-", stdin=a_body("signs"))
    assert "signs" in namespace.kubectl("get", "hts", "-o", "name")


def test_namespaces_are_the_tests_own(api_server: ApiServer, namespace: Namespace, restricted: Namespace) -> None:
    assert namespace.name != restricted.name
    labels = api_server.http.get(f"/api/v1/namespaces/{restricted.name}").json()["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
