"""The card's own limits, measured: what it multiplies, transforms and moves in a second at best."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch

from performance.gpu.step import Figures, Item, Step, StepSetting
from performance.gpu.timing import median_seconds

PRODUCTS = {
    "float32": (torch.float32, False),
    "float32, tf32 allowed": (torch.float32, True),
    "bfloat16": (torch.bfloat16, False),
    "float64": (torch.float64, False),
    "complex64": (torch.complex64, False),
}


def product_tflops(setting: StepSetting, dtype: torch.dtype, tf32: bool, size: int, batch: int = 1) -> float:
    """Of products of square matrices of random numbers, in 1e12 real operations per second: two a term, or eight."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32
    try:
        left, right = (torch.randn(batch, size, size, dtype=dtype, device=setting.device) for _ in range(2))
        seconds = median_seconds(lambda: torch.bmm(left, right), setting.device, repeats=setting.pick(20, 5))
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    return (8 if dtype.is_complex else 2) * batch * size**3 / seconds / 1e12


def _product(setting: StepSetting, dtype: torch.dtype, tf32: bool) -> Figures:
    sizes = setting.pick((1024, 4096, 8192), (64,))
    return {f"Tflop/s, {size} x {size}": product_tflops(setting, dtype, tf32, size) for size in sizes}


def _batched(setting: StepSetting) -> Figures:
    """Of the engine's sizes, 16 zones together."""
    return {
        f"Tflop/s, 16 of {size} x {size}": product_tflops(setting, torch.complex64, False, size, 16)
        for size in setting.pick((128, 300, 600, 900), (16,))
    }


def _transforms(setting: StepSetting) -> Figures:
    """5 n log2 n operations for each complex transform of n points."""
    found = {}
    for side in setting.pick((128, 256, 512), (32,)):
        fields = torch.randn(setting.pick(64, 2), side, side, dtype=torch.complex64, device=setting.device)
        seconds = median_seconds(lambda fields=fields: torch.fft.fft2(fields), setting.device)
        found[f"Tflop/s, {side} x {side}"] = 5 * fields.numel() * 2 * math.log2(side) / seconds / 1e12
    return found


def _copies(setting: StepSetting) -> Figures:
    """Within the card bytes read and written are counted, between host and card those moved."""
    size = setting.pick(2**30, 2**20)
    here = torch.randint(256, (size,), dtype=torch.uint8, device=setting.device)
    there = torch.empty_like(here)
    found = {"GB/s within the card": 2 * size / median_seconds(lambda: there.copy_(here), setting.device) / 1e9}
    for name, pinned in (("pinned", not setting.dry), ("pageable", False)):
        host = here.cpu().pin_memory() if pinned else here.cpu()
        seconds = median_seconds(lambda host=host: there.copy_(host, non_blocking=True), setting.device, repeats=5)
        found[f"GB/s from {name} memory of the host"] = size / seconds / 1e9
    return found


def _launches(setting: StepSetting) -> Figures:
    small = torch.zeros(8, device=setting.device)
    return {
        "microseconds between small kernels": 1e6
        * median_seconds(lambda: small.add_(1.0), setting.device, repeats=setting.pick(2000, 50))
    }


def items(setting: StepSetting) -> Iterator[Item]:
    for name, (dtype, tf32) in PRODUCTS.items():
        yield Item(f"products, {name}", 10, partial(_product, setting, dtype, tf32))
    rest: tuple[tuple[str, Callable[[StepSetting], Figures]], ...] = (
        ("products, complex64 in batches", _batched),
        ("Fourier transforms, complex64", _transforms),
        ("memory", _copies),
        ("launches", _launches),
    )
    for name, work in rest:
        yield Item(name, 10, partial(work, setting))


STEP = Step("rates", "What the card can do at best", 60, items)
