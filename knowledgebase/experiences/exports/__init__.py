"""Experiences as streams: whole records or chosen fields, as lines, CSV or Parquet. It knows no HTTP."""

from knowledgebase.experiences.exports.columns import parquet
from knowledgebase.experiences.exports.text import (
    SAMPLE_ROWS,
    USUAL_FIELDS,
    comma_separated,
    flat,
    length_estimate,
    ndjson,
    ndjson_fields,
)

__all__ = [
    "SAMPLE_ROWS",
    "USUAL_FIELDS",
    "comma_separated",
    "flat",
    "length_estimate",
    "ndjson",
    "ndjson_fields",
    "parquet",
]
