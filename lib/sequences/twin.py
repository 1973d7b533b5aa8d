"""The source's network once more, with its gradient written out: one training in seconds.

`source_model` is the Keras original; the tests show that both give the same numbers before and
after training steps. Hundreds of trainings on a laptop are only affordable with this one.
"""

from __future__ import annotations

import numpy as np

from lib.sequences.loops import kernels

UNITS, DROPOUT = 16, 0.01
MOMENTUM, EPSILON = np.float32(0.99), np.float32(1e-3)


class SourceTwin:
    """Weights in the order of `source_model`, Adam, and the source's switches.

    Parameters
    ----------
    n_classes, activation, batch_normalisation, penalty
        As in `source_model`.
    clip : float, optional
        Cut the gradient of each weight array to this norm, as Keras' ``clipnorm``.
    dropout : float
    seed : int
        Of weights, order of batches and dropout.

    Notes
    -----
    Used by `lib.sequences.stability` for notebook 08.
    """

    def __init__(
        self,
        n_classes: int = 3,
        activation: str = "relu",
        batch_normalisation: bool = True,
        penalty: float = 0.01,
        clip: float | None = None,
        dropout: float = DROPOUT,
        seed: int = 0,
    ):
        self.rng = np.random.default_rng(seed)
        self.normalises, self.penalty, self.clip = batch_normalisation, penalty, clip
        self.dropout, self.n_classes = dropout, n_classes
        self.forward, self.backward = kernels(activation)
        self.weights = initial_weights(self.rng, n_classes, batch_normalisation)
        self.first = {name: np.zeros_like(w) for name, w in self.weights.items()}
        self.second = {name: np.zeros_like(w) for name, w in self.weights.items()}
        ones = {f"{k} {s}": np.full(UNITS, s == "var", np.float32) for k in "ab" for s in STATES}
        self.moving = ones if batch_normalisation else {}
        self.steps = 0

    def fit(self, x: np.ndarray, y: np.ndarray, epochs: int, batch: int = 64) -> list[dict]:
        """Train on series (n, steps) and labels (n,): loss and accuracy of each epoch."""
        history = []
        for epoch in range(epochs):
            order, loss, hits = self.rng.permutation(len(x)), 0.0, 0
            for start in range(0, len(x), batch):
                rows = order[start : start + batch]
                batch_loss, probability = self.step(x[rows], y[rows])
                loss += batch_loss * len(rows)
                hits += (probability.argmax(axis=1) == y[rows]).sum()
            history.append({"epoch": epoch, "loss": loss / len(x), "accuracy": hits / len(x)})
        return history

    def predict(self, x: np.ndarray, moments: str = "moving") -> np.ndarray:
        """Probabilities (n, classes) of series (n, steps).

        Batch normalisation takes the "moving" averages kept in training, as Keras does, or the
        moments of this "batch", as it does while training.
        """
        if moments not in ("moving", "batch"):
            raise ValueError(f"Moments are moving or batch, not {moments!r}.")
        return self._forward(x, training=False, moments=moments)[0]

    def step(self, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        """One step of Adam: loss with penalty before it, and the probabilities (n, classes)."""
        probability, cache = self._forward(x, training=True)
        kernel = self.weights["lstm1 kernel"]
        penalty = self.penalty * (np.abs(kernel).sum() + (kernel**2).sum())
        likelihood = np.clip(probability[np.arange(len(y)), y], 1e-7, 1.0)
        self._adam(self._gradients(probability, y, cache))
        return float(-np.log(likelihood).mean() + penalty), probability

    def _forward(self, x, training: bool, moments: str = "batch"):
        w = self.weights
        steps = np.ascontiguousarray(np.asarray(x, np.float32).T)[..., None]
        first = self.forward(steps * w["lstm1 kernel"] + w["lstm1 bias"], w["lstm1 recurrent"])
        dense = np.tanh(first[0] @ w["dense1 kernel"] + w["dense1 bias"])
        mask = self._mask((steps.shape[1], UNITS), training)
        dropped = dense * mask
        second = self.forward(dropped @ w["lstm2 kernel"] + w["lstm2 bias"], w["lstm2 recurrent"])
        tops, x = [], second[0][-1]
        for name in "ab":
            top = {"in": x, "tanh": np.tanh(x @ w[f"{name} kernel"] + w[f"{name} bias"])}
            x = top["tanh"]
            x = self._normalised(name, top, training, moments) if self.normalises else x
            top["mask"] = self._mask(x.shape, training)
            x = x * top["mask"]
            tops.append(top)
        logits = x @ w["out kernel"] + w["out bias"]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        cache = steps, first, dense, mask, dropped, second, tops, x
        return powers / powers.sum(axis=1, keepdims=True), cache

    def _mask(self, shape, training: bool):
        if not training or not self.dropout:
            return np.float32(1)
        keeps = self.rng.random(shape, np.float32) >= self.dropout
        return keeps.astype(np.float32) / np.float32(1 - self.dropout)

    def _normalised(self, name: str, top: dict, training: bool, moments: str):
        x, kept = top["tanh"], [self.moving[f"{name} {s}"] for s in STATES]
        now = x.mean(axis=0), x.var(axis=0)
        if training:
            for state, old, new in zip(STATES, kept, now, strict=True):
                self.moving[f"{name} {state}"] = MOMENTUM * old + (1 - MOMENTUM) * new
        mean, var = now if moments == "batch" else kept
        top["sd"] = np.sqrt(var + EPSILON)
        top["unit"] = (x - mean) / top["sd"]
        return self.weights[f"{name} gamma"] * top["unit"] + self.weights[f"{name} beta"]

    def _gradients(self, probability, y, cache) -> dict[str, np.ndarray]:
        steps, first, dense, mask, dropped, second, tops, last = cache
        w, grads = self.weights, {}
        slope = probability.copy()
        slope[np.arange(len(y)), y] -= 1
        slope /= len(y)
        grads["out kernel"], grads["out bias"] = last.T @ slope, slope.sum(axis=0)
        slope = slope @ w["out kernel"].T
        for name, top in zip("ba", tops[::-1], strict=True):
            slope = slope * top["mask"]
            slope = self._through_normalised(name, top, slope, grads) if self.normalises else slope
            slope = slope * (1 - top["tanh"] ** 2)
            grads[f"{name} kernel"], grads[f"{name} bias"] = top["in"].T @ slope, slope.sum(axis=0)
            slope = slope @ w[f"{name} kernel"].T
        upstream = np.zeros_like(second[0])
        upstream[-1] = slope
        slope = self._through_lstm("lstm2", dropped, second, upstream, grads)
        slope = (slope @ w["lstm2 kernel"].T) * mask * (1 - dense**2)
        flat = slope.reshape(-1, UNITS)
        grads["dense1 kernel"] = first[0].reshape(-1, UNITS).T @ flat
        grads["dense1 bias"] = flat.sum(axis=0)
        upstream = (flat @ w["dense1 kernel"].T).reshape(slope.shape)
        self._through_lstm("lstm1", steps, first, upstream, grads)
        kernel = w["lstm1 kernel"]
        grads["lstm1 kernel"] += np.float32(self.penalty) * (np.sign(kernel) + 2 * kernel)
        return grads

    def _through_normalised(self, name, top, slope, grads):
        grads[f"{name} gamma"] = (slope * top["unit"]).sum(axis=0)
        grads[f"{name} beta"] = slope.sum(axis=0)
        slope = slope * self.weights[f"{name} gamma"]
        along = (slope * top["unit"]).mean(axis=0)
        return (slope - slope.mean(axis=0) - top["unit"] * along) / top["sd"]

    def _through_lstm(self, name, inputs, run, upstream, grads):
        """Gradient of the projected inputs (time, batch, 4 units); those of the weights go along."""
        states, memories, gates = run
        transposed = np.ascontiguousarray(self.weights[f"{name} recurrent"].T)
        slope = self.backward(upstream, memories, gates, transposed)
        flat = slope.reshape(-1, slope.shape[-1])
        grads[f"{name} kernel"] = inputs.reshape(len(flat), -1).T @ flat
        later = slope[1:].reshape(-1, slope.shape[-1])
        grads[f"{name} recurrent"] = states[:-1].reshape(-1, UNITS).T @ later
        grads[f"{name} bias"] = flat.sum(axis=0)
        return slope

    def _adam(self, grads, rate=1e-3, first=0.9, second=0.999, epsilon=1e-7) -> None:
        self.steps += 1
        rate *= np.sqrt(1 - second**self.steps) / (1 - first**self.steps)
        for name, weight in self.weights.items():
            grad = grads[name]
            if self.clip:
                grad = grad * min(1.0, self.clip / max(np.sqrt((grad**2).sum()), 1e-30))
            self.first[name] += (1 - first) * (grad - self.first[name])
            self.second[name] += (1 - second) * (grad**2 - self.second[name])
            weight -= rate * self.first[name] / (np.sqrt(self.second[name]) + epsilon)


STATES = ("mean", "var")


def initial_weights(rng, n_classes: int, batch_normalisation: bool) -> dict[str, np.ndarray]:
    """Weights as Keras draws them: Glorot uniform, orthogonal recurrences, forget gates open."""
    w = {}

    def dense(name, n_in, n_out):
        limit = np.sqrt(6 / (n_in + n_out))
        w[f"{name} kernel"] = rng.uniform(-limit, limit, (n_in, n_out))
        if name.startswith("lstm"):
            w[f"{name} recurrent"] = np.linalg.qr(rng.standard_normal((4 * UNITS, UNITS)))[0].T
        w[f"{name} bias"] = np.zeros(n_out)

    dense("lstm1", 1, 4 * UNITS)
    dense("dense1", UNITS, UNITS)
    dense("lstm2", UNITS, 4 * UNITS)
    for name in "ab":
        dense(name, UNITS, UNITS)
        if batch_normalisation:
            w[f"{name} gamma"], w[f"{name} beta"] = np.ones(UNITS), np.zeros(UNITS)
    dense("out", UNITS, n_classes)
    for name in ("lstm1", "lstm2"):
        w[f"{name} bias"][UNITS : 2 * UNITS] = 1.0
    return {name: np.ascontiguousarray(value, np.float32) for name, value in w.items()}
