"""What steps contribute adds up to the margin, and lies where the classes differ."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.sequences import fit_bumps
from seqconv.tasks.sequence.contributions import decompose
from seqconv.tasks.sequence.padded import Padded
from seqconv.tasks.sequence.ridge_blend import KINDS


@pytest.mark.parametrize(("channels", "uneven", "classes"), [(1, False, 2), (1, True, 3), (3, False, 3), (3, True, 2)])
@pytest.mark.parametrize("kind", KINDS)
def test_contributions_and_the_constant_are_the_margin(kind, channels, uneven, classes):
    model, inputs = fit_bumps(kind, channels, uneven, classes)
    margins, seen = model.predict(inputs), Padded.of(inputs, model.features).to_view()
    for row in (0, 20):  # without its first steps where they are uneven, and whole
        found = decompose(model, seen.take(slice(row, row + 1)))
        total = found.steps.sum(axis=(1, 2)) + found.spectrum.sum(axis=1) + found.constant
        np.testing.assert_allclose(total, margins[row], atol=1e-4 * max(np.abs(margins).max(), 1))
        assert not found.steps[..., : seen.starts[row]].any()  # nothing lies in the padding


@pytest.mark.parametrize("kind", ["minirocket", "multirocket", "hydra", "quant", "blend"])
def test_they_lie_where_the_classes_differ(kind):
    model, inputs = fit_bumps(kind, 2, False, 2)  # the classes differ at the steps 30 to 40 of the first channel
    seen = Padded.of(inputs, model.features).to_view()
    found = np.stack([decompose(model, seen.take(slice(row, row + 1))).steps[0] for row in range(12)])
    apart = found[1::2].mean(axis=0) - found[::2].mean(axis=0)  # [C, L]
    smooth = np.stack([np.convolve(each, np.ones(7) / 7, "same") for each in apart])
    channel, step = np.unravel_index(smooth.argmax(), smooth.shape)
    assert channel == 0
    assert 28 <= step <= 42
    assert apart[0, 25:46].mean() > 2 * apart[:, :20].mean()


def test_features_without_a_value_are_shared_out_evenly():
    """No value of a kernel lies above a bias: the mean of their places is -1 then, and belongs to all steps."""
    model, inputs = fit_bumps("multirocket", 1, False, 2)
    flat = replace(inputs, values=np.full_like(inputs.values, -5.0))
    found = decompose(model, Padded.of(flat, model.features).to_view().take(slice(0, 1)))
    assert found.steps.sum() + found.constant[0] == pytest.approx(model.predict(flat)[0, 0], abs=1e-3)
