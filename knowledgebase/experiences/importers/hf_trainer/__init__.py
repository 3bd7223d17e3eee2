"""Runs of the Hugging Face Trainer: the folders that it leaves, and model cards with a model-index on their own.

One record a run, its checkpoints belong to it; the id comes from the bytes of its last state. `read` takes the states
of one folder, or one card.
"""

from knowledgebase.experiences.importers.hf_trainer.reading import read

__all__ = ["read"]
