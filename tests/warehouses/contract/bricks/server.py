"""The protocol: sessions, statements and their results, and the presigned addresses of files that are put."""

import contextlib
import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import TCLIService, ttypes
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from tests.warehouses.contract.bricks.lakehouse import Lakehouse, Refused, Session

_OK = ttypes.TStatus(statusCode=ttypes.TStatusCode.SUCCESS_STATUS)
_PUT = re.compile(r"PUT '__input_stream__' INTO '([^']+)'(?: OVERWRITE)?")
_REMOVE = re.compile(r"REMOVE '([^']+)'")
_TYPES = {
    pa.bool_(): "BOOLEAN_TYPE",
    pa.int8(): "TINYINT_TYPE",
    pa.int16(): "SMALLINT_TYPE",
    pa.int32(): "INT_TYPE",
    pa.int64(): "BIGINT_TYPE",
    pa.float32(): "FLOAT_TYPE",
    pa.float64(): "DOUBLE_TYPE",
    pa.date32(): "DATE_TYPE",
    pa.binary(): "BINARY_TYPE",
}


class Service:
    """What the connector calls; a statement is answered at once, its result with it."""

    def __init__(self, lakehouse: Lakehouse, address: str, log: Path | None) -> None:
        self._lakehouse = lakehouse
        self._address = address
        self._log = log
        self._sessions: dict[bytes, Session] = {}

    def OpenSession(self, req: Any) -> Any:  # noqa: N802  the protocol's name
        guid = uuid.uuid4().bytes
        self._sessions[guid] = self._lakehouse.session(req.initialNamespace.catalogName)
        return ttypes.TOpenSessionResp(
            status=_OK,
            serverProtocolVersion=ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7,
            sessionHandle=ttypes.TSessionHandle(sessionId=ttypes.THandleIdentifier(guid=guid, secret=guid)),
            initialNamespace=req.initialNamespace,
            canUseMultipleCatalogs=True,
        )

    def CloseSession(self, req: Any) -> Any:  # noqa: N802  the protocol's name
        self._sessions.pop(req.sessionHandle.sessionId.guid, None)
        return ttypes.TCloseSessionResp(status=_OK)

    def CloseOperation(self, req: Any) -> Any:  # noqa: N802  the protocol's name
        del req
        return ttypes.TCloseOperationResp(status=_OK)

    def ExecuteStatement(self, req: Any) -> Any:  # noqa: N802  the protocol's name
        session = self._sessions.get(req.sessionHandle.sessionId.guid)
        if session is None:
            return self._failed("Invalid SessionHandle")
        if self._log is not None:
            with self._log.open("a") as log:
                log.write(json.dumps(req.statement) + "\n")
        if moved := _PUT.fullmatch(req.statement) or _REMOVE.fullmatch(req.statement):
            word = req.statement.split(" ")[0]
            row = {
                "operation": word,
                "localFile": "__input_stream__" if word == "PUT" else None,
                "presignedUrl": self._address + moved[1],
                "headers": "{}",
            }
            return self._done(pa.Table.from_pylist([row]), is_staging=True)
        try:
            return self._done(session.run(req.statement))
        except Refused as error:
            return self._failed(str(error))

    def _failed(self, message: str) -> Any:
        status = ttypes.TGetOperationStatusResp(
            status=_OK,
            operationState=ttypes.TOperationState.ERROR_STATE,
            displayMessage=message,
            errorMessage=message,
        )
        return ttypes.TExecuteStatementResp(
            status=_OK, operationHandle=_handle(), directResults=ttypes.TSparkDirectResults(operationStatus=status)
        )

    def _done(self, table: pa.Table, *, is_staging: bool = False) -> Any:
        batches = [
            ttypes.TSparkArrowBatch(batch=one.serialize().to_pybytes(), rowCount=one.num_rows)
            for one in table.to_batches()
        ]
        direct = ttypes.TSparkDirectResults(
            operationStatus=ttypes.TGetOperationStatusResp(
                status=_OK, operationState=ttypes.TOperationState.FINISHED_STATE
            ),
            resultSetMetadata=ttypes.TGetResultSetMetadataResp(
                status=_OK,
                schema=ttypes.TTableSchema(columns=[_column(n, one) for n, one in enumerate(table.schema)]),
                resultFormat=ttypes.TSparkRowSetType.ARROW_BASED_SET,
                lz4Compressed=False,
                arrowSchema=table.schema.serialize().to_pybytes(),
                isStagingOperation=is_staging,
            ),
            resultSet=ttypes.TFetchResultsResp(
                status=_OK,
                hasMoreRows=False,
                results=ttypes.TRowSet(startRowOffset=0, rows=[], arrowBatches=batches),
            ),
            closeOperation=ttypes.TCloseOperationResp(status=_OK),
        )
        return ttypes.TExecuteStatementResp(status=_OK, operationHandle=_handle(), directResults=direct)


def _handle() -> Any:
    guid = uuid.uuid4().bytes
    return ttypes.TOperationHandle(
        operationId=ttypes.THandleIdentifier(guid=guid, secret=guid),
        operationType=ttypes.TOperationType.EXECUTE_STATEMENT,
        hasResultSet=True,
    )


def _column(position: int, field: pa.Field) -> Any:
    qualifiers = None
    name = _TYPES.get(field.type, "STRING_TYPE")
    if pa.types.is_timestamp(field.type):
        name = "TIMESTAMP_TYPE"
    if pa.types.is_decimal(field.type):
        name = "DECIMAL_TYPE"
        said = {"precision": field.type.precision, "scale": field.type.scale}
        qualifiers = ttypes.TTypeQualifiers(
            qualifiers={key: ttypes.TTypeQualifierValue(i32Value=value) for key, value in said.items()}
        )
    entry = ttypes.TPrimitiveTypeEntry(type=getattr(ttypes.TTypeId, name), typeQualifiers=qualifiers)
    kind = ttypes.TTypeDesc(types=[ttypes.TTypeEntry(primitiveEntry=entry)])
    return ttypes.TColumnDesc(columnName=field.name, typeDesc=kind, position=position + 1)


def serve(port: int, log: Path | None = None) -> None:
    """Serve on this port of this machine until the process ends."""
    lakehouse = Lakehouse()
    processor = TCLIService.Processor(Service(lakehouse, f"http://127.0.0.1:{port}", log))
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            into = TMemoryBuffer()
            with one_at_a_time:
                processor.process(TBinaryProtocol(TMemoryBuffer(body)), TBinaryProtocol(into))
            self._answer(200, into.getvalue())

        def do_PUT(self) -> None:
            lakehouse.put(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(200, b"")

        def do_DELETE(self) -> None:
            lakehouse.remove(self.path)
            self._answer(204, b"")

        def _answer(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/x-thrift")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
