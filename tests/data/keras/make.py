"""Make small Keras files with the installed TensorFlow, and what that very version answers for them.

Run in a virtual environment of the version; see README.md. It must run under Python 3.7 and TensorFlow 1.15.

    python make.py OUTPUT_FOLDER
"""

# ruff: noqa: BLE001, E501, PTH118, PTH123, PTH202, SIM115
import io
import json
import os
import sys
import tarfile
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

keras = tf.keras
L = keras.layers
VERSION = tuple(int(part) for part in tf.__version__.split(".")[:2])
NATIVE = VERSION >= (2, 12)
SIDE = 8
IMAGES = 4


def preprocessing(name):
    return getattr(L, name, None) or getattr(L.experimental.preprocessing, name)


def functional(body, channels=3, classes=4, **entry):
    inputs = keras.Input((SIDE, SIDE, channels), **entry)
    x = body(inputs)
    return keras.Model(inputs, L.Dense(classes, activation="softmax")(L.Flatten()(x)))


def sequence(*layers, **more):
    return keras.Sequential([keras.Input((SIDE, SIDE, more.get("channels", 3))), *list(layers), *head()])


def head():
    return [L.Flatten(), L.Dense(4, activation="softmax")]


def no_input_layer():
    first = L.Conv2D(2, 3, activation="relu", input_shape=(SIDE, SIDE, 1))
    return keras.Sequential([first, L.MaxPooling2D(), L.Dropout(0.2), *head()])


def flatten_first():
    return keras.Sequential([L.Flatten(input_shape=(SIDE, SIDE)), L.Dense(5, "relu"), L.Dense(4)])


def initializers():
    return sequence(
        L.Conv2D(2, 3, kernel_initializer="he_normal", bias_initializer=keras.initializers.Constant(0.1)),
        L.Conv2D(2, 3, kernel_initializer=keras.initializers.VarianceScaling(2.0), kernel_regularizer="l2"),
        L.Dense(3, kernel_initializer=keras.initializers.RandomNormal(stddev=0.1),
                kernel_constraint=keras.constraints.MaxNorm(3), activity_regularizer=keras.regularizers.l1(1e-4)),
        L.Dense(3, kernel_initializer="orthogonal",
                kernel_regularizer=keras.regularizers.L1L2(l1=1e-5, l2=1e-4)),
    )  # fmt: skip


def conv_bn():
    def body(x):
        x = L.Conv2D(3, 3, strides=2, use_bias=False, padding="same")(x)
        x = L.BatchNormalization()(x)
        x = L.ReLU(6.0)(x)
        return L.BatchNormalization(scale=False, momentum=0.9)(x)

    return functional(body)


def depthwise():
    return sequence(
        L.ZeroPadding2D(((0, 1), (0, 1))), L.DepthwiseConv2D(3, strides=2, use_bias=False),
        L.BatchNormalization(), L.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
    )  # fmt: skip


def separable():
    return sequence(L.SeparableConv2D(3, 3, activation="relu"), L.SeparableConv2D(2, 3, padding="same"))


def transpose():
    return sequence(L.Conv2DTranspose(2, 3, strides=2, padding="same"), L.Conv2DTranspose(2, 2))


def activations():
    return sequence(
        L.Conv2D(3, 3), L.LeakyReLU(0.2), L.Conv2D(3, 1), L.PReLU(), L.Conv2D(3, 1), L.ELU(0.7),
        L.Conv2D(3, 1), L.ReLU(max_value=6.0, negative_slope=0.1, threshold=0.05),
        L.Conv2D(3, 1, activation="selu"), L.Activation("tanh"), L.Softmax(),
    )  # fmt: skip


def thresholded():
    return sequence(L.Conv2D(3, 3), L.ThresholdedReLU(0.3))


def tensorflow_activations():
    return sequence(L.Conv2D(3, 3, activation=tf.nn.relu), L.Dense(3, activation=tf.nn.softmax),
                    L.Dense(3, activation=tf.nn.leaky_relu), L.Dense(3, activation=tf.nn.elu))  # fmt: skip


def shapes():
    return sequence(
        L.Cropping2D(1), L.UpSampling2D(2, interpolation="bilinear"), L.AveragePooling2D(3, strides=2),
        L.SpatialDropout2D(0.1), L.GaussianNoise(0.1), L.Permute((2, 1, 3)), L.Reshape((-1, 5, 3)),
    )  # fmt: skip


def residual():
    def body(x):
        x = L.Conv2D(3, 3, padding="same")(x)
        y = L.Conv2D(3, 3, padding="same", activation="relu")(x)
        x = L.Add()([x, y])
        z = L.Multiply()([x, L.Reshape((1, 1, 3))(L.GlobalAveragePooling2D()(x))])
        return L.Concatenate()([z, L.Maximum()([x, y]), L.Average()([x, y, z])])

    return functional(body)


def shared():
    def body(x):
        conv = L.Conv2D(3, 3, padding="same", activation="relu")
        return L.Concatenate()([conv(conv(x)), x])

    return functional(body)


