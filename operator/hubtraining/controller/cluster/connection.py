"""How the API server is reached: the pod's service account in a cluster, the kubeconfig anywhere else."""

import copy
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

CONNECT_SECONDS = 5.0
KUBECONFIG = "~/.kube/config"


class NoCluster(Exception):
    """The environment names no API server that can be reached."""


async def load(environ: Mapping[str, str], connections: int) -> Configuration:
    """The address, trust and credentials; a client made from it opens at most so many connections.

    Raises NoCluster. In a cluster the token's file is read again every minute, so a rotated token is taken up.
    """
    if "KUBERNETES_SERVICE_HOST" not in environ:
        configuration, _ = await from_kubeconfig(environ.get("KUBECONFIG", ""), "")
    else:
        configuration = from_service_account()
    configuration.connection_pool_maxsize = connections
    return configuration


def from_service_account() -> Configuration:
    """The pod's own. Raises NoCluster."""
    configuration = Configuration()
    try:
        load_incluster_config(client_configuration=configuration)
    except (ConfigException, OSError) as error:
        raise NoCluster(f"no service account can be used: {error}") from error
    return configuration


async def from_kubeconfig(files: str, context: str) -> tuple[Configuration, str]:
    """The configuration and the namespace of a context; empty means the usual file, and the current context.

    Raises NoCluster; the text holds nothing of the file's credentials.
    """
    configuration: Any = Configuration()
    sources = files or KUBECONFIG
    if not is_there(sources):
        raise NoCluster(f"there is no kubeconfig {sources}")
    try:
        loader = await load_kube_config(sources, context=context or None, client_configuration=configuration)
    except (ConfigException, OSError) as error:
        raise NoCluster(f"the kubeconfig {sources} cannot be used: {error}") from error
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise NoCluster(f"the kubeconfig {sources} cannot be read: {type(error).__name__}") from None
    if hasattr(loader, "exec_plugin_expiry"):
        configuration.refresh_api_key_hook = _renewing(loader)
    return configuration, loader.current_context["context"].get("namespace") or "default"


def is_there(files: str) -> bool:
    """Whether there is a kubeconfig; like KUBECONFIG it may be several files."""
    return any(Path(file).expanduser().exists() for file in (files or KUBECONFIG).split(os.pathsep) if file)


def _renewing(loader: Any) -> Callable[[Configuration], Awaitable[None]]:
    """Tokens of a log-in program live for minutes, and a training is followed for hours."""

    async def renew(configuration: Configuration) -> None:
        await loader.load_from_exec_plugin()  # does nothing while the token is good
        configuration.api_key["BearerToken"] = loader.token

    return renew


def apart(configuration: Configuration, connections: int) -> Configuration:
    """The same API server for a client of its own, whose requests never wait for the others' connections."""
    own = copy.deepcopy(configuration)
    own.connection_pool_maxsize = connections
    return own


def http_session(configuration: Configuration, connections: int) -> aiohttp.ClientSession:
    """A session of its own for watches, with the same trust and the same fresh token."""

    async def authorize(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        token = await configuration.get_api_key_with_prefix("BearerToken")
        if token:
            request.headers["Authorization"] = token
        return await send(request)

    trust = RESTClientObject(configuration).ssl_context
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, ssl=trust),
        timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS),
        middlewares=(authorize,),
        trust_env=True,
    )
