"""Names of that system in our words: methods, language models, features. It reads no file.

Sources: class names and model ids as XAutoLM's generated classes have them; features as its extractors order them.
"""

from __future__ import annotations

import re
from typing import Any

# Its nine fine-tuning classes; every other class is a step of a classic pipeline and keeps its own name.
METHODS = {
    "FineTuneLLMEmbeddingClassifier": "full",
    "FineTuneGenLLMClassifier": "full",
    "FineTuneGenLLMTask": "full",
    "PartialFineTuneLLMEmbeddingClassifier": "partial",
    "PartialFineTuneGenLLMClassifier": "partial",
    "PartialFineTuneGenLLMTask": "partial",
    "LoraLLMEmbeddingClassifier": "lora",
    "LoraGenLLMClassifier": "lora",
    "LoraGenLLMTask": "lora",
}
MODEL_PREFIXES = ("WORD_EMB_", "TEXT_GEN_")
_ENCODERS = (
    "bert-base-uncased bert-base-cased bert-large-uncased bert-large-cased bert-base-multilingual-uncased "
    "bert-base-multilingual-cased pysentimiento/robertuito-base-uncased PlanTL-GOB-ES/roberta-base-bne "
    "distilbert-base-uncased distilbert-base-cased distilbert-base-multilingual-cased roberta-base roberta-large "
    "microsoft/deberta-v3-base microsoft/deberta-base microsoft/mdeberta-v3-base albert-base-v1 albert-large-v1 "
    "albert-xlarge-v1 albert-xxlarge-v1 google/electra-small-discriminator google/electra-base-discriminator "
    "google/electra-large-discriminator xlm-roberta-base xlm-roberta-large"
)
_GENERATORS = (
    "google-t5/t5-small google-t5/t5-base google-t5/t5-large google-t5/t5-3b google-t5/t5-11b google/flan-t5-base "
    "google/flan-t5-large google/flan-t5-xl google/flan-t5-xxl gpt2 gpt2-medium gpt2-large gpt2-xl facebook/bart-base "
    "facebook/bart-large microsoft/Phi-3-mini-4k-instruct microsoft/Phi-3-medium-4k-instruct microsoft/phi-2 "
    "microsoft/phi-1_5 microsoft/Phi-3.5-mini-instruct microsoft/Phi-4-mini-instruct microsoft/Phi-4 "
    "microsoft/Phi-4-reasoning microsoft/Phi-4-mini-reasoning mistralai/Mixtral-8x7B-Instruct-v0.1 "
    "mistralai/Mistral-7B-v0.1 mistralai/Mistral-7B-Instruct-v0.1 mistralai/Mistral-7B-Instruct-v0.2 "
    "mistralai/Mistral-Nemo-Instruct-FP8-2407 mistralai/Mistral-Nemo-Instruct-2407 mistralai/Mistral-Nemo-Base-2407 "
    "deepseek-ai/DeepSeek-V2-Lite deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B deepseek-ai/DeepSeek-R1-Distill-Qwen-7B "
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B deepseek-ai/DeepSeek-R1-Distill-Llama-8B google/gemma-3-1b-it "
    "google/gemma-3-1b-pt google/gemma-3-4b-it google/gemma-3-4b-pt google/gemma-3-12b-it google/gemma-3-12b-pt "
    "google/gemma-3-27b-it google/gemma-3-27b-pt meta-llama/Llama-3.2-1B meta-llama/Llama-3.2-1B-Instruct "
    "meta-llama/Llama-3.2-3B meta-llama/Llama-3.2-3B-Instruct meta-llama/Llama-3.1-8B "
    "meta-llama/Llama-3.1-8B-Instruct meta-llama/Llama-3.1-70B meta-llama/Llama-3.1-70B-Instruct"
)
ENCODERS, GENERATORS = tuple(_ENCODERS.split()), tuple(_GENERATORS.split())
# In its order. The first ten are ours by name and formula (class entropy differs in the tenth digit).
CLASSIFICATION = (
    "instances", "classes", "class_entropy", "min_class_share", "max_class_share", "imbalance", "mean_length",
    "length_deviation", "length_variation", "landmark",
)  # fmt: skip
GENERATION = (
    "instances", "mean_prompt_length", "prompt_length_deviation", "prompt_type_token_ratio", "mean_target_length",
    "target_length_deviation", "target_type_token_ratio", "length_ratio", "vocabulary_novelty",
    "prompt_target_similarity", "rouge_l",
)  # fmt: skip
EXTRACTORS: dict[str, tuple[str, tuple[str, ...]]] = {
    "TextClassificationFeatureExtractor": ("text-classification", CLASSIFICATION),
    "GenerativeTaskFeatureExtractor": ("text-generation", GENERATION),
}
GIB = 1024**3


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_MODELS = {
    f"{prefix}{_plain(name)}": name
    for prefix, names in zip(MODEL_PREFIXES, (ENCODERS, GENERATORS), strict=True)
    for name in names
}


def is_language_model(class_name: str) -> bool:
    """Whether a class stands for a language model."""
    return class_name.startswith(MODEL_PREFIXES)


def language_model(class_name: str) -> dict[str, Any]:
    """``language_model`` of a record: by its id where the class is one that we know, else by the class's name."""
    prefix = next(prefix for prefix in MODEL_PREFIXES if class_name.startswith(prefix))
    name = _MODELS.get(prefix + _plain(class_name.removeprefix(prefix)))
    if name is not None:
        return {"source": "hub", "name": name}
    return {"source": "unknown", "name": class_name[:300]}


def class_of(language_model_name: str | None) -> str | None:
    """The class of a language model, None for one that this system has none for."""
    for prefix, names in zip(MODEL_PREFIXES, (ENCODERS, GENERATORS), strict=True):
        if language_model_name in names:
            parts = str(language_model_name).replace("/", "-").replace(".", "").split("-")
            return prefix + "_".join(part.title() for part in parts)
    return None