def base(channels=3):
    inputs = keras.Input((SIDE, SIDE, channels))
    x = L.BatchNormalization()(L.Conv2D(3, 3, padding="same")(inputs))
    return keras.Model(inputs, L.Concatenate()([x, inputs]), name="base")


def nested():
    def body(x):
        inner = keras.Sequential([keras.Input((SIDE, SIDE, 6)), L.DepthwiseConv2D(3), L.BatchNormalization()])
        return inner(base()(x))

    return functional(body)


def nested_deep():
    inputs = keras.Input((SIDE, SIDE, 3))
    middle = keras.Model(inputs, L.MaxPooling2D()(base()(inputs)), name="middle")
    return keras.Sequential([middle, L.GlobalAveragePooling2D(), L.Dense(4, activation="softmax")])


def nested_twice():
    def body(x):
        inner = base()
        return L.Subtract()([inner(x), inner(L.ReLU()(x))])

    return functional(body)


def frozen_base():
    def body(x):
        inner = base()
        inner.trainable = False
        return inner(x, training=False)

    return functional(body)


def partly_frozen():
    def body(x):
        inner = base()
        for layer in inner.layers[:2]:
            layer.trainable = False
        return L.Conv2D(3, 3, name="top")(inner(x))

    return functional(body)


def sequences():
    first = keras.Sequential([L.Conv2D(3, 3, input_shape=(SIDE, SIDE, 3)), L.BatchNormalization()])
    return keras.Sequential([first, keras.Sequential([L.DepthwiseConv2D(3), L.ReLU()]), *head()])


def slashes():
    def body(x):
        x = L.Conv2D(3, 3, name="block1/conv")(x)
        return L.Add(name="block1/add")([x, L.BatchNormalization(name="block1/bn")(x)])

    return functional(body)


def augmentation():
    names = ("RandomFlip", "RandomRotation", "RandomZoom", "RandomContrast", "RandomTranslation")
    settings = (("horizontal",), (0.1,), (0.1,), (0.1,), (0.1, 0.1))
    inner = keras.Sequential(
        [preprocessing(name)(*given) for name, given in zip(names, settings, strict=False)]
    )
    return functional(lambda x: L.Conv2D(3, 3)(preprocessing("Rescaling")(1 / 255.0)(inner(x))))


def rescaling():
    return sequence(preprocessing("Rescaling")(1 / 127.5, offset=-1), L.Conv2D(3, 3))


def resizing():
    return sequence(preprocessing("Resizing")(6, 6), preprocessing("CenterCrop")(5, 5), L.Conv2D(3, 3))


def normalization():
    layer = preprocessing("Normalization")()
    layer.adapt(np.random.RandomState(1).uniform(0, 255, (50, SIDE, SIDE, 3)).astype("float32"))
    return sequence(layer, L.Conv2D(3, 3))


def normalization_given():
    given = preprocessing("Normalization")(mean=[0.485, 0.456, 0.406], variance=[0.05, 0.06, 0.07])
    return functional(lambda x: L.Conv2D(3, 3)(given(x)))


def mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        inputs = keras.Input((SIDE, SIDE, 3))
        x = L.BatchNormalization()(L.Conv2D(3, 3)(inputs))
        return keras.Model(inputs, L.Dense(4, activation="softmax", dtype="float32")(L.Flatten()(x)))
    finally:
        keras.mixed_precision.set_global_policy("float32")


def uint8():
    return functional(lambda x: L.Conv2D(3, 3)(preprocessing("Rescaling")(1 / 255.0)(x)), dtype="uint8")


def uint8_cast():
    return functional(lambda x: L.Conv2D(3, 3)(tf.cast(x, tf.float32) / 255.0), dtype="uint8")


def arithmetic():
    return functional(lambda x: L.Conv2D(3, 3)(x / 127.5 - 1))


def arithmetic_turned():
    return functional(lambda x: L.Conv2D(3, 3)(1.0 - 2.0 * tf.abs(-x) + x**2))


def arithmetic_between():
    def body(x):
        y = L.Conv2D(3, 3, padding="same")(x)
        return tf.nn.relu(x + y) * tf.sigmoid(y) / (1.0 + tf.square(x))

    return functional(body)


def mobilenet_input():
    return functional(lambda x: L.Conv2D(3, 3)(keras.applications.mobilenet_v2.preprocess_input(x)))


def caffe_input():
    return functional(lambda x: L.Conv2D(3, 3)(keras.applications.resnet50.preprocess_input(x)))


def torch_input():
    return functional(lambda x: L.Conv2D(3, 3)(keras.applications.densenet.preprocess_input(x)))


def operations():
    def body(x):
        x = tf.image.resize(x, (6, 6))
        y = tf.concat([x, tf.reverse(x, axis=[2])], axis=-1)
        y = tf.transpose(y, [0, 2, 1, 3])
        y = tf.clip_by_value(y, 0.1, 0.9)
        z = tf.reduce_mean(y, axis=[1, 2], keepdims=True)
        y = tf.reshape(y - z, (-1, 36, 6))
        y = tf.squeeze(tf.expand_dims(y, 1), axis=1)
        return tf.nn.softmax(tf.reduce_max(y, axis=1) + tf.reduce_sum(y, axis=1))

    return functional(body)


