"""Runs on disk: append-only lines, one file a process, no locks. Knows no network and no trainer."""
