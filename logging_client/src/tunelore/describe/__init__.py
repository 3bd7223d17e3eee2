"""What a task, a machine and its use look like in a record.

Knows neither trainers nor hubs; keeps no text.
"""

from tunelore.describe.classification import classification_metafeatures, label_metafeatures
from tunelore.describe.fingerprints import rows_fingerprint, tokens_fingerprint
from tunelore.describe.landmark import prepare_landmark
from tunelore.describe.machine import devices, memory_bytes, system
from tunelore.describe.speed import conditions, current_threads, device_speed

__all__ = [
    "classification_metafeatures",
    "conditions",
    "current_threads",
    "device_speed",
    "devices",
    "label_metafeatures",
    "memory_bytes",
    "prepare_landmark",
    "rows_fingerprint",
    "system",
    "tokens_fingerprint",
]
