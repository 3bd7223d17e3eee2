"""One run in memory: its curve, its metrics, how it ended, the record it becomes. Knows no disk and no network."""
