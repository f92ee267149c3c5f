"""NVIDIA's management library, typed: the one package that imports pynvml.

Every call may hang for ever, so only workers make any. What NVML returns becomes either a value in
NVML's own unit or an error of `exporters.errors`; a value that NVML marks as not available is
Absent, one that cannot be is Unreadable.

`calls` makes a call of pynvml and says what its errors mean, `field_values` reads nvmlFieldValue_t,
`library` opens the library and `gpu` one GPU. A call that gives plain numbers needs nothing here:
facilities name it to `Gpu.number`, `numbers` or `record`. One with structures or rules of its own
has a module beside these, of functions that take a Gpu.
"""

from exporters.gpu.nvml.gpu import Gpu
from exporters.gpu.nvml.library import Nvml

__all__ = ["Gpu", "Nvml"]
