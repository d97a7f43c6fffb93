"""Staged files in S3, where COPY reads them: for each load a folder below the prefix of the warehouse, gone after."""

import contextlib
import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engagectl.errors import ConnectError, RefusedError, TransientError

_DELETE_MAX = 1000  # "DeleteObjects": the keys of one request


class Bucket:
    """The place of a warehouse's staged files; `client` is boto3's, with the AWS credentials of this machine."""

    def __init__(self, url: str, client: Any, warehouse: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc:
            raise ConnectError(
                f"the staging of warehouse {warehouse!r} is no place in S3", help="staging: s3://bucket/prefix"
            )
        self._name, self._prefix, self._client = parts.netloc, parts.path.strip("/"), client
        self._warehouse = warehouse

    @contextlib.contextmanager
    def holding(self, paths: Sequence[Path]) -> Iterator[str]:
        """Put the files there, with a manifest of them; yield its URL. All are removed at the end, an error or not.

        The manifest names each file as mandatory: one that is missing fails the load ("Using a manifest").
        """
        folder = "/".join(part for part in (self._prefix, "engagectl", uuid.uuid4().hex) if part)
        keys = [f"{folder}/{number}-{path.name}" for number, path in enumerate(paths)]
        manifest = f"{folder}/manifest"
        entries = [{"url": f"s3://{self._name}/{key}", "mandatory": True} for key in keys]
        try:
            for key, path in zip(keys, paths, strict=True):
                with path.open("rb") as file, self._told():
                    self._client.put_object(Bucket=self._name, Key=key, Body=file)
            with self._told():
                self._client.put_object(Bucket=self._name, Key=manifest, Body=json.dumps({"entries": entries}).encode())
            yield f"s3://{self._name}/{manifest}"
        finally:
            self._remove([*keys, manifest])

    def _remove(self, keys: Sequence[str]) -> None:
        """Remove what was put there. What cannot be removed is left to the bucket's lifecycle rule: the load counts."""
        from botocore.exceptions import BotoCoreError, ClientError

        for start in range(0, len(keys), _DELETE_MAX):
            listed = [{"Key": key} for key in keys[start : start + _DELETE_MAX]]
            with contextlib.suppress(BotoCoreError, ClientError):
                self._client.delete_objects(Bucket=self._name, Delete={"Objects": listed, "Quiet": True})

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in ("AccessDenied", "NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403", "404"):
                raise ConnectError(
                    f"S3 does not take the staged files of warehouse {self._warehouse!r} ({code})",
                    help="check `staging`, and that this machine's AWS credentials may put and delete objects there",
                ) from None
            raise TransientError(f"S3 gave up on a staged file ({code})", help="run it again") from None
        except BotoCoreError as error:
            raise TransientError(f"S3 could not be reached ({type(error).__name__})", help="run it again") from None


def bucket_of(staging: str, warehouse: str) -> Bucket:
    """Return the place where a warehouse's files are staged. Raises RefusedError when its YAML names none."""
    if not staging:
        raise RefusedError(
            f"Redshift loads from S3, and warehouse {warehouse!r} names no place there",
            code="EC504",
            help="staging: s3://bucket/prefix, and iam_role: the role by which Redshift reads it",
        )
    import boto3

    return Bucket(staging, boto3.client("s3"), warehouse)
