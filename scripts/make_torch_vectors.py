#!/usr/bin/env python3
"""Makes tests/fixtures/torch_*.safetensors: what PyTorch computes for operations, gradients, optimisers and training.

    /usr/bin/python3 scripts/make_torch_vectors.py

Needs PyTorch (Debian: python3-torch). The files are committed; run this only to change what they hold. The
safetensors format is written by hand here, so that reading the files also tests our reader against another writer.
"""

import json
import os
import struct

import torch
import torch.nn.functional as F

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "fixtures")
TYPES = {torch.float32: "F32", torch.float64: "F64", torch.int32: "I32"}


def save(name, tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for key, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        raw = tensor.numpy().tobytes()
        header[key] = {
            "dtype": TYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(FIXTURES, name), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    print(name, 8 + len(text) + len(data), "bytes")


def operations(out):
    """name.in0, name.in1, ...; name.out; name.weights; name.grad0, ...: gradients of sum(out * weights)."""
    torch.manual_seed(1)

    def normal(*shape):
        return torch.randn(*shape, dtype=torch.float64)

    def positive(*shape):
        return torch.rand(*shape, dtype=torch.float64) + 0.5

    labels = torch.tensor([2, 0, 4, 1])
    out["labels"] = labels.to(torch.int32)
    cases = {
        "add": (torch.add, normal(3, 4), normal(4)),
        "sub": (torch.sub, normal(3, 1), normal(1, 4)),
        "mul": (torch.mul, normal(3, 4), normal(3, 1)),
        "div": (torch.div, normal(2, 3, 4), positive(3, 4)),
        "pow": (torch.pow, positive(3, 4), normal(4)),
        "maximum": (torch.maximum, normal(3, 4), normal(3, 4)),
        "neg": (torch.neg, normal(5)),
        "abs": (torch.abs, normal(5)),
        "exp": (torch.exp, normal(5)),
        "log": (torch.log, positive(5)),
        "sqrt": (torch.sqrt, positive(5)),
        "relu": (torch.relu, normal(9)),
        "sigmoid": (torch.sigmoid, 4 * normal(9)),
        "tanh": (torch.tanh, 2 * normal(9)),
        "gelu": (F.gelu, 2 * normal(9)),
        "sum": (lambda a: a.sum(1), normal(3, 4)),
        "mean": (lambda a: a.mean(0), normal(3, 4)),
        "max": (lambda a: a.max(1).values, normal(3, 4)),
        "softmax": (lambda a: F.softmax(a, -1), normal(3, 4)),
        "log_softmax": (lambda a: F.log_softmax(a, -1), normal(3, 4)),
        "matmul": (torch.matmul, normal(2, 3, 4), normal(4, 5)),
        "linear_relu": (lambda x, w, b: torch.relu(x @ w + b), normal(6, 4), normal(4, 5), normal(5)),
        "layer_norm": (lambda x, w, b: F.layer_norm(x, (5,), w, b), normal(3, 5), normal(5), normal(5)),
        "mse_loss": (F.mse_loss, normal(3, 4), normal(3, 4)),
        "cross_entropy": (lambda x: F.cross_entropy(x, labels), 3 * normal(4, 5)),
        "binary_cross_entropy": (lambda p: F.binary_cross_entropy(p, out["binary_cross_entropy.target"]), None),
        "reshape": (lambda a: a.reshape(4, 3), normal(3, 4)),
        "transpose": (lambda a: a.transpose(0, 1), normal(3, 4)),
        "slice": (lambda a: a[:, 1:4:2], normal(3, 5)),
        "expand": (lambda a: a.expand(3, 4), normal(1, 4)),
    }
    out["binary_cross_entropy.target"] = torch.rand(3, 4, dtype=torch.float64)
    cases["binary_cross_entropy"] = (cases["binary_cross_entropy"][0], torch.rand(3, 4, dtype=torch.float64))
    for name, (function, *inputs) in cases.items():
        inputs = [x.requires_grad_() for x in inputs]
        y = function(*inputs)
        weights = torch.randn(y.shape, dtype=torch.float64)
        (y * weights).sum().backward()
        out[name + ".out"], out[name + ".weights"] = y, weights
        for i, x in enumerate(inputs):
            out[f"{name}.in{i}"], out[f"{name}.grad{i}"] = x, x.grad


def optimizers(out):
    """name.start, name.grads [steps, n], name.path [steps, n]: the parameter after each step."""
    torch.manual_seed(2)
    n, steps = 7, 8
    cases = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
        "sgd_decay": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.05),
        "sgd_momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1),
        "sgd_nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        "adam": lambda p: torch.optim.Adam(p, lr=0.01),
        "adam_decay": lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.01),
    }
    for name, make in cases.items():
        p = torch.randn(n, dtype=torch.float64).requires_grad_()
        grads = torch.randn(steps, n, dtype=torch.float64)
        out[name + ".start"], out[name + ".grads"] = p.clone(), grads
        optimizer, path = make([p]), []
        for g in grads:
            p.grad = g.clone()
            optimizer.step()
            path.append(p.detach().clone())
        out[name + ".path"] = torch.stack(path)
    p = torch.zeros(6, dtype=torch.float64).requires_grad_()
    p.grad = torch.randn(6, dtype=torch.float64)
    out["clip.grad"] = p.grad.clone()
    out["clip.norm"] = torch.nn.utils.clip_grad_norm_([p], 0.5)
    out["clip.result"] = p.grad.clone()
    optimizer = torch.optim.SGD([p], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10, eta_min=0.01)
    rates = []
    for _ in range(11):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    out["cosine.rates"] = torch.tensor(rates, dtype=torch.float64)


