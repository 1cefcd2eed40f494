from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, MultivariateNormal, Normal, kl_divergence

from genbench.contract import Batch, has
from genbench_autoencoders import vae
from genbench_autoencoders.vae import VAE, kl_to_prior


def generator(seed):
    return torch.Generator().manual_seed(seed)


class Losses(dict):
    """In place of a step: keeps the losses."""

    def __call__(self, **losses):
        self.update(losses)


class Posterior(nn.Module):
    """The exact posterior of a linear-Gaussian model, or one that is wider than it."""

    def __init__(self, weight, bias, s, wider):
        super().__init__()
        precision = weight.T @ weight / s**2 + torch.eye(weight.shape[1])
        self.covariance = torch.linalg.inv(precision)
        self.gain, self.bias, self.wider = self.covariance @ weight.T / s**2, bias, wider

    def forward(self, x):
        mu = (x - self.bias) @ self.gain.T
        return torch.cat((mu, (self.wider * self.covariance.diagonal()).log().expand_as(mu)), 1)


def probabilistic_pca(spec, wider=1.0, **options):
    """A VAE that is probabilistic PCA, and its exact marginal density."""
    s = 0.7
    directions = torch.linalg.qr(torch.randn(6, 2, generator=generator(0))).Q
    weight = directions * torch.tensor([2.0, 1.0])  # (6, 2), orthogonal: a diagonal posterior
    bias = torch.randn(6, generator=generator(1))
    model = VAE(spec(6), latent_dim=2, **options).eval()
    model.decoder = nn.Linear(2, 6)
    with torch.no_grad():
        model.decoder.weight.copy_(weight)
        model.decoder.bias.copy_(bias)
        floor = vae.LEAST_LOG_SIGMA
        model.log_sigma.fill_(floor + math.log(math.expm1(math.log(s) - floor)))
    model.encoder = Posterior(weight, bias, s, wider)
    marginal = MultivariateNormal(bias, weight @ weight.T + s**2 * torch.eye(6))
    return model, marginal


