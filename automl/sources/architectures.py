"""What the sources and the runner must know of each family of language models, in one table.

Where the layers and embeddings live, which modules LoRA adapts, what is drawn fresh for a classifier, which token
sums a text up. It knows no checkpoint and imports no torch. Start from `architecture_of`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from automl.errors import SourceError

Kind = Literal["encoder", "decoder", "encoder-decoder"]
LAYER_NAME = re.compile(r"(?:^|\.)(?:layer|layers|h|block)\.(\d{1,4})\.")
DECODER_NAME = re.compile(r"(?:^|\.)decoder\.")


@dataclass(frozen=True)
class Architecture:
    """`count`, `hidden` and `context` are names in config.json; `embeddings` are parts of weight names.

    `lora` are the attention projections that adapters go to (`conv1d`: they store their weights transposed);
    `fresh` the modules beside `classifier` and `score` that no checkpoint holds, so that they must be trained
    whatever the method freezes; `pointer` are those that point at an answer in a context. `truncatable`: the first n
    layers of each stack make a language model of their own.
    """

    kind: Kind
    lora: tuple[str, ...]
    count: tuple[str, ...] = ("num_hidden_layers",)
    hidden: str = "hidden_size"
    context: str = "max_position_embeddings"
    embeddings: tuple[str, ...] = ("embeddings",)
    fresh: tuple[str, ...] = ()
    pointer: tuple[str, ...] = ("qa_outputs",)
    truncatable: bool = False
    conv1d: bool = False

    @property
    def summary(self) -> Literal["first", "last"]:
        """The token that has seen the whole text: a decoder's last one, an encoder's first one.

        T5 has no first token of its own; both encoder-decoders classify by the end-of-text token.
        """
        return "first" if self.kind == "encoder" else "last"

    def layer_counts(self, config: Mapping[str, object]) -> list[int]:
        """Number of layers of each stack by config.json; a decoder that it does not name is as deep as its encoder."""
        counts: list[int] = []
        for name in self.count:
            value = config.get(name)
            counts.append(value if isinstance(value, int) else (counts[-1] if counts else 0))
        return counts

    def layer_of(self, weight: str, encoder_layers: int) -> int | None:
        """Which layer a weight lies in, counted from the embeddings; None outside of them.

        The decoder of an encoder-decoder stands behind its encoder.
        """
        inside = LAYER_NAME.search(weight)
        if inside is None:
            return None
        behind = self.kind == "encoder-decoder" and DECODER_NAME.search(weight) is not None
        return int(inside.group(1)) + (encoder_layers if behind else 0)

    def is_embedding(self, weight: str) -> bool:
        """Whether a weight belongs to the embeddings of tokens or positions."""
        return not set(self.embeddings).isdisjoint(weight.split("."))


_BERT = Architecture("encoder", ("query", "value"), truncatable=True)
_LLAMA = Architecture("decoder", ("q_proj", "v_proj"), embeddings=("embed_tokens",), truncatable=True)
_T5 = Architecture(
    "encoder-decoder",
    ("q", "v"),
    count=("num_layers", "num_decoder_layers"),
    hidden="d_model",
    context="n_positions",
    embeddings=("shared", "embed_tokens"),
    fresh=("classification_head",),
    truncatable=True,
)
_BART = Architecture(
    "encoder-decoder",
    ("q_proj", "v_proj"),
    count=("encoder_layers", "decoder_layers"),
    hidden="d_model",
    embeddings=("shared", "embed_tokens", "embed_positions", "layernorm_embedding"),
    fresh=("classification_head",),
    truncatable=True,
)
ARCHITECTURES: Mapping[str, Architecture] = {
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "camembert": _BERT,
    "electra": _BERT,
    "mpnet": Architecture("encoder", ("q", "v"), truncatable=True),
    "distilbert": Architecture(
        "encoder", ("q_lin", "v_lin"), count=("n_layers",), hidden="dim", truncatable=True
    ),
    # Its twelve layers are one, used twelve times: there is nothing to cut.
    "albert": Architecture("encoder", ("query", "value")),
    "deberta": Architecture("encoder", ("in_proj",), fresh=("pooler",)),
    "deberta-v2": Architecture("encoder", ("query_proj", "value_proj"), fresh=("pooler",)),
    "modernbert": Architecture("encoder", ("Wqkv",), fresh=("head",), pointer=("head", "classifier")),
    "gpt2": Architecture(
        "decoder",
        ("c_attn",),
        count=("n_layer",),
        hidden="n_embd",
        context="n_positions",
        embeddings=("wte", "wpe"),
        truncatable=True,
        conv1d=True,
    ),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "phi3": Architecture("decoder", ("qkv_proj",), embeddings=("embed_tokens",)),
    # As in the Lite checkpoints: the large ones split `q_proj` in two.
    "deepseek_v2": Architecture("decoder", ("q_proj", "kv_b_proj"), embeddings=("embed_tokens",)),
    "opt": Architecture(
        "decoder", ("q_proj", "v_proj"), embeddings=("embed_tokens", "embed_positions"), truncatable=True
    ),
    "gpt_neox": Architecture("decoder", ("query_key_value",), embeddings=("embed_in",), truncatable=True),
    "t5": _T5,
    "mt5": _T5,
    "bart": _BART,
    "mbart": _BART,
}


def architecture_of(model_type: object) -> Architecture:
    """The family that config.json's `model_type` names; SourceError with the known ones for any other."""
    found = ARCHITECTURES.get(model_type) if isinstance(model_type, str) else None
    if found is None:
        raise SourceError(
            code="unknown_architecture",
            field="language_model",
            message=f"the architecture {str(model_type)[:60]!r} is not known here; "
            f"known: {', '.join(sorted(ARCHITECTURES))}",
        )
    return found
