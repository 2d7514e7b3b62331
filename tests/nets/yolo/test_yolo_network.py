"""Shapes, boxes and names of the YOLOv8 family."""

import pytest
import torch

from suffice.core import ModelError, UsageError
from suffice.nets.yolo import Yolo, YoloShape, decode_boxes, suppress
from suffice.nets.yolo.boxes import complete_iou, iou, pairwise_iou
from suffice.nets.yolo.decode import expected_distances, places
from suffice.nets.yolo.names import published_name, shape_of, take_weights


@pytest.fixture(scope="module")
def network() -> Yolo:
    torch.manual_seed(0)
    return Yolo(YoloShape(n_classes=80)).eval()


def published(network: Yolo) -> dict[str, torch.Tensor]:
    weights = {published_name(name): array for name, array in network.state_dict().items()}
    return weights | {"model.22.dfl.conv.weight": torch.arange(16.0).reshape(1, 16, 1, 1)}


@pytest.mark.parametrize(("size", "n_parameters"), [("n", 3_409_952), ("s", 11_821_040)])
def test_the_family_has_its_published_parameters(size: str, n_parameters: int) -> None:
    # Theirs count the 16 fixed bins too.
    network = Yolo(YoloShape(size=size, n_classes=80))
    assert sum(p.numel() for p in network.parameters()) == n_parameters


def test_an_unknown_size() -> None:
    with pytest.raises(UsageError, match="Unknown size of YOLO: got xx"):
        YoloShape(size="xx")


def test_outputs(network: Yolo) -> None:
    with torch.no_grad():
        raw = network(torch.zeros(2, 3, 64, 96))
    n_places = 8 * 12 + 4 * 6 + 2 * 3
    assert raw.boxes.shape == (2, 64, n_places)
    assert raw.classes.shape == (2, 80, n_places)
    assert raw.coefficients.shape == (2, 32, n_places)
    assert raw.prototypes.shape == (2, 32, 16, 24)


def test_the_expected_distance() -> None:
    logits = torch.full((4, 16), -100.0)
    logits[0, 3] = logits[1, 0] = logits[2, 15] = 0.0
    logits[3, [4, 5]] = 0.0
    expected = torch.tensor([3.0, 0.0, 15.0, 4.5])
    torch.testing.assert_close(expected_distances(logits.reshape(64)), expected)


def test_a_known_box() -> None:
    centres, strides = places((64, 64))
    logits = torch.full((len(centres), 4, 16), -100.0)
    logits[:, range(4), [1, 2, 3, 4]] = 0.0
    boxes = decode_boxes(logits.flatten(1), centres, strides)
    # The place in row 2 and column 1 of the stride of 8, at x = 12 and y = 20.
    assert boxes[2 * 8 + 1].tolist() == [12 - 8, 20 - 16, 12 + 24, 20 + 32]


def test_overlap_of_boxes() -> None:
    a = torch.tensor([[0.0, 0, 4, 4]])
    same, beside, apart = [0.0, 0, 4, 4], [2.0, 0, 6, 4], [9.0, 9, 12, 12]
    b = torch.tensor([same, beside, apart])
    torch.testing.assert_close(pairwise_iou(a, b)[0], torch.tensor([1.0, 1 / 3, 0.0]))
    complete = complete_iou(a.expand(3, 4), b)
    # Centres 2 apart in a box with a diagonal of root 52.
    torch.testing.assert_close(complete[:2], torch.tensor([1.0, 1 / 3 - 4 / 52]))
    assert complete[2] < 0 == iou(a, b[2:])


def test_suppression_spares_other_classes() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10], [30, 0, 40, 10]])
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6])
    kept = suppress(boxes, scores, torch.tensor([0, 0, 1, 0]))
    assert kept.tolist() == [0, 2, 3]
    assert suppress(boxes[:0], scores[:0], torch.zeros(0)).tolist() == []


def test_weights_are_taken_for_other_classes_and_channels(network: Yolo) -> None:
    weights = published(network)
    shape = shape_of(weights, in_channels=1, n_classes=2)
    assert (shape.size, shape.class_width) == ("n", 80)
    other = Yolo(shape)
    taken = take_weights(other, weights)
    assert (taken.n_taken, taken.n_ours) == (410, 416)
    assert "summed over colours" in str(taken) and "80 there and 2 here" in str(taken)
    torch.testing.assert_close(
        other.backbone.stem.conv.weight.detach(),
        network.backbone.stem.conv.weight.detach().sum(1, keepdim=True),
    )
    five = Yolo(shape_of(weights, in_channels=5, n_classes=80))
    assert "there it has 3 channels and here 5" in str(take_weights(five, weights))
    again = Yolo(shape_of(weights, in_channels=3, n_classes=80))
    assert str(take_weights(again, weights)) == "416 of 416 arrays of weights were taken"


def test_weights_that_do_not_fit(network: Yolo) -> None:
    weights = published(network)
    with pytest.raises(ModelError, match=r"not the weights of a YOLOv8 network that segments"):
        shape_of({"conv.weight": torch.zeros(1)}, in_channels=3, n_classes=1)
    odd = weights | {"model.9.cv1.conv.weight": torch.zeros(1)}
    with pytest.raises(ModelError, match=r"model\.9\.cv1\.conv\.weight does not fit"):
        take_weights(Yolo(network.shape), odd)
    with pytest.raises(ModelError, match="count distances in another way"):
        take_weights(Yolo(network.shape), weights | {"model.22.dfl.conv.weight": torch.ones(16)})
