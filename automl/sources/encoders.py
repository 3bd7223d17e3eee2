"""Loads tokenizers and networks of a checked Checkpoint, offline and without code of its own; trains nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl.errors import SourceError
from automl.sources.architectures import architecture_of
from automl.sources.checkpoints import Checkpoint
from automl.sources.language_models import UNTRAINED_SHAPE

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


def load_tokenizer(checkpoint: Checkpoint) -> PreTrainedTokenizerBase:
    """The checkpoint's fast tokenizer. Decoders often have no padding token: another special token stands in.

    It pads on the right: decoders number their positions from the left, and padding there would shift them.
    """
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        str(checkpoint.folder), use_fast=True, local_files_only=True, trust_remote_code=False
    )
    if tokenizer.pad_token is None:
        spare = (tokenizer.eos_token, tokenizer.unk_token, tokenizer.bos_token)
        tokenizer.pad_token = next((token for token in spare if token is not None), None)
    if tokenizer.pad_token_id is None:
        raise SourceError(
            code="no_padding",
            field="language_model",
            message=f"the tokenizer of {checkpoint.key} has no special token to pad with; texts cannot be batched",
        )
    tokenizer.padding_side = "right"
    return tokenizer


def load_network(checkpoint: Checkpoint) -> PreTrainedModel:
    """The network as it stands in the checkpoint, both stacks of an encoder-decoder, without a head."""
    from transformers import AutoModel

    return _load(AutoModel, checkpoint, load_config(checkpoint))


def load_encoder(checkpoint: Checkpoint) -> PreTrainedModel:
    """What turns tokens into vectors, without a head, in float32 and evaluation mode.

    Of an encoder-decoder this is the encoder: its decoder has nothing to say about a text as it stands.
    """
    encoder = load_network(checkpoint)
    if encoder.config.is_encoder_decoder:
        encoder = encoder.get_encoder()
    encoder.train(False)
    return encoder


def load_classifier(checkpoint: Checkpoint, labels: int, pad_token_id: int | None) -> PreTrainedModel:
    """The encoder with a fresh head for `labels` classes; the head is drawn from torch's generator as it stands."""
    from transformers import AutoModelForSequenceClassification

    config = load_config(checkpoint)
    config.num_labels = labels
    config.problem_type = "single_label_classification"
    # A decoder classifies by the last token that is no padding, so both must mean the same one.
    config.pad_token_id = pad_token_id
    return _load(AutoModelForSequenceClassification, checkpoint, config)


def load_pointer(checkpoint: Checkpoint) -> PreTrainedModel:
    """The encoder with a fresh head that points at the first and the last token of an answer."""
    from transformers import AutoModelForQuestionAnswering

    return _load(AutoModelForQuestionAnswering, checkpoint, load_config(checkpoint))


def load_generator(checkpoint: Checkpoint, pad_token_id: int | None) -> PreTrainedModel:
    """A decoder or an encoder-decoder with its own head over the vocabulary, which writes one token after another."""
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    config = load_config(checkpoint)
    config.pad_token_id = pad_token_id
    return _load(
        AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM, checkpoint, config
    )


def load_config(checkpoint: Checkpoint) -> PretrainedConfig:
    """The checkpoint's configuration, cut to its number of layers."""
    from transformers import AutoConfig

    config: PretrainedConfig = AutoConfig.from_pretrained(
        str(checkpoint.folder), local_files_only=True, trust_remote_code=False
    )
    if checkpoint.seed is not None:
        config.update(UNTRAINED_SHAPE)
    elif checkpoint.truncated:
        cut(config, checkpoint.truncated)
    return config


def cut(config: PretrainedConfig, layers: int) -> None:
    """Keep the first `layers` of each stack; a list with one entry a layer is cut with them."""
    for name in architecture_of(config.model_type).count:
        setattr(config, name, layers)
    kinds = getattr(config, "layer_types", None)
    if kinds is not None:
        config.layer_types = kinds[:layers]


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
