"""The networks that papers on data-set distillation judge by.

ResNetAP: a ResNet whose strides are average pooling. ConvNet: blocks of convolution, norm, ReLU, 2×2 average pooling.
Both, and the ResNet beside them, with instance norm. How a ResNet first shrinks an image depends on its size: by 4 from
129 pixels on, by 2 from 65 on, not below.
"""

import torch.nn.functional as F
from torch import nn

BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2)}


def build(name, classes, side, width=None, colours=3):
    """`resnetap10`, `resnet18`, `convnetN` with N blocks, or torchvision's own as `torchvision/NAME`.

    `width`: channels, left out: as published. `colours`: channels of an image.
    """
    if name.startswith("torchvision/"):
        import torchvision

        return torchvision.models.get_model(name.removeprefix("torchvision/"), weights=None, num_classes=classes)
    if name.startswith("convnet") and name.removeprefix("convnet").isdigit():
        return conv_net(int(name.removeprefix("convnet")), classes, side, width or 128, colours)
    if name in ("resnetap10", "resnet18"):
        return ResNet(int(name[-2:]), classes, side, width or 64, colours, pooled=name == "resnetap10")
    raise SystemExit(f"no network is called {name}: resnetap10, resnet18, convnet3, convnet6, torchvision/resnet18")


def norm(channels):
    return nn.GroupNorm(channels, channels)


def conv_net(depth, classes, side, width, colours):
    if side >> depth < 1:
        raise SystemExit(f"convnet{depth} halves an image {depth} times, which leaves nothing of {side} pixels")
    layers, channels = [], colours
    for _ in range(depth):
        layers += [nn.Conv2d(channels, width, 3, padding=1), norm(width), nn.ReLU(), nn.AvgPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * (side >> depth) ** 2, classes))


class Block(nn.Module):
    """Two 3×3 convolutions and a way past them."""

    def __init__(self, channels, width, stride, pooled):
        super().__init__()
        self.shrink = nn.AvgPool2d(stride) if pooled and stride > 1 else nn.Identity()
        step = 1 if pooled else stride
        self.first = nn.Sequential(nn.Conv2d(channels, width, 3, step, 1, bias=False), norm(width), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), norm(width))
        self.past = nn.Identity()
        if stride > 1 or channels != width:
            past = nn.Conv2d(channels, width, 1, step, bias=False)
            # A 1×1 convolution and a mean change places freely; this order is four times cheaper.
            self.past = nn.Sequential(nn.AvgPool2d(stride) if pooled else nn.Identity(), past, norm(width))

    def forward(self, x):
        return F.relu(self.second(self.shrink(self.first(x))) + self.past(x))


class ResNet(nn.Module):
    def __init__(self, depth, classes, side, width, colours, pooled):
        super().__init__()
        layers, channels = stem(side, width, colours, pooled), width
        for stage, blocks in enumerate(BLOCKS[depth]):
            for block in range(blocks):
                wide = width << stage
                layers.append(Block(channels, wide, 2 if stage and not block else 1, pooled))
                channels = wide
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        return self.classifier(self.features(x))


def stem(side, width, colours, pooled):
    """The layers before the blocks."""
    large, middle = side > 128, 64 < side <= 128
    kernel = 7 if large else 3
    stride = 2 if large and not pooled else 1
    layers = [nn.Conv2d(colours, width, kernel, stride, kernel // 2, bias=False), norm(width), nn.ReLU()]
    if large or middle:
        layers.append(nn.AvgPool2d(4 if large else 2) if pooled else nn.MaxPool2d(3, 2, 1))
    return layers
