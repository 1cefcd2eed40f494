"""The half of an update that genbench makes."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, RMSprop

from genbench.errors import ContractError
from genbench.step import Stepper


def pair() -> tuple[nn.Linear, nn.Linear]:
    torch.manual_seed(0)
    return nn.Linear(3, 3), nn.Linear(3, 1)


def test_a_loss_moves_the_parameters_of_its_own_optimizer_only() -> None:
    generator, critic = pair()
    step = Stepper({"generator": SGD(generator.parameters(), 0.1)}, budget=100)
    before = copy.deepcopy(critic.state_dict())
    moved = generator.weight.clone()
    step(generator=critic(generator(torch.ones(2, 3))).mean())
    assert not torch.equal(generator.weight, moved)
    assert all(torch.equal(before[name], value) for name, value in critic.state_dict().items())
    assert all(p.grad is None for p in critic.parameters())


def test_an_update_is_what_plain_torch_would_make() -> None:
    generator, critic = pair()
    twin_generator, twin_critic = copy.deepcopy(generator), copy.deepcopy(critic)
    step = Stepper(
        {"generator": Adam(generator.parameters()), "critic": Adam(critic.parameters())}, 100
    )
    optimizers = Adam(twin_generator.parameters()), Adam(twin_critic.parameters())
    x = torch.randn(4, 3)
    for _ in range(3):
        step(critic=critic(generator(x).detach()).square().mean())
        step(generator=critic(generator(x)).mean())

        optimizers[1].zero_grad()
        twin_critic(twin_generator(x).detach()).square().mean().backward()
        optimizers[1].step()
        optimizers[0].zero_grad()
        twin_critic(twin_generator(x)).mean().backward()
        optimizers[0].step()
    torch.testing.assert_close(generator.weight, twin_generator.weight)
    torch.testing.assert_close(critic.weight, twin_critic.weight)


def test_several_losses_in_one_call_see_the_weights_before_any_of_them_moved() -> None:
    generator, critic = pair()
    x = torch.randn(4, 3)
    value = critic(generator(x)).mean()
    expected = {
        "generator": torch.autograd.grad(value, generator.weight, retain_graph=True)[0],
        "critic": torch.autograd.grad(-value, critic.weight, retain_graph=True)[0],
    }
    before = generator.weight.clone(), critic.weight.clone()
    step = Stepper(
        {"generator": SGD(generator.parameters(), 1.0), "critic": SGD(critic.parameters(), 1.0)},
        budget=100,
    )
    step(critic=-value, generator=value)
    torch.testing.assert_close(before[0] - generator.weight, expected["generator"])
    torch.testing.assert_close(before[1] - critic.weight, expected["critic"])


def test_parameters_that_two_optimizers_share_never_mix_gradients() -> None:
    trunk = nn.Parameter(torch.zeros(1))
    step = Stepper({"a": SGD([trunk], 1.0), "b": SGD([trunk], 1.0)}, budget=100)
    step(a=3 * trunk.sum(), b=5 * trunk.sum())
    assert trunk.item() == -8


@pytest.mark.parametrize("optimizer", [Adam, SGD, RMSprop])
def test_a_graph_made_stale_by_a_step_is_an_error_and_not_a_wrong_gradient(
    optimizer: type[torch.optim.Optimizer],
) -> None:
    # Fused kernels do not tell autograd what they wrote; without Stepper's own word this loss
    # would be differentiated with weights that it never saw.
    first, second = pair()
    step = Stepper({"all": optimizer([*first.parameters(), *second.parameters()], lr=0.1)}, 100)
    loss = second(torch.relu(first(torch.randn(4, 3)))).mean()
    step(all=second(first(torch.ones(1, 3))).mean())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        step(all=loss)


def test_optimizers_are_fused_unless_their_author_chose() -> None:
    first, second = pair()
    default, chosen = Adam(first.parameters()), Adam(second.parameters(), foreach=True)
    Stepper({"default": default, "chosen": chosen}, 100)
    assert default.param_groups[0]["fused"] is True
    assert not chosen.param_groups[0]["fused"]


def test_frozen_parameters_are_left_alone() -> None:
    first, second = pair()
    step = Stepper({"all": SGD([*first.parameters(), *second.parameters()], 0.1)}, 100)
    first.requires_grad_(False)
    before = first.weight.clone()
    step(all=second(first(torch.ones(2, 3))).mean())
    assert torch.equal(first.weight, before)


@pytest.mark.parametrize(
    ("updates", "charged"),
    [({"critic": 5, "generator": 1}, 50), ({"critic": 1, "generator": 1}, 10), ({}, 10)],
)
def test_a_train_step_is_charged_for_the_most_updates_of_any_one_optimizer(
    updates: dict[str, int], charged: int
) -> None:
    generator, critic = pair()
    step = Stepper(
        {"generator": SGD(generator.parameters(), 0.1), "critic": SGD(critic.parameters(), 0.1)},
        budget=200,
    )
    losses = {"generator": lambda: generator(torch.ones(3)).mean(),
              "critic": lambda: critic(torch.ones(3)).mean()}  # fmt: skip
    for name, count in updates.items():
        for _ in range(count):
            step(**{name: losses[name]()})
    assert step.charge(10) == charged
    assert (step.images, step.index, step.progress) == (charged, 1, charged / 200)


def test_an_unknown_optimizer_is_answered_with_the_nearest() -> None:
    step = Stepper({"critic": SGD(pair()[1].parameters(), 0.1)}, 100)
    with pytest.raises(ContractError, match=r"no 'critik'\. Did you mean critic"):
        step(critik=torch.zeros(()))


def test_what_is_no_loss_is_refused() -> None:
    network = pair()[0]
    step = Stepper({"all": SGD(network.parameters(), 0.1)}, 100)
    with pytest.raises(ContractError, match=r"not a tensor of shape \(2, 3\) with a gradient"):
        step(all=network(torch.ones(2, 3)))
    with pytest.raises(ContractError, match=r"not a tensor of shape \(\) without a gradient"):
        step(all=torch.zeros(()))
    with pytest.raises(ContractError, match=r"not float 0\.5"):
        step(all=0.5)  # type: ignore[arg-type]


def test_a_loss_without_a_name_is_told_to_have_one() -> None:
    network = pair()[0]
    step = Stepper({"vae": SGD(network.parameters(), 0.1)}, 100)
    for arguments in ((network(torch.ones(3)).sum(),), ()):
        with pytest.raises(ContractError, match=r"by its optimizer's name: step\(vae=loss\)"):
            step(*arguments)


@pytest.mark.parametrize(
    ("returned", "what"), [(None, "NoneType"), ({}, "an empty one"), ([1], "list")]
)
def test_optimizers_must_be_a_mapping_of_some(returned: object, what: str) -> None:
    with pytest.raises(ContractError, match=rf"optimizers\(\) must return a mapping .* not {what}"):
        Stepper(returned, 100)  # type: ignore[arg-type]
