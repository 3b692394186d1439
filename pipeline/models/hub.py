"""Where hub weights come from: the local cache first, then the network, with a fast answer when there is none."""

import os
import socket
import urllib.request
from pathlib import Path
from urllib.parse import urlparse

import timm
from huggingface_hub import constants, try_to_load_from_cache

from pipeline.errors import ConfigError

CONNECT_SECONDS = 5.0
REMEDY = "Connect once and run again, set weights: scratch, or give the path of a weights file."


def cached_weights(name: str) -> Path | None:
    """Return the cached safetensors file of a timm network, or None.

    Args:
        name: timm name with or without a tag.
    """
    settings = timm.get_pretrained_cfg(name)
    if settings is None or not settings.hf_hub_id:
        return None
    hub_id = settings.hf_hub_id
    # timm writes "timm/" for "the repository of that very name".
    repository = f"{hub_id}{settings.architecture}.{settings.tag}" if hub_id.endswith("/") else hub_id
    cached = try_to_load_from_cache(repository, "model.safetensors")
    return Path(cached) if isinstance(cached, str) else None


def check_hub(name: str) -> None:
    """Check that the model hub can be reached before its client spends most of a minute on retries.

    Args:
        name: timm name, for the message.

    Raises:
        ConfigError: the hub's name does not resolve or it does not answer.
    """
    offline = ConfigError(
        f"the pretrained weights of timm/{name} are not on this machine and the model hub cannot be reached",
        "a connection, or the weights in the hub's local cache",
        REMEDY,
    )
    if constants.HF_HUB_OFFLINE:
        raise offline
    address = urlparse(os.environ.get("HF_ENDPOINT", constants.ENDPOINT))
    # Behind a proxy only the proxy can tell.
    if address.scheme in urllib.request.getproxies():
        return
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname or "", port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise offline from error
