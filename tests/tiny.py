"""Tiny language models of every family, made from a configuration with a tokenizer of their own words.

They are real checkpoints on disk (safetensors, fast tokenizer), small enough to be trained in a second. It knows
no test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEXT = (
    "stir the soup knead dough roast carrots whisk eggs season stew hoist sail trim jib drop anchor steer to port "
    "reef in strong wind at noon with care again slowly before dusk as agreed for guests together once more"
)
WORDS = TEXT.split()
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
WIDTH, LAYERS, HEADS = 32, 2, 2


def make_checkpoint(folder: Path, family: str, **changes: Any) -> Path:
    """A folder with config.json, model.safetensors and tokenizer files of a tiny `family` model."""
    import torch
    from transformers import AutoModel

    config = tiny_config(family, **changes)
    torch.manual_seed(11)
    model = AutoModel.from_config(config)
    model.save_pretrained(folder, safe_serialization=True)
    make_tokenizer(folder, family)
    return folder


def tiny_config(family: str, **changes: Any) -> Any:
    from transformers import CONFIG_MAPPING

    common = {
        "vocab_size": len(WORDS) + len(SPECIAL),
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    # At this width the usual weights are too small to learn from within a second.
    common |= {"init_std": 0.1} if family in ("bart", "mbart", "opt") else {"initializer_range": 0.1}
    return CONFIG_MAPPING[family](**{**common, **SHAPES.get(family, PLAIN), **changes})


PLAIN: dict[str, Any] = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": 2 * WIDTH,
    "max_position_embeddings": 64,
}
_LLAMA = {**PLAIN, "num_key_value_heads": HEADS, "head_dim": WIDTH // HEADS, "pad_token_id": None}
_T5 = {
    "d_model": WIDTH,
    "d_kv": WIDTH // HEADS,
    "d_ff": 2 * WIDTH,
    "num_layers": LAYERS,
    "num_heads": HEADS,
    "decoder_start_token_id": 0,
}
_BART = {
    "d_model": WIDTH,
    "encoder_layers": LAYERS,
    "decoder_layers": LAYERS,
    "encoder_attention_heads": HEADS,
    "decoder_attention_heads": HEADS,
    "encoder_ffn_dim": 2 * WIDTH,
    "decoder_ffn_dim": 2 * WIDTH,
    "max_position_embeddings": 64,
    "decoder_start_token_id": 2,
    "forced_eos_token_id": None,
}
SHAPES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_positions": 64, "pad_token_id": None},
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": {**_LLAMA, "use_sliding_window": False},
    "qwen3": {**_LLAMA, "use_sliding_window": False},
    "opt": {
        "hidden_size": WIDTH,
        "word_embed_proj_dim": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "ffn_dim": 2 * WIDTH,
        "max_position_embeddings": 64,
    },
    "t5": _T5,
    "mt5": _T5,
    "bart": _BART,
    "mbart": _BART,
    "distilbert": {"dim": WIDTH, "n_layers": LAYERS, "n_heads": HEADS, "hidden_dim": 2 * WIDTH},
    "albert": {**PLAIN, "embedding_size": WIDTH},
    "electra": {**PLAIN, "embedding_size": WIDTH},
    "modernbert": {**PLAIN, "cls_token_id": 1, "sep_token_id": 2},
}


def make_tokenizer(folder: Path, family: str) -> None:
    """A fast tokenizer over WORDS; decoders get no padding token, encoder-decoders an end-of-text token a text."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    names = [*SPECIAL, *WORDS]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(names)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    if family in ("gpt2", "llama", "mistral", "qwen2", "qwen3", "gpt_neox", "opt"):
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
        return
    before = "" if family in ("t5", "mt5") else "<s> "
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{before}$A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    special |= {"pad_token": "<pad>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
