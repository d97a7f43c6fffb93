"""Warehouses and credentials as the YAML writes them: six types, seven ways to sign in."""

from typing import Annotated, Any, Literal

from pydantic import Field

from engagectl.config.field import (
    FOLDER_URL,
    STAGE,
    Chosen,
    Duration,
    Id,
    Many,
    Name,
    PortField,
    SecretField,
    Spec,
    TextField,
)
from engagectl.config.selective_sync import SelectiveSyncSpec


class PasswordSpec(Spec):
    method: Literal["password"]
    user: TextField | None = None
    password: SecretField


class KeyPairSpec(Spec):
    method: Literal["key_pair"]
    user: TextField | None = None
    private_key: SecretField
    passphrase: SecretField | None = None


class TokenSpec(Spec):
    method: Literal["token"]
    user: TextField | None = None
    token: SecretField


class OauthM2mSpec(Spec):
    method: Literal["oauth_m2m"]
    client_id: TextField
    client_secret: SecretField


class ServiceAccountSpec(Spec):
    method: Literal["service_account"]
    json_: Annotated[SecretField, Field(alias="json")]


class DefaultCredentialsSpec(Spec):
    """What the machine is signed in with."""

    method: Literal["default"]


class HmacKeySpec(Spec):
    """A key for the transform hmac_sha256, not for a warehouse."""

    method: Literal["hmac_key"]
    key: SecretField


CredentialsSpec = Annotated[
    PasswordSpec | KeyPairSpec | TokenSpec | OauthM2mSpec | ServiceAccountSpec | DefaultCredentialsSpec | HmacKeySpec,
    Chosen("method"),
]


class SyncSpec(Spec):
    """When a warehouse is loaded: every so often, or by cron in a time zone; never in a blackout."""

    every: Annotated[Duration | None, Field(description="1h when neither every nor cron is said")] = None
    cron: Name | None = None
    timezone: Name | None = None
    blackout: Annotated[Many[Name], Field(description='windows such as "02:00-03:30 Europe/Berlin"')] = ()


class _WarehouseSpec(Spec):
    credentials: Annotated[Id | None, Field(description="id of credentials; or an inline auth")] = None
    auth: CredentialsSpec | None = None
    sync: SyncSpec | None = None
    selective_sync: SelectiveSyncSpec | None = None

    @property
    def landings(self) -> tuple[tuple[str, str], ...]:
        """Where objects lie that the warehouse loads itself, and its own name for each place."""
        return ()


class DuckdbSpec(_WarehouseSpec):
    type: Literal["duckdb"]
    path: Annotated[TextField, Field(description="the database file, relative to this file")]
    storage_version: Name | None = None


SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


class PostgresSpec(_WarehouseSpec):
    type: Literal["postgres"]
    host: Annotated[TextField | None, Field(description="name, or folder of a socket")] = None
    port: PortField | None = None
    database: TextField | None = None
    user: TextField | None = None
    sslmode: Annotated[SslMode | None, Field(description="verify-full unless the host is local")] = None
    dsn: Annotated[SecretField | None, Field(description="instead of all other connection fields")] = None


class RedshiftTableLayoutSpec(Spec):
    """Nothing said means: as Redshift finds it best by itself (DISTSTYLE AUTO, SORTKEY AUTO)."""

    distkey: Annotated[Name | None, Field(description="the column by which rows are spread over the nodes")] = None
    sortkey: Annotated[Many[Name], Field(description="the columns in whose order rows are kept")] = ()


class RedshiftLayoutSpec(Spec):
    """Of tables that apply makes; plan tells of one that is there with another, and leaves it as it is."""

    events: Annotated[RedshiftTableLayoutSpec | None, Field(description="sortkey: [received_at] when not said")] = None
    users: Annotated[
        RedshiftTableLayoutSpec | None, Field(description="distkey: id and sortkey: [id] when not said")
    ] = None


class RedshiftSpec(_WarehouseSpec):
    type: Literal["redshift"]
    host: Annotated[TextField | None, Field(description="the endpoint; not needed with cluster or workgroup")] = None
    port: PortField | None = None
    database: TextField | None = None
    user: TextField | None = None
    sslmode: Annotated[SslMode | None, Field(description="verify-full unless the host is local")] = None
    dsn: Annotated[SecretField | None, Field(description="instead of all other connection fields")] = None
    cluster: Annotated[TextField | None, Field(description="a provisioned cluster, signed in to by IAM")] = None
    workgroup: Annotated[TextField | None, Field(description="a serverless workgroup, signed in to by IAM")] = None
    region: Annotated[TextField | None, Field(description="of AWS, where the machine does not say it")] = None
    staging: Annotated[TextField | None, Field(description="s3://bucket/prefix: where sync stages what COPY reads")] = (
        None
    )
    iam_role: Annotated[TextField | None, Field(description="the role by which COPY reads it; the default one")] = None
    layout: Annotated[RedshiftLayoutSpec | None, Field(description="DISTKEY and SORTKEY of new tables")] = None


class SnowflakeTableLayoutSpec(Spec):
    cluster_by: Annotated[Many[Name], Field(description="columns of the clustering key, coarsest first")] = ()


