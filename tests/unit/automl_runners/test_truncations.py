"""The first n layers of a checkpoint are a language model of their own: as many weights as counted, and those read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from automl.errors import SourceError
from automl.sources.architectures import ARCHITECTURES
from automl.sources.encoders import load_classifier, load_encoder, load_network
from automl.sources.language_models import resolve

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("one_thread")]
CUT = sorted(name for name, family in ARCHITECTURES.items() if family.truncatable)
WHOLE = sorted(set(ARCHITECTURES) - set(CUT))


@pytest.mark.parametrize("family", CUT)
def test_a_cut_family_has_the_weights_that_were_counted(tiny: Callable[[str], str], family: str) -> None:
    roots, stacks = [tiny(family)], len(ARCHITECTURES[family].count)
    whole, half = resolve(f"path:{family}", roots=roots), resolve(f"path:{family}#layers=1", roots=roots)
    assert half.key == f"{whole.key}#layers=1"
    assert (half.layers, half.features["layers"], half.truncated) == (stacks, stacks, 1)
    assert (whole.layers, whole.truncated) == (2 * stacks, None)

    full, short = load_network(whole), load_network(half)
    for checkpoint, network in ((whole, full), (half, short)):
        assert sum(weight.numel() for weight in network.parameters()) == checkpoint.parameters
    assert half.parameters < whole.parameters
    read = dict(full.named_parameters())
    for name, weight in short.named_parameters():
        assert weight.equal(read[name]), name
    assert load_encoder(half)(input_ids=load_ids()).last_hidden_state.shape == (2, 3, 32)
    assert load_classifier(half, 3, 0).config.num_labels == 3


def load_ids() -> object:
    import torch

    return torch.tensor([[5, 6, 2], [7, 8, 2]])


@pytest.mark.parametrize("family", CUT)
def test_more_layers_than_a_stack_has_are_refused(tiny: Callable[[str], str], family: str) -> None:
    with pytest.raises(SourceError, match=r"2 layers\) has no variant layers=3; give 1 to 2"):
        resolve(f"path:{family}#layers=3", roots=[tiny(family)])


@pytest.mark.parametrize("family", WHOLE)
def test_a_family_that_cannot_be_cut_says_so(tiny: Callable[[str], str], family: str) -> None:
    with pytest.raises(SourceError, match="this family cannot be cut"):
        resolve(f"path:{family}#layers=1", roots=[tiny(family)])
