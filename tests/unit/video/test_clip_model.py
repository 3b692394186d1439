"""The network of clips: what its heads see, what it embeds, its file."""

import pytest
import torch

from pipeline import build
from pipeline.checkpoint import load_model
from pipeline.checkpoint_clip import is_clip_model, load_clip_model, save_clip_model
from pipeline.errors import CheckpointError
from pipeline.models.video.clip_model import ClipModel
from pipeline.models.video.cost import clip_cost

SPEC = {
    "video": "coupled", "arch": "ca_res", "size": [32, 16], "embedding": 8, "pooling": "gem", "ibn": "none",
    "weights": "scratch", "args": {"width": 0.5}, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25],
}  # fmt: skip


def make_model(**changes: object) -> ClipModel:
    torch.manual_seed(3)
    return build.clip_model(**{**SPEC, **changes}, num_classes=5).eval()


def make_clips(count: int = 2, length: int = 4, *, seed: int = 0) -> torch.Tensor:
    # Patches, because noise of single pixels looks the same to a network wherever it stands.
    patches = torch.randint(0, 256, (count, length, 3, 4, 2), generator=torch.Generator().manual_seed(seed))
    return patches.to(torch.uint8).repeat_interleave(8, dim=3).repeat_interleave(8, dim=4)


def test_all_heads_answer() -> None:
    said = make_model()(make_clips())
    assert said.frames.shape == (2, 4, 8)
    assert said.pairs.shape == (2, 3, 8)
    for head in ("spatial", "temporal", "fused"):
        assert said.head(head).bn_embedding.shape == (2, 8)
        assert said.head(head).logits is not None
        assert said.head(head).logits.shape == (2, 5)


def test_the_spatial_head_does_not_see_the_order_of_frames_and_the_temporal_one_does() -> None:
    # Normalised by the batch: a network that was never trained says nearly the same of everything.
    model, clips = make_model().train(), make_clips(8)
    with torch.no_grad():
        said, turned = model(clips), model(clips.flip(1))
    torch.testing.assert_close(said.spatial.embedding, turned.spatial.embedding, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(said.temporal.embedding, turned.temporal.embedding, rtol=0.01, atol=1e-3)


def test_a_clip_is_embedded_alone_as_in_company() -> None:
    model, clips = make_model(), make_clips(3)
    torch.testing.assert_close(model.embed(clips)[1:2], model.embed(clips[1:2]), atol=1e-5, rtol=1e-5)


def test_one_frame_is_a_pair_with_itself() -> None:
    model, clips = make_model(), make_clips(length=1)
    with torch.no_grad():
        alone, doubled = model(clips), model(clips.repeat(1, 2, 1, 1, 1))
    assert alone.pairs.shape == (2, 1, 8)
    torch.testing.assert_close(alone.temporal.embedding, doubled.temporal.embedding, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("answers", "width"), [("fused", 8), ("both", 16), ("spatial", 8), ("temporal", 8)])
def test_embeddings_have_length_one(answers: str, width: int) -> None:
    rows = make_model(answers=answers).embed(make_clips(3))
    assert rows.shape == (3, width)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(3))


def test_larger_pixels_are_scaled_down() -> None:
    clips = torch.zeros(1, 2, 3, 64, 32, dtype=torch.uint8)
    assert make_model().embed(clips).shape == (1, 8)


def test_a_file_brings_the_network_back(tmp_path) -> None:
    model = make_model(answers="both")
    path = tmp_path / "best.safetensors"
    save_clip_model(path, model, spec=SPEC, meta={"stage": "couple"})
    loaded = load_clip_model(path)
    assert is_clip_model(path)
    assert (loaded.model.answers, loaded.model.num_classes, loaded.meta["stage"]) == ("both", 5, "couple")
    assert torch.equal(loaded.model.embed(make_clips()), model.embed(make_clips()))
    with pytest.raises(CheckpointError, match="is a network of clips"):
        load_model(path)


def test_a_network_of_crops_is_no_network_of_clips(tmp_path) -> None:
    from pipeline.checkpoint_file import write_checkpoint

    write_checkpoint(tmp_path / "image.safetensors", {}, {"spec": {"arch": "x"}, "cameras": [], "meta": {}})
    with pytest.raises(CheckpointError, match="is no network of clips"):
        load_clip_model(tmp_path / "image.safetensors")


def test_cost_is_that_of_a_frame() -> None:
    model = make_model()
    params, macs = clip_cost(model, length=4)
    longer = clip_cost(model, length=8)
    assert params == longer[0]
    # Pairs are one less than frames, so a longer clip costs a little more a frame.
    assert macs < longer[1] < 1.2 * macs
