"""What is frozen stands still, what is pulled is pulled, and no trace of it is left at the end."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from suffice.core import UsageError
from suffice.nets import UNet
from suffice.training.tuning import TUNINGS, Scratch, Tuned, Tuning, tuning_named
from suffice.weights import Account, take


def network(seed: int) -> UNet:
    torch.manual_seed(seed)
    return UNet(
        ndim=2,
        in_channels=1,
        n_classes=2,
        widths=(8, 16, 16),
        strides=((2, 2), (2, 2)),
        blocks=(1, 1, 1),
    )


def put(target: nn.Module) -> Account:
    source = {n: a for n, a in network(7).state_dict().items() if not n.startswith("heads")}
    return take(target, source)


def started(tuning: Tuning) -> tuple[UNet, Tuned, torch.optim.Optimizer]:
    net, start = network(0), Tuned(put, tuning)
    start.prepare(net)
    return net, start, torch.optim.AdamW(start.groups(net), lr=1e-2, weight_decay=0.1)


def step(net: UNet, start: Scratch, optimizer: torch.optim.Optimizer, fraction: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = 1e-2 * group["part"]
    start.before_step(fraction)
    optimizer.zero_grad(set_to_none=True)
    sum((logits**2).mean() for logits in net(torch.randn(2, 1, 16, 16))).backward()
    optimizer.step()
    start.after_step(1e-2)


def moved(net: UNet, before: dict[str, torch.Tensor]) -> set[str]:
    after = net.state_dict()
    return {name for name in before if not torch.equal(before[name], after[name])}


def copied(net: UNet) -> dict[str, torch.Tensor]:
    return {name: array.clone() for name, array in net.state_dict().items()}


def test_a_frozen_encoder_stands_still_to_the_end() -> None:
    net, start, optimizer = started(TUNINGS["frozen"])
    before = copied(net)
    for fraction in (0.0, 0.5, 1.0):
        step(net, start, optimizer, fraction)
    found = moved(net, before)
    assert found == {name for name in before if not name.startswith(("stem", "encoder"))}
    start.finish(net)
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_stages_thaw_one_by_one_the_deepest_first() -> None:
    net, start, optimizer = started(TUNINGS["gradual"])
    seen = []
    for fraction in (0.1, 0.2, 0.3, 0.45, 0.5):
        before = copied(net)
        step(net, start, optimizer, fraction)
        found = moved(net, before)
        seen.append({name.split(".0")[0] for name in found if name.startswith(("stem", "encoder"))})
    stages = {"encoder.2", "encoder.1", "encoder", "stem"}
    assert [len(each & stages) for each in seen] == [0, 1, 2, 3, 4]
    assert "encoder.2" in seen[1]
    assert "stem" in seen[4]


def test_rates_fall_with_the_distance_from_the_output() -> None:
    net, start, _ = started(Tuning(decay=0.5))
    part = {}
    for group in start.groups(net):
        for parameter in group["params"]:
            part[id(parameter)] = group["part"]
    own = dict(net.named_parameters())
    names = ["stem.0.weight", "encoder.0.0.body.0.0.weight", "encoder.2.0.body.0.0.weight"]
    names += ["decoder.1.0.0.weight", "decoder.0.0.0.weight", "heads.0.weight"]
    assert [part[id(own[name])] for name in names] == [0.5**5, 0.5**4, 0.5**2, 0.5, 1.0, 1.0]


def test_the_pull_is_towards_what_was_taken() -> None:
    free, pulled = (started(Tuning(l2_sp=pull)) for pull in (0.0, 50.0))
    source = network(7).state_dict()
    far = []
    for net, start, optimizer in (free, pulled):
        torch.manual_seed(3)
        for _ in range(5):
            step(net, start, optimizer, 0.5)
        own = net.state_dict()
        far.append(sum(float((own[n] - source[n]).norm()) for n in start.account_.taken))
    assert far[1] < 0.7 * far[0]
    assert all(g["weight_decay"] in (0.0, 0.1) for g in pulled[2].param_groups)


def test_an_adapter_changes_by_its_rank_and_leaves_a_plain_network() -> None:
    net, start, optimizer = started(Tuning(rank=2))
    source = network(7).state_dict()
    x = torch.randn(1, 1, 16, 16)
    net.eval()
    with torch.no_grad():
        fresh = net(x)[0]
        reference = network(0)
        put(reference)
        torch.testing.assert_close(fresh, reference.eval()(x)[0])
    net.train()
    for _ in range(3):
        step(net, start, optimizer, 0.5)
    net.eval()
    with torch.no_grad():
        before = net(x)[0]
        start.finish(net)
        torch.testing.assert_close(net(x)[0], before)
    assert net.state_dict().keys() == source.keys()
    name = "encoder.1.0.body.0.0.weight"
    change = (net.state_dict()[name] - source[name]).flatten(1)
    assert 1 <= int(torch.linalg.matrix_rank(change, rtol=1e-3)) <= 2


def test_ways_are_put_together_by_name() -> None:
    assert tuning_named(["gradual", "low-rank"]) == replace(TUNINGS["gradual"], rank=8)
    with pytest.raises(UsageError, match="no such way of tuning"):
        tuning_named(["quickly"])
    with pytest.raises(UsageError, match=r"decay.*above 0, to 1"):
        Tuning(decay=0)
