"""Parameters and multiply-adds of two families of trunks, layer by layer and by hand."""


def resnet_cost(channels, layers, *, size, strides=(1, 2, 2, 2)):
    """Of a ResNet of basic blocks with timm's plain stem."""
    height, width = size[0] // 2, size[1] // 2
    params, macs = conv(3, 64, 7, (height, width))
    height, width = height // 2, width // 2
    entering = 64
    for leaving, blocks, stride in zip(channels, layers, strides, strict=True):
        height, width = height // stride, width // stride
        for block in range(blocks):
            parts = [conv(entering, leaving, 3, (height, width)), conv(leaving, leaving, 3, (height, width))]
            if block == 0 and (stride != 1 or entering != leaving):
                parts.append(conv(entering, leaving, 1, (height, width)))
            params += sum(part[0] for part in parts)
            macs += sum(part[1] for part in parts)
            entering = leaving
    return params, macs


def separable_cost(channels, layers, *, size, strides=(2, 2, 2, 1)):
    """Of a network of depth-wise separable blocks behind a stem and one block of stride 1."""
    height, width = size[0] // 2, size[1] // 2
    stem, entering = max(4, channels[0] // 4), max(4, channels[0] // 2)
    params, macs = conv(3, stem, 3, (height, width))
    for part in separable(stem, entering, (height, width)):
        params, macs = params + part[0], macs + part[1]
    for leaving, blocks, stride in zip(channels, layers, strides, strict=True):
        height, width = height // stride, width // stride
        for _ in range(blocks):
            for part in separable(entering, leaving, (height, width)):
                params, macs = params + part[0], macs + part[1]
            entering = leaving
    return params, macs


def separable(entering, leaving, area):
    return [conv(1, entering, 3, area), conv(entering, leaving, 1, area)]


def conv(reads, writes, kernel, area):
    """A convolution without bias and the two numbers a channel of its norm."""
    macs = 0
    for _ in range(writes):
        macs += reads * kernel * kernel * area[0] * area[1]
    return reads * writes * kernel * kernel + 2 * writes, macs
