"""Stand-ins for what wids imports of PyTorch: two base classes, and a module that only its distributed sampler uses.

PyTorch is a gigabyte; what is tested here is wids' own reading of our index. Import this before `wids`.
"""

import sys
import types
import typing

T = typing.TypeVar("T")


class Dataset(typing.Generic[T]):
    pass


class Sampler(typing.Generic[T]):
    pass


if "torch" not in sys.modules:
    for name in ("torch", "torch.distributed", "torch.utils", "torch.utils.data"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torch"].distributed = sys.modules["torch.distributed"]
    sys.modules["torch"].utils = sys.modules["torch.utils"]
    sys.modules["torch.utils"].data = sys.modules["torch.utils.data"]
    sys.modules["torch.utils.data"].Dataset = Dataset
    sys.modules["torch.utils.data"].Sampler = Sampler
sys.path.append(sys.prefix + "/wids")
