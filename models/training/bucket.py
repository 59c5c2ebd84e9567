"""Files from and to an object store. All but the endpoint is said by the environment."""
import os
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from refusal import Refusal

PUBLISHED = ("model.onnx", "report.json", "bundle.json")


class Prefix:
    """s3://BUCKET/PREFIX/: objects whose names begin alike."""

    def __init__(self, url: str, endpoint: str | None) -> None:
        parts = urlsplit(url)
        self._url = f"{url.rstrip('/')}/"
        self._bucket = parts.netloc
        self._folder = f"{path}/" if (path := parts.path.strip("/")) else ""
        self._client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            # Shrike's SDK reads AWS_REGION; this one does not.
            region_name=os.environ.get("AWS_REGION"),
            config=Config(
                connect_timeout=10,
                read_timeout=60,
                retries={"mode": "standard", "total_max_attempts": 5},
                s3={"addressing_style": "path" if endpoint else "auto"},
            ),
        )

    def fetch(self, name: str, to: Path) -> Path:
        """Raises TRAINING_INPUT if there is no such object, TRAINING_STORE."""
        try:
            self._client.download_file(self._bucket, self._folder + name, str(to / name))
        except (BotoCoreError, ClientError) as error:
            code = "TRAINING_INPUT" if _status(error) == 404 else "TRAINING_STORE"
            raise Refusal(code, f"cannot read {self._url}{name}: {error}") from error
        return to / name

    def publish(self, bundle: Path) -> str:
        """Puts a bundle below its folder's name; an object that is there is never replaced.

        bundle.json is last: with it the bundle is whole. What an earlier try left, if it is the
        same, is taken for done. Raises TRAINING_EXISTS, TRAINING_STORE.
        """
        for name in PUBLISHED:
            key = f"{self._folder}{bundle.name}/{name}"
            content = (bundle / name).read_bytes()
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=key, Body=content, IfNoneMatch="*"
                )
            except (BotoCoreError, ClientError) as error:
                if _status(error) != 412:
                    raise Refusal("TRAINING_STORE", f"cannot write {self._url}: {error}") from error
                if name == PUBLISHED[-1] or self._get(key) != content:
                    raise Refusal("TRAINING_EXISTS", f"s3://{self._bucket}/{key} exists") from error
        return f"{self._url}{bundle.name}/"

    def _get(self, key: str) -> bytes:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise Refusal("TRAINING_STORE", f"cannot read {self._url}: {error}") from error


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", {})
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode")
