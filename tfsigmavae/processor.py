"""What the system tells of the processor."""

import pathlib
import platform

_CPUINFO = pathlib.Path("/proc/cpuinfo")
_BFLOAT16 = {"avx512_bf16", "amx_bf16"}


def processor() -> str:
    """Its name, as far as the system tells it."""
    return _facts().get("model name", platform.processor())


def lacks_bfloat16() -> bool:
    """Whether it is known to have no unit for bfloat16: x86 on Linux tells it."""
    flags = _facts().get("flags")
    return flags is not None and not _BFLOAT16 & set(flags.split())


def _facts():
    if not _CPUINFO.is_file():
        return {}
    lines = _CPUINFO.read_text().partition("\n\n")[0].splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}
