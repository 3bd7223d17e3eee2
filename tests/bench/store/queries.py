"""The list of 40 queries that the bars of `make bench-store` are about: what people filter and sort by.

From the most selective to those that every row answers, forwards and backwards, with and without an order.
It knows no server. `TASK` stands for the name of one task.
"""

from __future__ import annotations

TASK = "invented task 03"

# Query strings of /api/v1/experiences/, as dictionaries.
QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"limit": "200"},
    {"fields": "task,method,status,score,seconds,h.learning_rate"},
    {"order": "score"},
    {"order": "-score"},
    {"order": "seconds"},
    {"order": "-seconds"},
    {"order": "-memory"},
    {"order": "started"},
    {"order": "-received"},
    {"order": "h.learning_rate"},
    {"order": "-h.learning_rate"},
    {"order": "h.epochs"},
    {"order": "-h.batch_size"},
    {"order": "h.lora_r"},
    {"order": "-metrics.validation.accuracy"},
    {"order": "metrics.validation.f1_macro"},
    {"order": "-metrics.test.accuracy"},
    {"status": "ok"},
    {"status": "failed"},
    {"method": "lora", "status": "oom"},
    {"task": TASK},
    {"task": TASK, "order": "-score"},
    {"language_model": "invented/encoder-07"},
    {"q": "task 4242"},
    {"q": "no such thing"},
    {"since": "2026-01-01"},
    {"filter": "score > 0"},
    {"filter": "score > 0.98", "order": "-score"},
    {"filter": "score in 0.5..0.6 and seconds < 5"},
    {"filter": "seconds > 500"},
    {"filter": "h.learning_rate > 0"},
    {"filter": "h.learning_rate >= 9.9e-3", "order": "-h.learning_rate"},
    {"filter": "h.learning_rate in 1e-5..1.01e-5"},
    {"filter": "h.learning_rate is missing"},
    {"filter": "h.learning_rate > 1e-3 and method = lora", "order": "-score"},
    {"filter": "not method = full and not status in (oom, timeout)", "order": "-metrics.validation.f1_macro"},
    {"filter": "h.epochs = 3 or h.batch_size = 64", "order": "seconds"},
    {"filter": "metrics.validation.accuracy > 0.97 and memory < 2GiB"},
    {"filter": "(method = probe or method = linear) and score > 0.9 and seconds < 1min", "order": "-score"},
)