@torch.no_grad()
def test_with_the_exact_posterior_one_draw_gives_the_exact_likelihood(spec):
    model, marginal = probabilistic_pca(spec)
    x = marginal.sample((50,))
    given = model.log_likelihood_bound(x, generator(0), 1)
    torch.testing.assert_close(given, marginal.log_prob(x), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_with_another_posterior_it_is_exact_in_the_limit_and_below_it_before(spec):
    model, marginal = probabilistic_pca(spec, wider=2.0)
    x = marginal.sample((200,))
    exact = marginal.log_prob(x)
    off = {k: model.log_likelihood_bound(x, generator(0), k) - exact for k in (1, 10, 4000)}
    # With one draw it is below by the divergence of the two posteriors, in two dimensions.
    assert off[1].mean().item() == pytest.approx(-(2 - 1 - math.log(2)), abs=0.12)
    assert off[1].mean() < off[10].mean() - 0.1
    assert off[4000].abs().max() < 0.1
    assert off[4000].mean().abs() < 0.005


@torch.no_grad()
def test_the_bound_is_tight_where_the_posterior_is_exact(spec):
    model, marginal = probabilistic_pca(spec)
    x = marginal.sample((20_000,))
    shown = model.train_step(Batch(x), Losses())
    assert shown["elbo"].item() == pytest.approx(marginal.log_prob(x).mean().item(), abs=0.03)


@torch.no_grad()
def test_chunks_give_what_one_piece_gives(spec, monkeypatch):
    model, marginal = probabilistic_pca(spec, wider=2.0)
    x = marginal.sample((7,))
    sizes = []
    model.decoder.register_forward_hook(lambda _, args, out: sizes.append(len(args[0])))
    whole = model.log_likelihood_bound(x, generator(0), 2000)
    assert sizes == [7 * 585, 7 * 585, 7 * 585, 7 * 245]
    monkeypatch.setattr(vae, "CHUNK", 1024 * 5)
    sizes.clear()
    parted = model.log_likelihood_bound(x, generator(1), 2000)
    torch.testing.assert_close(parted, whole, atol=0.2, rtol=0)
    assert max(sizes) <= 5


@torch.no_grad()
def test_samples_with_noise_have_the_marginal_density(spec):
    noisy, marginal = probabilistic_pca(spec, sample_noise=True)
    x = noisy.sample(50_000, generator(0))
    torch.testing.assert_close(x.mean(0), marginal.mean, atol=0.05, rtol=0)
    torch.testing.assert_close(torch.cov(x.T), marginal.covariance_matrix, atol=0.1, rtol=0)
    means, _ = probabilistic_pca(spec)
    assert torch.linalg.matrix_rank(torch.cov(means.sample(500, generator(0)).T), atol=1e-3) == 2


def test_the_divergence_is_that_of_normals():
    mu, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    exact = kl_divergence(Normal(mu, (log_variance / 2).exp()), Normal(0, 1)).sum(1)
    torch.testing.assert_close(kl_to_prior(mu, log_variance), exact)


def test_log_p_is_that_of_a_normal_and_of_bernoullis(spec):
    x, logits = torch.rand(3, 1, 8, 8) * 2 - 1, torch.randn(3, 1, 8, 8)
    model = VAE(spec(1, 8, 8))
    s = model._log_s().exp()
    exact = Normal(2 * torch.sigmoid(logits) - 1, s).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(model.log_p(x, logits), exact)
    model = VAE(spec(1, 8, 8), likelihood="bernoulli")
    exact = Bernoulli(logits=logits, validate_args=False).log_prob((x + 1) / 2).sum((1, 2, 3))
    torch.testing.assert_close(model.log_p(x, logits), exact)


def test_beta_weighs_the_divergence(spec):
    x = torch.rand(4, 1, 8, 8)
    model = VAE(spec(1, 8, 8), beta=3.0)
    losses = Losses()
    shown = model.train_step(Batch(x), losses)
    expected = (3 * shown["kl"] - shown["reconstruction"]) / 64
    torch.testing.assert_close(losses["autoencoder"], expected)
    torch.testing.assert_close(shown["elbo"], shown["reconstruction"] - shown["kl"])


def test_the_variance_is_learned_to_be_the_error(spec, train, blobs):
    model = VAE(spec(1, 8, 8), latent_dim=2, width=64)
    train(model, blobs, steps=600)
    with torch.no_grad():
        mu, log_variance = model.posterior(blobs)
        z = mu + (log_variance / 2).exp() * torch.randn_like(mu)
        error = (model._decode(z) - blobs).square().mean()
        assert error < 0.05
        assert (2 * model._log_s()).exp().item() == pytest.approx(error.item(), rel=0.3)


def test_samples_are_like_the_data(spec, train, blobs):
    model = VAE(spec(1, 8, 8), latent_dim=2, width=64)
    train(model, blobs, steps=600)
    with torch.no_grad():
        near = torch.cdist(model.sample(100, generator(0)).flatten(1), blobs.flatten(1)).min(1)
    assert near.values.square().median() / 64 < 0.03


def test_the_code_is_the_mean(spec):
    model = VAE(spec(1, 8, 8)).eval()
    x = torch.rand(4, 1, 8, 8)
    assert torch.equal(model.encode(x), model.posterior(x)[0])
    torch.testing.assert_close(model.reconstruct(x), model._decode(model.encode(x)))


def test_it_claims_a_bound_and_no_density_and_of_bernoullis_neither(spec):
    gaussian, bernoulli = VAE(spec(1, 8, 8)), VAE(spec(1, 8, 8), likelihood="bernoulli")
    assert has(gaussian, "log_likelihood_bound")
    assert not has(gaussian, "log_likelihood")
    assert not has(bernoulli, "log_likelihood_bound")
    assert not has(bernoulli, "log_likelihood")


@torch.no_grad()
def test_the_bound_of_one_draw_is_the_evidence_lower_bound_that_it_is_trained_by(spec):
    model, marginal = probabilistic_pca(spec, wider=2.0)
    x = marginal.sample((20_000,))
    elbo = model.train_step(Batch(x), Losses())["elbo"].item()
    given = model.log_likelihood_bound(x, generator(0), 1).mean().item()
    assert given == pytest.approx(elbo, abs=0.05)


@pytest.mark.parametrize("shape", [(1, 7, 8), (1, 8, 65), (8, 8)], ids=str)
def test_shapes_that_it_cannot_take_are_refused(shape, spec):
    with pytest.raises(ValueError, match=r"vae takes images .* 8 to 64 pixels and points"):
        VAE(spec(*shape))


def test_bernoulli_is_refused_where_it_means_nothing(spec):
    with pytest.raises(ValueError, match="likelihood=bernoulli for images alone"):
        VAE(spec(2), likelihood="bernoulli")
    with pytest.raises(ValueError, match="sample_noise for likelihood=gaussian alone"):
        VAE(spec(1, 8, 8), likelihood="bernoulli", sample_noise=True)
