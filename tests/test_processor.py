"""What is told of a processor, and of half precision that it has no unit for."""

import warnings

import pytest
from tiny_vae import TinyVAE

from tfsigmavae import processor

_INFO = "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nflags\t\t: fpu {}\n\n"


@pytest.fixture
def told(monkeypatch, tmp_path):
    """`told(flags)`: the system tells of a processor with these flags, or nothing."""

    def tell(flags):
        path = tmp_path / "cpuinfo"
        if flags is not None:
            path.write_text(_INFO.format(flags))
        monkeypatch.setattr(processor, "_CPUINFO", path)

    return tell


@pytest.mark.parametrize(
    "flags, lacks",
    [("avx2", True), ("avx2 avx512_bf16", False), ("amx_bf16", False), (None, False)],
)
def test_bfloat16_is_slow_where_no_unit_has_it(told, flags, lacks):
    told(flags)
    assert processor.lacks_bfloat16() == lacks
    if flags is not None:
        assert processor.processor() == "Some CPU @ 3 GHz"
    model = TinyVAE(dtype="mixed_bfloat16")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.compile()
    said = [w for w in caught if "no unit for bfloat16" in str(w.message)]
    assert len(said) == lacks
    if lacks:
        assert said[0].filename == __file__


def test_float32_is_never_warned_of(told):
    told("avx2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TinyVAE().compile()
