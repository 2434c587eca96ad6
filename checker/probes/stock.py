"""What Keras itself calls classes and functions, in 2.6, 2.15 and 3.13: a configuration may name them.

The public names of ``keras.layers``, ``models``, ``losses``, ``metrics``, ``optimizers``, ``initializers``,
``regularizers``, ``constraints``, ``activations``, ``dtype_policies`` and ``quantizers`` of the three, with
older names and those that are written but not public.
What of them runs or reads something is named below too.
"""

from __future__ import annotations


def _words(text):
    return frozenset(text.split())


CLASSES = _words(
    """
    AUC AWQConfig AWQDTypePolicy AbsMaxQuantizer AbstractRNNCell Accuracy Activation
    ActivityRegularization Adadelta Adafactor Adagrad Adam AdamW Adamax AdaptiveAveragePooling1D
    AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D
    AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention AugMix AutoContrast Average
    AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BatchNormalization
    BatchNormalizationV1 BatchNormalizationV2 Bidirectional BinaryAccuracy BinaryCrossentropy
    BinaryFocalCrossentropy BinaryIoU CTC CategoricalAccuracy CategoricalCrossentropy
    CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy CategoricalHinge CategoryCrossing
    CategoryEncoding CenterCrop Circle CompileLoss CompileMetrics CompositeTensor Concatenate
    ConcordanceCorrelation Constant Constraint ContrastLimitedAdaptiveHistogramEqualization Conv1D
    Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D
    Convolution1D Convolution1DTranspose Convolution2D Convolution2DTranspose Convolution3D
    Convolution3DTranspose CosineDecay CosineDecayRestarts CosineSimilarity Cropping1D Cropping2D
    Cropping3D CuDNNGRU CuDNNLSTM CutMix DTypePolicy DTypePolicyMap Dense DenseFeatures DepthwiseConv1D
    DepthwiseConv2D Dice Discretization Dot Dropout DynamicLossScale ELU EinsumDense Embedding
    Equalization ExponentialDecay F1Score FBetaScore FalseNegatives FalsePositives FixedLossScale
    Flatten FlaxLayer Float8QuantizationConfig FloatDTypePolicy Ftrl Functional GPTQConfig
    GPTQDTypePolicy GRU GRUCell GRUCellV2 GRUV1 GRUV2 GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D
    GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D GlorotNormal GlorotUniform GroupNormalization
    GroupQueryAttention HashedCrossing Hashing HeNormal HeUniform Hinge Huber Identity
    IdentityInitializer IndexLookup Initializer Input InputLayer InputSpec Int4DTypePolicy
    Int4QuantizationConfig Int8QuantizationConfig IntegerLookup InverseTimeDecay IoU JaxLayer KLD
    KLDivergence L1 L1L2 L2 LSTM LSTMCell LSTMCellV2 LSTMV1 LSTMV2 Lamb Lambda Layer LayerNormalization
    LayerNormalizationV1 LeakyReLU LearningRateSchedule LecunNormal LecunUniform Lion LocallyConnected1D
    LocallyConnected2D LogCosh LogCoshError Loss LossFunctionWrapper LossScaleOptimizer LossesContainer
    MAE MAPE MSE MSLE Masking MaxNorm MaxNumBoundingBoxes MaxPool1D MaxPool2D MaxPool3D MaxPooling1D
    MaxPooling2D MaxPooling3D Maximum Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU
    MeanMetricWrapper MeanRelativeError MeanSquaredError MeanSquaredLogarithmicError MeanTensor
    MelSpectrogram Metric MetricsContainer MetricsList MinMaxNorm Minimum MixUp Model MultiHeadAttention
    MultiOptimizer Multiply Muon Nadam NonNeg Normalization OneHotIoU OneHotMeanIoU Ones Optimizer
    OptimizerMap Orthogonal OrthogonalInitializer OrthogonalRegularizer PReLU PearsonCorrelation Permute
    PiecewiseConstantDecay Pipeline Poisson Policy PolicyV1 PolynomialDecay Precision PrecisionAtRecall
    PreprocessingLayer QuantizationConfig QuantizedDTypePolicy QuantizedFloat8DTypePolicy Quantizer
    R2Score RMSNormalization RMSprop RNN RadialConstraint RandAugment RandomBrightness
    RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform
    RandomErasing RandomFlip RandomFourierFeatures RandomGaussianBlur RandomGrayscale RandomHeight
    RandomHue RandomInvert RandomNormal RandomNormalV2 RandomPerspective RandomPosterization
    RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomUniform
    RandomWidth RandomZoom ReLU Recall RecallAtPrecision Reduction Regularizer RepeatVector Rescaling
    Reshape Resizing ReversibleEmbedding RootMeanSquaredError SGD STFT STFTInitializer STFTSpectrogram
    ScheduleFreeAdamW SensitivityAtSpecificity SeparableConv1D SeparableConv2D SeparableConvolution1D
    SeparableConvolution2D Sequential SharedEmbeddings SimpleRNN SimpleRNNCell SlicingOpLambda Softmax
    Solarization SparseCategoricalAccuracy SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy
    SpatialDropout1D SpatialDropout2D SpatialDropout3D SpecificityAtSensitivity SpectralNormalization
    SquaredHinge StackedRNNCells StatelessRandomNormal StringLookup Subtract Sum SyncBatchNormalization
    TFSMLayer TensorShape TextVectorization ThresholdedReLU TimeDistributed TopKCategoricalAccuracy
    TorchModuleWrapper TrueNegatives TruePositives TruncatedNormal Tversky TypeSpec UnitNorm
    UnitNormalization UpSampling1D UpSampling2D UpSampling3D VarianceScaling Wrapper ZeroPadding1D
    ZeroPadding2D ZeroPadding3D Zeros
    """
)
FUNCTIONS = _words(
    """
    acc accuracy add auc auto average bce binary_accuracy binary_crossentropy binary_focal_crossentropy
    categorical_accuracy categorical_crossentropy categorical_focal_crossentropy
    categorical_generalized_cross_entropy categorical_hinge cce ce celu circle concatenate
    concordance_correlation constant cosine_proximity cosine_similarity crossentropy ctc dice dot elu
    exponential gelu glorot_normal glorot_uniform glu hard_shrink hard_sigmoid hard_silu hard_swish
    hard_tanh he_normal he_uniform hinge huber identity kl kl_divergence kld kullback_leibler_divergence
    l1 l1_l2 l2 leaky_relu lecun_normal lecun_uniform linear log_cosh log_sigmoid log_softmax
    log_sum_exp logcosh loss mae mape max_norm maximum maxnorm mean_absolute_error
    mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error min_max_norm
    minimum mish mse msle multiply non_neg nonneg normal one ones orthogonal orthogonal_regularizer
    pearson_correlation poisson radial_constraint random_normal random_uniform relu relu6 rmsprop selu
    sigmoid silu soft_shrink softmax softplus softsign sparse_categorical_accuracy
    sparse_categorical_crossentropy sparse_plus sparse_sigmoid sparse_top_k_categorical_accuracy
    sparsemax squared_hinge squareplus subtract swish tanh tanh_shrink threshold
    top_k_categorical_accuracy truncated_normal tversky uniform unit_norm unit_normal unitnorm
    variance_scaling zero zeros
    """
)
# A value in the place of an object, which only the value's type is made of.
VALUES = _words(
    """
    __bytes__ __ellipsis__ __keras_tensor__ __numpy__ __slice__ __string__ __tensor__ __tuple__
    __typespec__ CompositeTensor TensorShape TypeSpec
    """
)
# Modules whose public names are layers, functions of numbers, and settings of those.
MODULES = _words(
    """
    activations base_layer constraints dtype_policies functional initializers input_layer layers losses
    metrics mixed_precision models ops optimizers quantizers random regularizers sequential trainers
    training
    """
)
PACKAGES = frozenset(
    [
        "keras",
        "keras.api",
        "keras.applications.convnext",
        "keras.src.applications.convnext",
        "tensorflow.keras",
        "tensorflow.python.keras",
        "tensorflow.python.ops.init_ops",
        "tensorflow.python.ops.init_ops_v2",
        "tf_keras",
    ]
)
LAMBDA = frozenset(["Lambda", "__lambda__"])
OPERATIONS = frozenset(
    [
        "ClassMethod",
        "InstanceMethod",
        "InstanceProperty",
        "SlicingOpLambda",
        "TFOpLambda",
        "TensorFlowOpLayer",
    ]
)
# Stock layers that read a vocabulary where it is the name of a file.
LOOKUPS = frozenset(["IndexLookup", "IntegerLookup", "StringLookup", "TextVectorization"])
# Stock classes that load something of another kind: a SavedModel, a pickle.
LOADERS = {"TFSMLayer": "saved-model", "TorchModuleWrapper": "pickle"}
# TensorFlow's symbols that compute with what they are given, and read, write and run nothing.
PURE_MODULES = frozenset(["__operators__", "bitwise", "image", "linalg", "math", "nn", "random", "signal"])
PURE = _words(
    """
    abs acos add add_n argmax argmin argsort broadcast_to cast ceil clip_by_norm clip_by_value concat
    convert_to_tensor cos cumsum debugging.check_numerics divide einsum equal exp expand_dims eye fill
    floor gather gather_nd getitem greater greater_equal identity less less_equal logical_and
    logical_not logical_or matmul maximum meshgrid minimum multiply negative norm not_equal one_hot ones
    ones_like operators.getitem pad pow range rank realdiv reduce_all reduce_any reduce_max reduce_mean
    reduce_min reduce_prod reduce_sum repeat reshape reverse roll round rsqrt scalar_mul searchsorted
    shape sigmoid sign sin size slice sort split sqrt square squeeze stack stop_gradient strided_slice
    subtract tanh tensordot tile transpose truediv unstack where zeros zeros_like
    """
)
# The same of its operations in a graph, as the layers of Keras before 2.5 name them.
PURE_NODES = _words(
    """
    Abs Add AddV2 AvgPool BatchMatMulV2 BiasAdd Cast ConcatV2 Conv2D DivNoNan Equal Exp ExpandDims Fill
    Floor GatherV2 Greater Identity Less Log MatMul Max MaxPool Maximum Mean Min Minimum Mul Neg OneHot
    Pack Pad PadV2 Pow Prod Range RealDiv Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor Rsqrt
    Select SelectV2 Shape Sigmoid Slice Softmax Split Sqrt Square SquaredDifference Squeeze StridedSlice
    Sub Sum Tanh Tile Transpose Unpack
    """
)
