from __future__ import annotations

import pytest
import torch

from genbench import options
from genbench.contract import Batch, has
from genbench.errors import UsageError
from genbench.step import Stepper
from genbench_hybrids.ae_gan import AEGAN

SHAPES = [
    (1, 8, 8),
    (3, 8, 8),
    (1, 9, 9),
    (1, 28, 28),
    (3, 32, 32),
    (3, 64, 64),
    (1, 8, 64),
    (3, 31, 17),
    (1, 5, 6),
    (2,),
    (10,),
]


def generator(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_shape_is_encoded_reconstructed_and_sampled(shape, spec):
    model = AEGAN(spec(*shape), latent_dim=3, width=32).eval()
    x = torch.rand(4, *shape) * 2 - 1
    with torch.no_grad():
        codes, reconstruction, samples = (
            model.encode(x),
            model.reconstruct(x),
            model.sample(5, generator(0)),
        )
    assert codes.shape == (4, 3)
    assert reconstruction.shape == x.shape
    assert samples.shape == (5, *shape)
    assert codes.dtype == reconstruction.dtype == samples.dtype == torch.float32


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_parameter_learns_in_a_train_step(shape, spec, train):
    model = AEGAN(spec(*shape), latent_dim=3, width=32)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train(model, torch.rand(4, *shape) * 2 - 1, steps=1)
    still = [name for name, p in model.named_parameters() if torch.equal(p, before[name])]
    assert still == []


def test_every_parameter_belongs_to_one_player(spec):
    model = AEGAN(spec(1, 16, 16), width=32)
    players = Stepper(model.optimizers(), budget=1).parameters
    assert list(players) == ["discriminator", "generator"]
    owned = [id(p) for parameters in players.values() for p in parameters]
    assert sorted(owned) == sorted(id(p) for p in model.parameters())


def test_the_encoder_is_the_trunk_of_the_discriminator(spec):
    model = AEGAN(spec(1, 8, 8), width=32)
    x = torch.rand(4, 1, 8, 8)
    codes, logits = model.encode(x), model.logit(model.trunk(x))
    for first, second in zip(
        torch.autograd.grad(codes.sum(), [*model.trunk.parameters()]),
        torch.autograd.grad(logits.sum(), [*model.trunk.parameters()]),
        strict=True,
    ):
        assert first.abs().sum() > 0
        assert second.abs().sum() > 0


def test_the_generators_loss_leaves_nothing_in_the_discriminator(spec, blobs):
    class GeneratorOnly(Stepper):
        def __call__(self, **losses):
            super().__call__(generator=losses["generator"])

    model = AEGAN(spec(1, 8, 8), width=32)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    model.train_step(Batch(blobs), GeneratorOnly(model.optimizers(), budget=1))
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name in before if name.startswith("decoder.")}
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("loss", ["non-saturating", "minimax"])
def test_reconstruction_and_latent_regression_improve_under_both_losses(loss, spec, train, blobs):
    model = AEGAN(spec(1, 8, 8), latent_dim=2, width=64, loss=loss, latent_weight=1.0)
    history = train(model, blobs, steps=300)
    assert history[-1]["reconstruction"] < 0.1 * history[0]["reconstruction"]
    assert history[-1]["latent"] < 0.5 * history[0]["latent"]


def test_codes_of_data_live_where_the_prior_samples(spec, train, blobs):
    model = AEGAN(spec(1, 8, 8), latent_dim=2, width=64, latent_weight=1.0)
    train(model, blobs, steps=600)
    with torch.no_grad():
        codes = model.encode(blobs)
    assert codes.mean(0).abs().max() < 0.5
    assert codes.std(0).min() > 0.6
    assert codes.std(0).max() < 1.4


def test_points_are_reconstructed_and_sampled_on_their_circle(spec, train):
    angle = 2 * torch.pi * torch.rand(256)
    x = 2 * torch.stack((angle.cos(), angle.sin()), 1)
    model = AEGAN(spec(2), latent_dim=2, width=64)
    train(model, x, steps=600)
    with torch.no_grad():
        assert (model.reconstruct(x) - x).square().mean() < 0.05
        radius = model.sample(1000, generator(0)).norm(dim=1)
    assert (radius.quantile(0.1), radius.quantile(0.9)) == (
        pytest.approx(2, abs=0.8),
        pytest.approx(2, abs=0.8),
    )


def test_images_stay_between_minus_one_and_one(spec):
    model = AEGAN(spec(3, 16, 16), width=32).eval()
    torch.nn.init.constant_(model.decoder[-2].bias, 9.0)
    with torch.no_grad():
        assert model.sample(9, generator(0)).abs().max() <= 1


def test_encoding_and_reconstruction_do_not_depend_on_chance_or_company(spec):
    model = AEGAN(spec(1, 12, 12), width=32).eval()
    x = torch.rand(6, 1, 12, 12)
    with torch.no_grad():
        assert torch.equal(model.encode(x), model.encode(x))
        assert torch.equal(model.reconstruct(x), model.reconstruct(x))
        torch.testing.assert_close(model.reconstruct(x[:2]), model.reconstruct(x)[:2])


