"""Keys of the transform hmac_sha256: from their references to bytes, and to what may be recorded of them."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from engagectl.config.project import Project
from engagectl.config.resolve import Secret, resolve_credential
from engagectl.config.warehouse import HmacKeySpec
from engagectl.errors import ConfigError

CHECKED = b"engagectl key check"


def hmac_keys(project: Project, env: Mapping[str, str], ids: Iterable[str]) -> dict[str, Secret]:
    """Return those of the keys that can be resolved; why another cannot is no reason to stop the rest."""
    found: dict[str, Secret] = {}
    for id_ in sorted(set(ids)):
        spec = project.spec.credentials.get(id_)
        if not isinstance(spec, HmacKeySpec):
            continue
        try:
            key = resolve_credential(project, id_, spec.key, "key", env)
        except ConfigError:
            continue
        if key is not None:
            found[id_] = key
    return found


def all_hmac_keys(project: Project, env: Mapping[str, str]) -> dict[str, Secret]:
    """Return every key of the project that can be resolved."""
    return hmac_keys(project, env, project.spec.credentials)


def key_check(key: Secret) -> str:
    """Return what tells one key from another and nothing of the key: 8 hex of its HMAC over a fixed text."""
    return hmac.new(key.reveal().encode(), CHECKED, hashlib.sha256).hexdigest()[:8]
