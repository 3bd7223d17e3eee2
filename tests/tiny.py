"""Tiny language models of every family, made from a configuration with a tokenizer of their own.

They are real checkpoints on disk (safetensors, fast tokenizer), small enough to be trained in a second. It knows
no test.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

TEXT = (
    "stir the soup knead dough roast carrots whisk eggs season stew hoist sail trim jib drop anchor steer to port "
    "reef in strong wind at noon with care again slowly before dusk as agreed for guests together once more"
)
WORDS = TEXT.split()
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
WIDTH, LAYERS, HEADS, POSITIONS = 32, 2, 2, 64
READER_WIDTH, READER_POSITIONS = 64, 512
MERGES = 1500
DECODERS = ("gpt2", "llama", "mistral", "qwen2", "qwen3", "phi3", "deepseek_v2", "gpt_neox", "opt")
ENCODER_DECODERS = ("t5", "mt5", "bart", "mbart")


def make_checkpoint(folder: Path, family: str, **changes: Any) -> Path:
    """A folder with config.json, model.safetensors and tokenizer files of a tiny `family` model."""
    from transformers import AutoModel

    vocabulary = make_tokenizer(folder, family)
    return save(folder, AutoModel, tiny_config(family, **{"vocab_size": vocabulary, **changes}))


def make_reader(folder: Path, family: str, texts: Iterable[str]) -> Path:
    """A tiny `family` model for texts of any words: 512 positions, byte pairs learnt from `texts`, with the head that
    writes where the family has one."""
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    vocabulary = train_tokenizer(folder, family, texts)
    config = tiny_config(
        family, READER_WIDTH, READER_POSITIONS, vocab_size=vocabulary, **UNDISTURBED.get(family, {})
    )
    factory = AutoModelForCausalLM if family in DECODERS else AutoModel
    return save(folder, AutoModelForSeq2SeqLM if family in ENCODER_DECODERS else factory, config)


# At this size there is nothing to regularise, and what is dropped is not learnt by heart.
UNDISTURBED: dict[str, dict[str, Any]] = {
    "bert": {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    "distilbert": {"dropout": 0.0, "attention_dropout": 0.0, "qa_dropout": 0.0},
    "gpt2": {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0},
    "t5": {"dropout_rate": 0.0},
    "bart": {"dropout": 0.0},
}


def save(folder: Path, factory: Any, config: Any) -> Path:
    """Draw the weights that `config` asks for, always the same ones, and write them to `folder`."""
    import torch

    torch.manual_seed(11)
    factory.from_config(config).save_pretrained(folder, safe_serialization=True)
    return folder


def tiny_config(family: str, width: int = WIDTH, positions: int = POSITIONS, **changes: Any) -> Any:
    from transformers import CONFIG_MAPPING

    common = {
        "vocab_size": len(WORDS) + len(SPECIAL),
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    # At this width the usual weights are too small to learn from within a second.
    common |= {"init_std": 0.1} if family in ("bart", "mbart", "opt") else {"initializer_range": 0.1}
    return CONFIG_MAPPING[family](**{**common, **shape(family, width, positions), **changes})


def shape(family: str, width: int, positions: int) -> dict[str, Any]:
    """The numbers that make a family's configuration tiny, by its own names."""
    plain = {
        "hidden_size": width,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": 2 * width,
        "max_position_embeddings": positions,
    }
    llama = {**plain, "num_key_value_heads": HEADS, "head_dim": width // HEADS, "pad_token_id": None}
    t5 = {
        "d_model": width,
        "d_kv": width // HEADS,
        "d_ff": 2 * width,
        "num_layers": LAYERS,
        "num_heads": HEADS,
        "decoder_start_token_id": 0,
    }
    bart = {
        "d_model": width,
        "encoder_layers": LAYERS,
        "decoder_layers": LAYERS,
        "encoder_attention_heads": HEADS,
        "decoder_attention_heads": HEADS,
        "encoder_ffn_dim": 2 * width,
        "decoder_ffn_dim": 2 * width,
        "max_position_embeddings": positions,
        "decoder_start_token_id": 2,
        "forced_eos_token_id": None,
    }
    gpt2 = {
        "n_embd": width,
        "n_layer": LAYERS,
        "n_head": HEADS,
        "n_positions": positions,
        "pad_token_id": None,
    }
    known: dict[str, dict[str, Any]] = {
        "gpt2": gpt2,
        "llama": llama,
        "mistral": llama,
        "qwen2": {**llama, "use_sliding_window": False},
        "qwen3": {**llama, "use_sliding_window": False},
        "phi3": {**plain, "num_key_value_heads": HEADS, "pad_token_id": None},
        "deepseek_v2": {
            **plain,
            "num_key_value_heads": HEADS,
            "moe_intermediate_size": width,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "n_shared_experts": 1,
            "first_k_dense_replace": 1,
            "kv_lora_rank": width // 2,
            "q_lora_rank": None,
            "qk_nope_head_dim": width // HEADS,
            "qk_rope_head_dim": width // HEADS,
            "v_head_dim": width // HEADS,
            "pad_token_id": None,
        },
        "opt": {
            "hidden_size": width,
            "word_embed_proj_dim": width,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "ffn_dim": 2 * width,
            "max_position_embeddings": positions,
        },
        "t5": t5,
        "mt5": t5,
        "bart": bart,
        "mbart": bart,
        "distilbert": {
            "dim": width,
            "n_layers": LAYERS,
            "n_heads": HEADS,
            "hidden_dim": 2 * width,
            "max_position_embeddings": max(positions, READER_POSITIONS),
        },
        "albert": {**plain, "embedding_size": width},
        "electra": {**plain, "embedding_size": width},
        "modernbert": {**plain, "cls_token_id": 1, "sep_token_id": 2},
    }
    return known.get(family, plain)


def make_tokenizer(folder: Path, family: str) -> int:
    """A fast tokenizer over WORDS; decoders get no padding token, encoder-decoders an end-of-text token a text."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    names = [*SPECIAL, *WORDS]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(names)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return finish(folder, family, tokenizer)


def train_tokenizer(folder: Path, family: str, texts: Iterable[str]) -> int:
    """A fast byte-level tokenizer that writes back what it reads, with the special tokens of `make_tokenizer`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=MERGES,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return finish(folder, family, tokenizer)


def finish(folder: Path, family: str, tokenizer: Any) -> int:
    """Write a tokenizer with the special tokens that its family has; the size of its vocabulary."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    if family not in DECODERS:
        before = "" if family in ("t5", "mt5") else "<s> "
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{before}$A </s>",
            pair=f"{before}$A </s> $B </s>",
            special_tokens=[("<s>", 1), ("</s>", 2)],
        )
        special |= {"pad_token": "<pad>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return int(tokenizer.get_vocab_size())
