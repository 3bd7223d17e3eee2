"""What a task, a machine and its use look like in a record.

Knows neither trainers nor hubs; keeps no text.
"""

from tunelore.describe import question_answering, rows
from tunelore.describe.landmark import landmark_accuracy, landmark_apart, landmark_sample
from tunelore.describe.machine import conditions, current_threads, device_speed, devices, memory_bytes, system
from tunelore.describe.question_answering import question_answering_metafeatures
from tunelore.describe.rows import (
    classification_metafeatures,
    label_metafeatures,
    rows_fingerprint,
    statistics_metafeatures,
    tokens_fingerprint,
)

# The extractor of each kind of task that has one: name and version.
EXTRACTORS = {
    "text-classification": (rows.EXTRACTOR, rows.VERSION),
    "question-answering": (question_answering.EXTRACTOR, question_answering.VERSION),
}
__all__ = [
    "EXTRACTORS",
    "classification_metafeatures",
    "conditions",
    "current_threads",
    "device_speed",
    "devices",
    "label_metafeatures",
    "landmark_accuracy",
    "landmark_apart",
    "landmark_sample",
    "memory_bytes",
    "question_answering_metafeatures",
    "rows_fingerprint",
    "statistics_metafeatures",
    "system",
    "tokens_fingerprint",
]