class SnowflakeLayoutSpec(Spec):
    """New tables and those that are there get this key; of what is not said, no table gets or loses one."""

    events: Annotated[SnowflakeTableLayoutSpec | None, Field(description="every table but users")] = None
    users: SnowflakeTableLayoutSpec | None = None


class ExternalStageSpec(Spec):
    """Objects that Snowflake loads itself: none of their bytes passes through the machine that runs sync."""

    url: Annotated[str, Field(pattern=FOLDER_URL, description="s3://bucket/folder/, as an input names it")]
    stage: Annotated[str, Field(pattern=STAGE, description="the external stage of this URL, as DATABASE.SCHEMA.STAGE")]


class SnowflakeSpec(_WarehouseSpec):
    type: Literal["snowflake"]
    account: TextField
    host: Annotated[
        TextField | None, Field(description="where it is reached, if not at ACCOUNT.snowflakecomputing.com")
    ] = None
    database: TextField
    compute_warehouse: TextField | None = None
    role: TextField | None = None
    user: TextField | None = None
    compute: dict[str, Any] | None = None
    layout: Annotated[SnowflakeLayoutSpec | None, Field(description="clustering keys of tables")] = None
    external_stages: Annotated[
        Many[ExternalStageSpec], Field(description="where objects lie that Snowflake loads itself")
    ] = ()

    @property
    def landings(self) -> tuple[tuple[str, str], ...]:
        return tuple((one.url, one.stage) for one in self.external_stages)


class BigqueryTableLayoutSpec(Spec):
    """What is not said is as for a table that nothing is said of."""

    partition_by: Annotated[
        Name | None, Field(description="a timestamp by whose day rows are kept apart; `ingestion`, or `none`")
    ] = None
    cluster_by: Annotated[
        Many[Name] | None, Field(description="up to four columns by which rows are kept together, coarsest first")
    ] = None
    require_partition_filter: Annotated[
        bool | None, Field(description="a query that does not name the partition fails")
    ] = None
    partition_expiration_days: Annotated[
        int | None, Field(ge=0, description="older partitions are dropped by BigQuery, with their rows; 0: none is")
    ] = None


class BigqueryLayoutSpec(Spec):
    """New tables are laid out so; of one that is there all but its partitions is changed."""

    events: Annotated[
        BigqueryTableLayoutSpec | None,
        Field(description="partition_by: received_at, and cluster_by: [user_id] in classic schemas, when not said"),
    ] = None
    users: Annotated[BigqueryTableLayoutSpec | None, Field(description="cluster_by: [id] when not said")] = None


class BigqueryViewsSpec(Spec):
    """A view TABLE_view beside each table of events, as Segment makes it: the newest row of each id."""

    days: Annotated[int, Field(ge=1, le=36_500, description="how far back, by the day of the partition")] = 60


class BigquerySpec(_WarehouseSpec):
    type: Literal["bigquery"]
    project: TextField
    location: Annotated[TextField | None, Field(description="of its datasets, such as EU; US when not said")] = None
    host: Annotated[TextField | None, Field(description="where it is reached, if not at bigquery.googleapis.com")] = (
        None
    )
    maximum_bytes_billed: Annotated[int | None, Field(ge=1, description="a statement that would read more fails")] = (
        None
    )
    compute: dict[str, Any] | None = None
    layout: Annotated[BigqueryLayoutSpec | None, Field(description="partitions and clustering of tables")] = None
    views: Annotated[BigqueryViewsSpec | None, Field(description="make TABLE_view beside each table of events")] = None


class DatabricksTableLayoutSpec(Spec):
    """Nothing said means: no clustering."""

    cluster_by: Annotated[
        Many[Name], Field(description="up to four of the first 32 columns, by which rows are kept together")
    ] = ()


class DatabricksLayoutSpec(Spec):
    """New tables are clustered so; one that is there when this is said, and the rows that come."""

    events: Annotated[
        DatabricksTableLayoutSpec | None, Field(description="cluster_by: [received_at] when not said")
    ] = None
    users: Annotated[DatabricksTableLayoutSpec | None, Field(description="cluster_by: [id] when not said")] = None


class DatabricksSpec(_WarehouseSpec):
    type: Literal["databricks"]
    host: TextField
    http_path: TextField
    catalog: TextField
    user: TextField | None = None
    layout: Annotated[DatabricksLayoutSpec | None, Field(description="liquid clustering of new tables")] = None


WarehouseSpec = Annotated[
    DuckdbSpec | PostgresSpec | RedshiftSpec | SnowflakeSpec | BigquerySpec | DatabricksSpec, Chosen("type")
]

SETTINGS = frozenset(
    {"type", "method", "credentials", "auth", "sync", "selective_sync", "compute", "layout", "external_stages", "views"}
)
"""What of a warehouse or credentials is no connection field."""


def is_local_host(host: str) -> bool:
    """Tell whether a host is this machine: nobody sits between. Folders and names with @ are sockets."""
    return host in ("", "localhost", "127.0.0.1", "::1") or host.startswith(("/", "@"))
