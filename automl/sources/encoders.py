"""Loads tokenizers and networks of a checked Checkpoint, offline and without code of its own; trains nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl.sources.checkpoints import Checkpoint
from automl.sources.language_models import UNTRAINED_SHAPE

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


def load_tokenizer(checkpoint: Checkpoint) -> PreTrainedTokenizerBase:
    """The checkpoint's fast tokenizer; one without a padding token pads with its end-of-text token."""
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        str(checkpoint.folder), use_fast=True, local_files_only=True, trust_remote_code=False
    )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_encoder(checkpoint: Checkpoint) -> PreTrainedModel:
    """The encoder without a head, in float32 and evaluation mode."""
    from transformers import AutoModel

    encoder = _load(AutoModel, checkpoint, load_config(checkpoint))
    encoder.train(False)
    return encoder


def load_classifier(checkpoint: Checkpoint, labels: int, pad_token_id: int | None) -> PreTrainedModel:
    """The encoder with a fresh head for `labels` classes; the head is drawn from torch's generator as it stands."""
    from transformers import AutoModelForSequenceClassification

    config = load_config(checkpoint)
    config.num_labels = labels
    config.problem_type = "single_label_classification"
    if getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = pad_token_id
    return _load(AutoModelForSequenceClassification, checkpoint, config)


def load_config(checkpoint: Checkpoint) -> PretrainedConfig:
    """The checkpoint's configuration, cut to its number of layers."""
    from transformers import AutoConfig

    config: PretrainedConfig = AutoConfig.from_pretrained(
        str(checkpoint.folder), local_files_only=True, trust_remote_code=False
    )
    if checkpoint.seed is not None:
        config.update(UNTRAINED_SHAPE)
    else:
        config.num_hidden_layers = checkpoint.layers
    return config


def _load(factory: type, checkpoint: Checkpoint, config: PretrainedConfig) -> PreTrainedModel:
    import torch

    if checkpoint.seed is not None:
        # The drawn weights are the checkpoint: the same ones whatever seed the run has.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(checkpoint.seed)
            drawn: PreTrainedModel = factory.from_config(config)  # type: ignore[attr-defined]
            return drawn
    loaded: PreTrainedModel = factory.from_pretrained(  # type: ignore[attr-defined]
        str(checkpoint.folder),
        config=config,
        dtype=torch.float32,
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
    )
    return loaded
