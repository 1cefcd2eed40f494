"""Models that do unusual things that the contract allows: nothing may be found in them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import mse_loss, silu, softplus
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from genbench.contract import Batch, DataSpec, Split, Step


class ClippedCritic(nn.Module):
    """Clips its critic's weights outside of step, and steps its generator every fifth time."""

    def __init__(self, data: DataSpec, *, latent_dim: int = 4) -> None:
        super().__init__()
        if data.kind != "image":
            raise ValueError("images only")
        self.latent_dim, size = latent_dim, math.prod(data.shape)
        self.generator = nn.Sequential(
            nn.Linear(latent_dim, 16),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.Linear(16, size),
            nn.Tanh(),
            nn.Unflatten(1, data.shape),
        )
        first = nn.utils.parametrizations.spectral_norm(nn.Linear(size, 16))
        self.critic = nn.Sequential(
            nn.Flatten(), first, nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(16, 1)
        )

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {
            "generator": RMSprop(self.generator.parameters(), 5e-5),
            "critic": RMSprop(self.critic.parameters(), 5e-5),
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        z = torch.randn(len(batch.x), self.latent_dim, device=batch.x.device)
        critic = self.critic(self.generator(z).detach()).mean() - self.critic(batch.x).mean()
        step(critic=critic)
        with torch.no_grad():
            for parameter in self.critic.parameters():
                parameter.clamp_(-0.01, 0.01)
        if step.index % 5 == 4:
            step(generator=-self.critic(self.generator(z)).mean())
        return {"critic": critic}

    def sample(self, n: int, rng: Generator) -> Tensor:
        return self.generator(torch.randn(n, self.latent_dim, generator=rng, device=rng.device))


class Diffusion(nn.Module):
    """Keeps its optimizer to set the rate by progress; far out of range while it is young."""

    abar: Tensor

    def __init__(self, data: DataSpec, *, steps: int = 8) -> None:
        super().__init__()
        self.shape, self.steps, size = data.shape, steps, math.prod(data.shape)
        self.register_buffer("abar", (1 - torch.linspace(1e-4, 0.5, steps)).cumprod(0))
        self.time = nn.Embedding(steps, 32)
        self.down, self.up = nn.Linear(size, 32), nn.Linear(32, size)
        nn.init.zeros_(self.up.weight)

    def noise_of(self, x: Tensor, t: Tensor) -> Tensor:
        return self.up(silu(self.down(x.flatten(1)) + self.time(t))).view_as(x)

    def optimizers(self) -> Mapping[str, Optimizer]:
        self.optimizer = AdamW(self.parameters(), 1e-3)
        return {"noise": self.optimizer}

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        for group in self.optimizer.param_groups:
            group["lr"] = 1e-3 * (1 - step.progress)
        t = torch.randint(self.steps, (len(batch.x),), device=batch.x.device)
        kept = self.abar[t].view(-1, *[1] * len(self.shape))
        noise = torch.randn_like(batch.x)
        noisy = kept.sqrt() * batch.x + (1 - kept).sqrt() * noise
        loss = mse_loss(self.noise_of(noisy, t), noise)
        step(noise=loss)
        return {"noise": loss}

    def sample(self, n: int, rng: Generator) -> Tensor:
        x = torch.randn(n, *self.shape, generator=rng, device=rng.device)
        for i in reversed(range(self.steps)):
            t = torch.full((n,), i, device=x.device)
            x = (x - (1 - self.abar[i]).sqrt() * self.noise_of(x, t)) / self.abar[i].sqrt()
            if i:
                fresh = torch.randn(x.shape, generator=rng, device=x.device)
                x = self.abar[i - 1].sqrt() * x + (1 - self.abar[i - 1]).sqrt() * fresh
        return x


class TwoStages(nn.Module):
    """One network after the other by progress; a part that is frozen; a density that is fitted."""

    mean: Tensor
    factor: Tensor
    steps: Tensor

    def __init__(self, data: DataSpec, *, latent_dim: int = 3) -> None:
        super().__init__()
        self.latent_dim, size = latent_dim, math.prod(data.shape)
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(size, 8), nn.BatchNorm1d(8))
        self.code = nn.Linear(8, latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim, size), nn.Unflatten(1, data.shape))
        self.flow = nn.Linear(latent_dim, latent_dim)
        self.frozen = nn.Linear(3, 3).requires_grad_(False)
        self.register_buffer("mean", torch.zeros(latent_dim))
        self.register_buffer("factor", torch.eye(latent_dim))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def optimizers(self) -> Mapping[str, Optimizer]:
        first = [*self.encoder.parameters(), *self.code.parameters(), *self.decoder.parameters()]
        return {"first": Adam(first), "second": SGD(self.flow.parameters(), 1e-2, momentum=0.9)}

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        self.steps += 1
        if step.progress < 0.5:
            loss = mse_loss(self.reconstruct(batch.x), batch.x)
            step(first=loss)
        else:
            z = self.encode(batch.x).detach()
            loss = softplus(self.flow(z) - z).mean()
            step(second=loss)
        return {"loss": loss}

    def fit(self, train: Split, rng: Generator) -> None:
        z = torch.cat([self.encode(batch.x) for batch in train.batches(7)]).double()
        jitter = 1e-3 * torch.eye(self.latent_dim, device=z.device)
        self.mean.copy_(z.mean(0))
        self.factor.copy_(torch.linalg.cholesky(z.T.cov() + jitter))

    def sample(self, n: int, rng: Generator) -> Tensor:
        z = torch.randn(n, self.latent_dim, generator=rng, device=rng.device)
        return self.decoder(self.mean + z @ self.factor.T)

    def encode(self, x: Tensor) -> Tensor:
        return self.code(self.encoder(x))

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.decoder(self.encode(x))

    def log_likelihood(self, x: Tensor, rng: Generator) -> Tensor:
        density = torch.distributions.MultivariateNormal(self.mean, scale_tril=self.factor)
        return density.log_prob(self.encode(x))


class Energy(nn.Module):
    """Takes gradients in sample, where genbench takes none."""

    def __init__(self, data: DataSpec) -> None:
        super().__init__()
        self.shape = data.shape
        size = math.prod(data.shape)
        self.energy = nn.Sequential(
            nn.Flatten(), nn.Linear(size, 8), nn.Softplus(), nn.Linear(8, 1, bias=False)
        )

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"energy": Adam(self.parameters())}

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        fake = self.descend(torch.rand_like(batch.x) * 2 - 1)
        loss = self.energy(batch.x).mean() - self.energy(fake).mean()
        step(energy=loss)
        return {"energy": loss}

    def descend(self, x: Tensor) -> Tensor:
        for _ in range(3):
            with torch.enable_grad():
                x = x.detach().requires_grad_()
                (slope,) = torch.autograd.grad(self.energy(x).sum(), x)
            x = (x - 0.1 * slope).detach()
        return x

    def sample(self, n: int, rng: Generator) -> Tensor:
        x = torch.rand(n, *self.shape, generator=rng, device=rng.device)
        return self.descend(2 * x - 1)


class Moved(Energy):
    """Makes tensors on the CPU in every way that does no harm on another device."""

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        order = torch.randperm(len(batch.x))
        x = batch.x[order]  # an index may lie on the CPU
        scale = torch.tensor(0.5)  # and so may a number
        weights = torch.linspace(0, 1, len(x)).square().to(x.device)
        target = torch.zeros_like(x)
        target.copy_(torch.ones(x.shape))
        loss = (self.energy(x * scale).flatten() * weights).mean() + 0 * target.mean()
        step(energy=loss)
        return {"energy": loss}