def test_samples_depend_on_the_generator_alone(spec):
    model = AEGAN(spec(1, 8, 8), width=32).eval()
    with torch.no_grad():
        first = model.sample(4, generator(5))
        torch.manual_seed(1)
        second = model.sample(4, generator(5))
        third = model.sample(4, generator(6))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_a_checkpoint_loads_into_a_new_model(spec, train, blobs):
    model = AEGAN(spec(1, 8, 8), width=32)
    train(model, blobs, steps=2)
    again = AEGAN(spec(1, 8, 8), width=32).eval()
    again.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(again.reconstruct(blobs), model.reconstruct(blobs))


def test_a_train_step_leaves_its_batch_as_it_was(spec, train, blobs):
    x = blobs.clone()
    train(AEGAN(spec(1, 8, 8), width=32), x, steps=1)
    assert torch.equal(x, blobs)
    assert not x.requires_grad


@pytest.mark.parametrize("shape", [(1, 65, 8), (3, 128, 128), (8, 8), (1, 0, 8)], ids=str)
def test_shapes_that_it_cannot_take_are_refused(shape, spec):
    with pytest.raises(ValueError, match=r"ae-gan takes images .* up to 64 pixels and points"):
        AEGAN(spec(*shape))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("latent_dim", 0),
        ("width", 8),
        ("lr", -1e-3),
        ("reconstruction_weight", -1.0),
        ("latent_weight", float("nan")),
        ("gradient_penalty", -0.1),
    ],
)
def test_options_out_of_range_are_refused_by_name(option, value):
    with pytest.raises(UsageError, match=f"The option '{option}' of the model takes"):
        options.resolve("model", AEGAN, {option: value})


def test_an_unknown_loss_is_refused():
    with pytest.raises(UsageError, match="'non-saturating' or 'minimax'"):
        options.resolve("model", AEGAN, {"loss": "hinge"})


@pytest.mark.parametrize("capability", ["log_likelihood", "fit"])
def test_it_claims_nothing_that_it_has_not(capability, spec):
    assert not has(AEGAN(spec(1, 8, 8), width=32), capability)


def test_a_conditional_one_needs_labels(spec):
    with pytest.raises(
        ValueError, match="conditional=True needs labelled data; tiny has no labels"
    ):
        AEGAN(spec(1, 8, 8), conditional=True)


def test_labels_are_refused_by_a_model_that_is_not_conditional(spec):
    model = AEGAN(spec(1, 8, 8, classes=2), width=32).eval()
    with pytest.raises(ValueError, match="unless it has conditional=true"):
        model.sample(2, generator(0), torch.tensor([0, 1]))


def test_conditional_or_not_the_shared_networks_begin_alike(spec):
    def of(conditional):
        torch.manual_seed(0)
        return AEGAN(spec(1, 8, 8, classes=2), width=32, conditional=conditional).state_dict()

    plain, conditional = of(False), of(True)
    assert {name.split(".")[0] for name in conditional.keys() - plain.keys()} == {
        "embedding",
        "projection",
        "classifier",
    }
    assert torch.equal(plain["trunk.1.weight"], conditional["trunk.1.weight"])
    assert torch.equal(plain["logit.weight"], conditional["logit.weight"])


def test_a_class_is_sampled_and_restored_without_being_told(spec, train):
    # Dark images and bright ones.
    y = torch.arange(64) % 2
    x = (y - 0.5)[:, None, None, None] + 0.2 * torch.randn(64, 1, 8, 8)
    model = AEGAN(spec(1, 8, 8, classes=2), latent_dim=2, width=32, conditional=True)
    history = train(model, x, steps=200, y=y)
    assert history[-1]["classification"] < 0.1
    with torch.no_grad():
        told = model.sample(64, generator(0), y).flatten(1).mean(1)
        drawn = model.sample(200, generator(0)).flatten(1).mean(1)
        restored = model.reconstruct(x).flatten(1).mean(1)
    assert ((told > 0) == (y == 1)).float().mean() > 0.95
    assert 0.3 < (drawn > 0).float().mean() < 0.7
    assert ((restored > 0) == (y == 1)).all()


def test_generated_and_real_images_of_a_batch_have_the_same_labels(spec):
    model = AEGAN(spec(1, 8, 8, classes=3), width=32, conditional=True)
    y = torch.tensor([2, 0, 1, 1])
    asked = []
    for embedding in (model.embedding, model.projection):
        embedding.register_forward_pre_hook(lambda _, given: asked.append(given[0]))
    x = torch.rand(4, 1, 8, 8)
    model.train_step(Batch(x, y), Stepper(model.optimizers(), budget=1))
    assert len(asked) == 3
    assert all(torch.equal(labels, y) for labels in asked)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_it_trains_and_samples_on_a_gpu(spec, train, blobs):
    model = AEGAN(spec(1, 8, 8), width=32).cuda()
    train(model, blobs.cuda(), steps=3)
    with torch.no_grad():
        samples = model.sample(4, torch.Generator("cuda").manual_seed(0))
    assert samples.device.type == "cuda"
    assert samples.isfinite().all()
