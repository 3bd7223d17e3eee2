"""An ordinary fine-tuning with the Hugging Face Trainer. TuneLore is one line of it: the callback.

    python examples/train_with_callback.py --task NAME --train train.csv --validation val.csv --model FOLDER

The CSV files have the columns ``text`` and ``label``. Where the run is sent stands in the environment:
``TUNELORE_URL`` and ``TUNELORE_TOKEN``. Without them, or with the hub away, the run waits on disk until
``tunelore sync``; training never notices.
"""

import argparse
import csv

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    set_seed,
)
from tunelore import TuneLoreCallback


def read(path, limit):
    with open(path, encoding="utf-8", newline="") as file:
        return [row for _, row in zip(range(limit), csv.DictReader(file), strict=False)]


class Encoded(torch.utils.data.Dataset):
    def __init__(self, rows, tokenizer, labels, max_length):
        self.labels = [labels.index(row["label"]) for row in rows]
        self.encoded = tokenizer([row["text"] for row in rows], truncation=True, max_length=max_length)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        item = {name: values[index] for name, values in self.encoded.items()}
        return {**item, "labels": self.labels[index]}


def scores(prediction):
    predicted = np.argmax(prediction.predictions, axis=-1)
    return {
        "f1_macro": f1_score(prediction.label_ids, predicted, average="macro"),
        "accuracy": accuracy_score(prediction.label_ids, predicted),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", required=True)
    parser.add_argument("--validation", required=True)
    parser.add_argument("--model", required=True, help="name on the HF Hub, or a folder")
    parser.add_argument("--language-model", help="what to call the model in the record, where it is a folder")
    parser.add_argument("--task", required=True, help="what to call the task")
    parser.add_argument("--rows", type=int, default=10**9, help="use the first so many training rows")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=48)
    parser.add_argument("--output", default="build/example-run")
    options = parser.parse_args()

    set_seed(42)
    everything = read(options.train, 10**9)
    train, validation = everything[: options.rows], read(options.validation, 300)
    labels = sorted({row["label"] for row in everything})
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForSequenceClassification.from_pretrained(options.model, num_labels=len(labels))
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=options.output,
            learning_rate=options.learning_rate,
            num_train_epochs=options.epochs,
            per_device_train_batch_size=options.batch_size,
            per_device_eval_batch_size=32,
            eval_strategy="epoch",
            save_strategy="no",
            logging_steps=10,
            report_to=[],
        ),
        train_dataset=Encoded(train, tokenizer, labels, options.max_length),
        eval_dataset=Encoded(validation, tokenizer, labels, options.max_length),
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=scores,
        callbacks=[
            TuneLoreCallback(task=options.task, dataset=everything, language_model=options.language_model)
        ],
    )
    trainer.train()


if __name__ == "__main__":
    main()
