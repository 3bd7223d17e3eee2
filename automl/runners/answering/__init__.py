"""Question answering: pointing at the answer in the context (encoders), or writing it (decoders, encoder-decoders).

Start from `training.answer`; `rules` scores answers by the rules of SQuAD and DROP.
"""
