#!/usr/bin/env python3
"""Transfer learning: an application that knows ImageNet learns CIFAR-10"""
from tensorflow import keras as K

APPLICATION = K.applications.DenseNet121
PREPROCESS = K.applications.densenet.preprocess_input
CUT = 'conv5_block1_0_bn'  # the first layer of the last block
SIZE = 160  # pixels that the images are scaled up to; a multiple of 32
BATCH = 128
HEAD_EPOCHS, HEAD_RATE = 10, 1e-3
TUNE_EPOCHS, TUNE_RATE = 6, 3e-4


def preprocess_data(X, Y):
    """
    Pre-processes the data for the model

    X: numpy.ndarray of shape (m, 32, 32, 3), the images
    Y: numpy.ndarray of shape (m,) or (m, 1), the labels

    Returns: X_p, Y_p
        X_p: numpy.ndarray of shape (m, 32, 32, 3), float32,
            as the application wants them
        Y_p: numpy.ndarray of shape (m, 10), one-hot
    """
    X_p = PREPROCESS(X.astype('float32'))
    Y_p = K.utils.to_categorical(Y, 10)
    return X_p, Y_p


def build_model(weights='imagenet'):
    """
    Builds the whole model, from 32x32 images to 10 probabilities

    weights: 'imagenet', None, or the path of a file of weights

    Returns: the model, compiled; the layers before CUT are frozen
    """
    images = K.Input(shape=(32, 32, 3), name='images')
    # When the model is loaded, a Lambda finds K, but no constant of
    # this file: what it needs beside K is saved with it as arguments.
    x = K.layers.Lambda(
        lambda x, factor: K.backend.resize_images(
            x, factor, factor, 'channels_last', interpolation='bilinear'),
        arguments={'factor': SIZE // 32}, name='resize')(images)
    base = APPLICATION(include_top=False, weights=weights, input_tensor=x)
    x = K.layers.GlobalAveragePooling2D(name='pool')(base.output)
    x = K.layers.Dropout(0.3, name='dropout')(x)
    # float32 also where the layers before it compute in a shorter type
    x = K.layers.Dense(10, activation='softmax', dtype='float32',
                       name='probabilities')(x)
    model = K.Model(images, x, name='cifar10')
    for layer in model.layers[:position(model, CUT)]:
        layer.trainable = False
    for layer in model.layers:
        # Its running mean and variance are to know the new images after
        # some ten batches; with an application's own momentum, up to
        # 0.999, it takes a thousand or more.
        if isinstance(layer, K.layers.BatchNormalization):
            layer.momentum = 0.9
    model.compile(K.optimizers.Adam(TUNE_RATE), 'categorical_crossentropy',
                  metrics=['accuracy'])
    return model


def position(model, name):
    """
    Finds a layer

    Returns: its index in the list of the model's layers
    """
    return model.layers.index(model.get_layer(name))


def connect(layers, x):
    """
    Runs a new tensor through layers of a model, branches included

    (In TensorFlow 2.15 and later K.Model(old tensor, output) is enough.)

    layers: list of layers that follow each other in the model
    x: the tensor that enters the first of them

    Returns: the tensor that leaves the last of them
    """
    # New tensors by the old ones whose places they take. A tensor is no
    # key of a dictionary (== compares its numbers), its id is.
    new = {id(layers[0].input): x}
    for layer in layers:
        old, output = layer.input, layer.output
        if isinstance(old, list):
            x = layer([new[id(tensor)] for tensor in old])
        else:
            x = layer(new[id(old)])
        new[id(output)] = x
    return x


def split(model):
    """
    Splits the model in three, which share their layers with it

    Returns: frozen, block, head
        frozen: from images to features, the layers before CUT
        block: from features to one vector for each image
        head: from vectors to probabilities
    """
    cut, pool = position(model, CUT), position(model, 'pool') + 1
    frozen = K.Model(model.input, model.layers[cut].input)
    parts = []
    for layers in model.layers[cut:pool], model.layers[pool:]:
        x = K.Input(shape=layers[0].input.shape[1:])
        parts.append(K.Model(x, connect(layers, x)))
    return frozen, parts[0], parts[1]


def join(block, head, seed=None):
    """
    Joins the last block and the head for fine-tuning

    In training, features are shifted at random by up to one place: what
    a frozen layer makes of a shifted image is just shifted, but at the
    edges. So each epoch sees other images, and nothing is computed anew.

    seed: with the same number, shifts are the same in the next run

    Returns: the model, from features to probabilities
    """
    step = 1 / block.input_shape[1]
    shift = K.layers.RandomTranslation(
        step, step, fill_mode='nearest', interpolation='nearest',
        seed=seed, dtype='float32')
    return K.Sequential([K.Input(block.input_shape[1:]), shift, block, head])


def prepare(model, rate, steps):
    """
    Compiles a model for training

    rate: the learning rate to begin with
    steps: the number of batches after which it has fallen to zero
    """
    rate = K.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(K.optimizers.Adam(rate), 'categorical_crossentropy',
                  metrics=['accuracy'])


def train(model, X, Y):
    """
    Trains a model for one epoch

    X: numpy.ndarray, what enters the model
    Y: numpy.ndarray of shape (m, 10), one-hot

    Returns: the history of the epoch
    """
    return model.fit(X, Y, batch_size=BATCH, verbose=2)


def main():
    """Trains the model on CIFAR-10 and saves it as cifar10.h5"""
    (X, Y), (X_test, Y_test) = K.datasets.cifar10.load_data()
    X_p, Y_p = preprocess_data(X, Y)
    model = build_model()
    frozen, block, head = split(model)
    # The frozen layers run ONCE, on the images and their mirror images;
    # so does the last block, as long as it is frozen too.
    views = [frozen.predict(images, BATCH).astype('float16')
             for images in (X_p, X_p[:, :, ::-1])]
    vectors = [block.predict(view, BATCH) for view in views]
    steps = (len(X) + BATCH - 1) // BATCH  # the last batch is smaller
    prepare(head, HEAD_RATE, HEAD_EPOCHS * steps)
    for epoch in range(HEAD_EPOCHS):
        train(head, vectors[epoch % 2], Y_p)
    # Fine-tuning: the last block is unfrozen and learns too, slowly.
    top = join(block, head)
    prepare(top, TUNE_RATE, TUNE_EPOCHS * steps)
    for epoch in range(TUNE_EPOCHS):
        train(top, views[epoch % 2], Y_p)
    X_p, Y_p = preprocess_data(X_test, Y_test)
    model.evaluate(X_p, Y_p, BATCH, verbose=2)
    model.save('cifar10.h5')


if __name__ == '__main__':
    main()
