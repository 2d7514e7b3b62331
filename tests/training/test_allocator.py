"""Freed memory is kept for the next tensor."""

import platform
import resource

import pytest
import torch

from suffice.training.allocator import reuse_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_a_large_tensor_takes_the_pages_of_one_before() -> None:
    assert reuse_freed_memory()

    def pages_touched() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(16 * 2**20)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    # 64 MB are 16384 pages of 4 KB. Some other allocation may take a piece of them meanwhile.
    assert min(pages_touched() for _ in range(5)) < 1000
