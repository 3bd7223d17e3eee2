"""Log fine-tuning runs as experiences. Importing this starts nothing: no thread, no exit hook."""

__version__ = "0.1.0"