def hashed(count, salt):
    """The same numbers in [-1, 1) in any language: 24 bits of a multiplicative hash, exact in float32."""
    i = torch.arange(count, dtype=torch.int64)
    x = (i * 2654435761 + salt * 40503 + 12345) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 2246822519) & 0xFFFFFFFF
    x = ((x ^ (x >> 13)) * 3266489917) & 0xFFFFFFFF
    x = x ^ (x >> 16)
    return (x >> 8).to(torch.float32) * 2.0**-23 - 1


def training(out):
    """200 steps of 784-256-128-10 in float32, batches of 64; weights and data from `hashed`. The losses."""
    batches = 8
    prototypes = hashed(10 * 784, 100).view(10, 784)
    noise = hashed(batches * 64 * 784, 101).view(batches, 64, 784)
    labels = torch.arange(batches * 64).view(batches, 64) % 10
    x = 0.25 * prototypes[labels] + 0.75 * noise
    make = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
        "adam": lambda p: torch.optim.Adam(p, lr=1e-4),
    }
    for name, optimizer_of in make.items():
        model = torch.nn.Sequential(
            torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)
        )
        for k, layer in enumerate([model[0], model[2], model[4]]):
            fan_in, fan_out = layer.in_features, layer.out_features
            bound = 1 / 32  # a power of two: the scaled numbers are exact
            with torch.no_grad():
                layer.weight.copy_((hashed(fan_in * fan_out, 2 * k) * bound).view(fan_in, fan_out).t())
                layer.bias.copy_(hashed(fan_out, 2 * k + 1) * bound)
        optimizer, losses = optimizer_of(model.parameters()), []
        for step in range(200):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[step % batches]), labels[step % batches])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        out[f"training.{name}"] = torch.tensor(losses, dtype=torch.float64)
        print(name, [round(l, 4) for l in losses[::25]], losses[-1])


def main():
    os.makedirs(FIXTURES, exist_ok=True)
    torch.set_num_threads(1)
    vectors = {}
    operations(vectors)
    optimizers(vectors)
    training(vectors)
    torch.manual_seed(3)
    mlp = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    vectors["mlp.input"] = torch.randn(4, 6)
    vectors["mlp.logits"] = mlp(vectors["mlp.input"])
    save("torch_vectors.safetensors", vectors, {"made by": "scripts/make_torch_vectors.py", "torch": torch.__version__})
    save("torch_mlp.safetensors", mlp.state_dict(), {"format": "pt"})


if __name__ == "__main__":
    main()
