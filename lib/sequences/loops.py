"""Long short-term memory in compiled loops: a batch through all its steps, forwards and back.

With 16 units a step of the stock layer is a dozen small operations that take longer to call than
to do. Here time is the first axis and the gates of a step lie side by side: input, forget,
candidate, output, as in Keras.
"""

from __future__ import annotations

import functools

import numpy as np

# Eigen's rational approximation of tanh, which TensorFlow takes too: vector code, no calls.
ODD = (-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08)
ODD += (1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03)
EVEN = (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)


@functools.cache
def kernels(activation: str):
    """The compiled `forward` and `backward` of an activation; compiling takes seconds, once.

    ``forward(projected (time, batch, 4 units), recurrent (units, 4 units))`` gives states,
    memories (time, batch, units) and gates; ``backward(upstream, memories, gates, transposed)``
    takes the gradient of the states and gives that of ``projected``.
    """
    import numba

    if activation not in ("relu", "tanh"):
        raise ValueError(f"Activation {activation!r} is not compiled; choose relu or tanh.")
    options = dict(fastmath=True, error_model="numpy")
    compiled, inline = numba.njit(**options), numba.njit(inline="always", **options)
    f32, rectified = np.float32, activation == "relu"
    o0, o1, o2, o3, o4, o5, o6 = map(f32, ODD)
    e0, e1, e2, e3 = map(f32, EVEN)

    @inline
    def tanh(x):
        x = min(max(x, f32(-7.9)), f32(7.9))
        s = x * x
        odd = (((((o0 * s + o1) * s + o2) * s + o3) * s + o4) * s + o5) * s + o6
        return x * odd / (((e0 * s + e1) * s + e2) * s + e3)

    @inline
    def sigmoid(x):
        return f32(0.5) + f32(0.5) * tanh(f32(0.5) * x)

    @inline
    def act(x):
        return max(x, f32(0)) if rectified else tanh(x)

    @compiled
    def forward(projected, recurrent):
        time, batch, width = projected.shape
        units = width // 4
        states = np.empty((time, batch, units), f32)
        memories = np.empty((time, batch, units), f32)
        gates = np.empty((time, batch, width), f32)
        h, c = np.zeros((batch, units), f32), np.zeros((batch, units), f32)
        z = np.empty((batch, width), f32)
        for t in range(time):
            np.dot(h, recurrent, z)
            for b in range(batch):
                x, g, zb, cb = projected[t, b], gates[t, b], z[b], c[b]
                m, s, hb = memories[t, b], states[t, b], h[b]
                for j in range(2 * units):
                    g[j] = sigmoid(zb[j] + x[j])
                for j in range(2 * units, 3 * units):
                    g[j] = act(zb[j] + x[j])
                for j in range(3 * units, width):
                    g[j] = sigmoid(zb[j] + x[j])
                for j in range(units):
                    memory = g[units + j] * cb[j] + g[j] * g[2 * units + j]
                    cb[j] = m[j] = memory
                    hb[j] = s[j] = g[3 * units + j] * act(memory)
        return states, memories, gates

    @compiled
    def backward(upstream, memories, gates, transposed):
        time, batch, width = gates.shape
        units = width // 4
        one, start = f32(1), np.zeros(units, f32)
        slopes = np.empty((time, batch, width), f32)
        dh, dc = np.zeros((batch, units), f32), np.zeros((batch, units), f32)
        for t in range(time - 1, -1, -1):
            for b in range(batch):
                g, m, z, d = gates[t, b], memories[t, b], slopes[t, b], upstream[t, b]
                before = memories[t - 1, b] if t > 0 else start
                for j in range(units):
                    i, f, a, o = g[j], g[units + j], g[2 * units + j], g[3 * units + j]
                    out = act(m[j])
                    if rectified:
                        bend, slope = f32(m[j] > 0), f32(a > 0)
                    else:
                        bend, slope = one - out * out, one - a * a
                    from_state = dh[b, j] + d[j]
                    from_memory = dc[b, j] + from_state * o * bend
                    z[j] = from_memory * a * i * (one - i)
                    z[units + j] = from_memory * before[j] * f * (one - f)
                    z[2 * units + j] = from_memory * i * slope
                    z[3 * units + j] = from_state * out * o * (one - o)
                    dc[b, j] = from_memory * f
            np.dot(slopes[t], transposed, dh)
        return slopes

    return forward, backward