def slices():
    return functional(lambda x: L.Conv2D(2, 3)(tf.stack([x[:, 1:7, :6, 0], x[:, 2:, 2:, -1]], axis=-1)))


def rows_lstm():
    inputs = keras.Input((SIDE, SIDE))
    x = L.Bidirectional(L.LSTM(3, return_sequences=True, dropout=0.1))(inputs)
    return keras.Model(inputs, L.Dense(4, activation="softmax")(L.GRU(3)(x)))


def time_distributed():
    def body(x):
        x = L.Reshape((2, 4, SIDE, 3))(x)
        return L.GlobalMaxPooling1D()(L.TimeDistributed(base_patch())(x))

    return functional(body)


def base_patch():
    return keras.Sequential([keras.Input((4, SIDE, 3)), L.Conv2D(3, 3), L.BatchNormalization(), L.Flatten()])


def attention():
    def body(x):
        x = L.Reshape((16, 12))(x)
        y = L.LayerNormalization(epsilon=1e-6)(x)
        y = L.MultiHeadAttention(num_heads=2, key_dim=3, dropout=0.1)(y, y)
        x = L.Add()([x, y])
        return L.GlobalAveragePooling1D()(x)

    return functional(body)


def sigmoid():
    return keras.Sequential(
        [keras.Input((SIDE, SIDE, 1)), L.Conv2D(2, 3), L.GlobalMaxPooling2D(), L.Dense(1, "sigmoid")]
    )


def groups():
    return sequence(L.Conv2D(4, 3), L.Conv2D(4, 3, groups=2, dilation_rate=1))


KINDS = [
    no_input_layer, flatten_first, initializers, conv_bn, depthwise, separable, transpose, activations,
    thresholded, tensorflow_activations, shapes, residual, shared, nested, nested_deep, nested_twice,
    frozen_base, partly_frozen, sequences, slashes, augmentation, rescaling, resizing, normalization, normalization_given, mixed_precision,
    uint8, uint8_cast, arithmetic, arithmetic_turned, arithmetic_between, mobilenet_input, caffe_input,
    torch_input, operations, slices, rows_lstm, time_distributed, attention, sigmoid, groups,
]  # fmt: skip


def images(model):
    """(4, ...) images as the model takes them: bytes or, where it does not rescale, of the unit range."""
    shape = tuple(model.inputs[0].shape)[1:]
    found = np.random.RandomState(7).randint(0, 256, (IMAGES, *tuple(int(length) for length in shape)))
    return found.astype("uint8" if "int" in str(model.inputs[0].dtype) else "float32")


def weigh(model):
    """Weights that are all at work: none stays as it was initialised."""
    rng = np.random.RandomState(3)
    for layer in flat(model):
        kept = layer.__class__.__name__ == "Normalization"
        if not kept and layer.get_weights():
            layer.set_weights([grown(rng, value) for value in layer.get_weights()])


def grown(rng, value):
    spread = rng.uniform(0.05, 0.5, value.shape)
    if value.ndim < 2:  # scales and variances are above zero
        return spread.astype(value.dtype)
    return (spread * rng.choice([-1.0, 1.0], value.shape)).astype(value.dtype)


def flat(model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from flat(layer)
        else:
            yield layer


def made(kind):
    keras.backend.clear_session()
    model = kind()
    weigh(model)
    x = images(model)
    if "rescaling" not in kind.__name__ and x.dtype.kind == "f":
        x = x / np.float32(255.0)
    return model, x, np.asarray(model.predict(x, verbose=0), dtype="float64")


def add(archive, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def main():
    folder = sys.argv[1]
    answers, skipped = {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        name = os.path.join(folder, f"{tf.__version__}.tar.xz")
        with tarfile.open(name, "w:xz", preset=9) as archive:
            for kind in KINDS:
                try:
                    model, _x, y = made(kind)
                except Exception as error:  # this version has no such layer
                    skipped[kind.__name__] = f"{type(error).__name__}: {str(error)[:150]}"
                    continue
                for suffix in [".h5"] + ([".keras"] if NATIVE else []):
                    file = kind.__name__ + suffix
                    path = os.path.join(scratch, file)
                    try:
                        # TensorFlow 2.12 writes HDF5 into .keras files if not told otherwise
                        is_first = suffix == ".keras" and VERSION == (2, 12)
                        model.save(path, **({"save_format": "keras_v3"} if is_first else {}))
                    except Exception as error:  # this version cannot save it so
                        skipped[file] = f"{type(error).__name__}: {str(error)[:150]}"
                        continue
                    add(archive, file, open(path, "rb").read())
                    answers[file] = np.round(y, 9).tolist()
            add(archive, "answers.json", json.dumps(answers).encode())
    print(tf.__version__, len(answers), "files", os.path.getsize(name), "bytes")
    for kind, reason in skipped.items():
        print("  without", kind, reason)


if __name__ == "__main__":
    main()
