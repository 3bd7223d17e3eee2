"""The record, version 1: what one run is on the wire, how it is checked, written canonically and identified.

Knows nothing of hubs, spools or trainers. Start with `check`, `canonical` and `digest`.
"""

from tunelore.record.canonical import canonical
from tunelore.record.identity import (
    TaskIdentity,
    digest,
    import_id,
    language_model_key,
    pipeline_digest,
    system_digest,
    task_identity,
    uuid7,
)
from tunelore.record.parsing import parse
from tunelore.record.problems import Problem, RecordError
from tunelore.record.validation import (
    KNOWN_SCHEMAS,
    MAX_RECORD_BYTES,
    SCHEMA_ID,
    STATUSES,
    check,
    check_run,
    schema,
    validate,
)

__all__ = [
    "KNOWN_SCHEMAS",
    "MAX_RECORD_BYTES",
    "SCHEMA_ID",
    "STATUSES",
    "Problem",
    "RecordError",
    "TaskIdentity",
    "canonical",
    "check",
    "check_run",
    "digest",
    "import_id",
    "language_model_key",
    "parse",
    "pipeline_digest",
    "schema",
    "system_digest",
    "task_identity",
    "uuid7",
    "validate",
]
