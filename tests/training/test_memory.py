import pytest
import torch

from suffice.core import OutOfMemoryError
from suffice.training.memory import naming_full_memory


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (MemoryError(), "this machine"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "the GPU"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "this machine"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), "the GPU"),
    ],
)
def test_full_memory_is_told_in_one_line_with_its_cure(error: Exception, place: str) -> None:
    with (
        pytest.raises(OutOfMemoryError, match=f"of {place} does not suffice for x. Do y."),
        naming_full_memory("x", cure="Do y."),
    ):
        raise error


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), naming_full_memory("x", cure=""):
        raise RuntimeError("shapes differ")


def test_a_tensor_that_no_machine_holds() -> None:
    with pytest.raises(OutOfMemoryError, match="this machine"), naming_full_memory("x", cure=""):
        torch.empty(2**50)
