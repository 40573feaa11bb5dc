"""The table of public names, and the lazy loader that it drives.

`import fastnn` reads this file and nothing else: a name is imported when it is first asked for. `PUBLIC` says, for each
lazy public module, which file defines which names; tests, docs and `__dir__` read the same table.
To add a public name, add it here, beside its siblings. `"Ones ones=Ones"` publishes `Ones`, and `ones` for the same.

The modules of `MODULES` without an entry in `PUBLIC` are plain modules, whose `__all__` is their list of names.

A public name must differ from the submodules of its own package (`losses/huber.py` could not publish
`losses.huber`, because importing the submodule binds that attribute to the module), but for those that `ops` imports.
"""

import importlib
import sys

# The release of Keras whose public names, file format and behaviour these are.
KERAS_VERSION = "3.15.1"

# Public modules, without "fastnn.". Each is an attribute of its parent, imported on first use.
MODULES = (
    "activations",
    "applications",
    "applications.convnext",
    "applications.densenet",
    "applications.efficientnet",
    "applications.efficientnet_v2",
    "applications.imagenet_utils",
    "applications.inception_resnet_v2",
    "applications.inception_v3",
    "applications.mobilenet",
    "applications.mobilenet_v2",
    "applications.mobilenet_v3",
    "applications.nasnet",
    "applications.resnet",
    "applications.resnet50",
    "applications.resnet_v2",
    "applications.vgg16",
    "applications.vgg19",
    "applications.xception",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "datasets.boston_housing",
    "datasets.california_housing",
    "datasets.cifar10",
    "datasets.cifar100",
    "datasets.digits",
    "datasets.fashion_mnist",
    "datasets.imdb",
    "datasets.mnist",
    "datasets.reuters",
    "distillation",
    "distribution",
    "dtype_policies",
    "initializers",
    "layers",
    "legacy",
    "legacy.saving",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "ops.image",
    "ops.linalg",
    "ops.nn",
    "ops.numpy",
    "optimizers",
    "optimizers.legacy",
    "optimizers.schedules",
    "preprocessing",
    "preprocessing.image",
    "preprocessing.sequence",
    "quantizers",
    "random",
    "regularizers",
    "saving",
    "tree",
    "utils",
    "utils.bounding_boxes",
    "utils.legacy",
    "utils.np_utils",
    "wrappers",
    "visualization",
)

# {public module: {file that defines them, without "fastnn.": "names"}}
PUBLIC = {
    "fastnn": {
        "_build_report": "__version__ show_config version",
        "as_keras": "install_as_keras",
        "autodiff": "GradientTape jit value_and_grad",
        "graph.stateless": "StatelessScope SymbolicScope",
        "graph.symbolic": "KerasTensor",
        "graph.variable": "Variable",
        "naming": "name_scope",
        "placement": "device",
        "dtype_policy": "DTypePolicy FloatDTypePolicy",
        "initializers.initializer": "Initializer",
        "layers.core.input_layer": "Input",
        "layers.input_spec": "InputSpec",
        "layers.layer": "Layer",
        "layers.operation": "Operation",
        "losses.loss": "Loss",
        "metrics.metric": "Metric",
        "models.function": "Function",
        "models.model": "Model",
        "models.sequential": "Sequential",
        "ops.elementwise": "stop_gradient",
        "ops.own_gradient": "custom_gradient",
        "optimizers.optimizer": "Optimizer",
        "quantizers.quantizer": "Quantizer",
        "regularizers.regularizer": "Regularizer",
        "rematerialization": "RematScope remat",
    },
    "fastnn.activations": {
        "activations.activations": "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish "
        "hard_tanh leaky_relu linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax "
        "softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold",
        "activations.lookup": "deserialize get serialize",
    },
    "fastnn.applications": {
        "applications.convnext": "ConvNeXtBase ConvNeXtLarge ConvNeXtSmall ConvNeXtTiny ConvNeXtXLarge",
        "applications.densenet": "DenseNet121 DenseNet169 DenseNet201",
        "applications.efficientnet": "EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4 "
        "EfficientNetB5 EfficientNetB6 EfficientNetB7",
        "applications.efficientnet_v2": "EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 "
        "EfficientNetV2L EfficientNetV2M EfficientNetV2S",
        "applications.inception_resnet_v2": "InceptionResNetV2",
        "applications.inception_v3": "InceptionV3",
        "applications.mobilenet": "MobileNet",
        "applications.mobilenet_v2": "MobileNetV2",
        "applications.mobilenet_v3": "MobileNetV3Large MobileNetV3Small",
        "applications.nasnet": "NASNetLarge NASNetMobile",
        "applications.resnet": "ResNet101 ResNet152 ResNet50",
        "applications.resnet_v2": "ResNet101V2 ResNet152V2 ResNet50V2",
        "applications.vgg16": "VGG16",
        "applications.vgg19": "VGG19",
        "applications.xception": "Xception",
    },
    "fastnn.backend": {
        "graph.dtypes": "is_float_dtype is_int_dtype result_type standardize_dtype",
        "graph.masks": "get_keras_mask set_keras_mask",
        "graph.symbolic": "is_keras_tensor",
        "config": "backend epsilon floatx image_data_format set_epsilon set_floatx set_image_data_format",
        "naming": "clear_session get_uid",
    },
    "fastnn.callbacks": {
        "callbacks.averaging": "SwapEMAWeights",
        "callbacks.backup": "BackupAndRestore",
        "callbacks.callback": "Callback",
        "callbacks.callback_list": "CallbackList",
        "callbacks.history": "History",
        "callbacks.orbax": "OrbaxCheckpoint",
        "callbacks.progbar_logger": "ProgbarLogger",
        "callbacks.remote_monitor": "RemoteMonitor",
        "callbacks.simple": "CSVLogger LambdaCallback LearningRateScheduler TerminateOnNaN",
        "callbacks.tensorboard": "TensorBoard",
        "callbacks.watching": "EarlyStopping ModelCheckpoint ReduceLROnPlateau",
    },
    "fastnn.config": {
        "config": "backend disable_flash_attention disable_flash_attention disable_interactive_logging "
        "disable_traceback_filtering enable_flash_attention enable_flash_attention "
        "enable_interactive_logging enable_traceback_filtering enable_unsafe_deserialization epsilon "
        "floatx image_data_format is_flash_attention_enabled is_flash_attention_enabled "
        "is_interactive_logging_enabled is_nnx_enabled is_profiling is_traceback_filtering_enabled "
        "keras_home max_epochs max_steps_per_epoch profile set_backend set_epsilon set_floatx "
        "set_image_data_format set_max_epochs set_max_steps_per_epoch set_threads set_winograd threads winograd",
        "dtype_policy": "dtype_policy set_dtype_policy",
    },
    "fastnn.constraints": {
        "constraints.constraint": "Constraint",
        "constraints.constraints": "MaxNorm MinMaxNorm NonNeg UnitNorm max_norm=MaxNorm min_max_norm=MinMaxNorm "
        "non_neg=NonNeg unit_norm=UnitNorm",
        "constraints.lookup": "deserialize get serialize",
    },
    "fastnn.datasets": {},
    "fastnn.distillation": {
        "distillation.distillation_losses": "DistillationLoss FeatureDistillation LogitsDistillation",
        "distillation.distiller": "Distiller",
    },
    "fastnn.dtype_policies": {
        "dtype_policy": "AWQDTypePolicy DTypePolicy FloatDTypePolicy GPTQDTypePolicy Int4DTypePolicy "
        "QuantizedDTypePolicy QuantizedFloat8DTypePolicy deserialize get serialize",
        "dtype_policy_map": "DTypePolicyMap",
    },
    "fastnn.initializers": {
        "initializers.initializer": "Initializer",
        "initializers.constant_initializers": "Constant Identity IdentityInitializer=Identity Ones Zeros "
        "constant=Constant identity=Identity ones=Ones zeros=Zeros",
        "initializers.fourier_initializers": "STFT STFTInitializer=STFT stft=STFT",
        "initializers.random_initializers": "GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform "
        "Orthogonal OrthogonalInitializer=Orthogonal RandomNormal RandomUniform TruncatedNormal VarianceScaling "
        "glorot_normal=GlorotNormal glorot_uniform=GlorotUniform he_normal=HeNormal he_uniform=HeUniform "
        "lecun_normal=LecunNormal lecun_uniform=LecunUniform orthogonal=Orthogonal random_normal=RandomNormal "
        "random_uniform=RandomUniform truncated_normal=TruncatedNormal variance_scaling=VarianceScaling",
        "initializers.lookup": "deserialize get serialize",
    },
    "fastnn.layers": {
        "layers.activations.activation": "Activation",
        "layers.activations.elu": "ELU",
        "layers.activations.leaky_relu": "LeakyReLU",
        "layers.activations.prelu": "PReLU",
        "layers.activations.relu": "ReLU",
        "layers.activations.softmax": "Softmax",
        "layers.attention.additive_attention": "AdditiveAttention",
        "layers.attention.attention": "Attention",
        "layers.attention.grouped_query_attention": "GroupQueryAttention=GroupedQueryAttention",
        "layers.attention.multi_head_attention": "MultiHeadAttention",
        "layers.convolutional.conv1d": "Conv1D Convolution1D=Conv1D",
        "layers.convolutional.conv1d_transpose": "Conv1DTranspose Convolution1DTranspose=Conv1DTranspose",
        "layers.convolutional.conv2d": "Conv2D Convolution2D=Conv2D",
        "layers.convolutional.conv2d_transpose": "Conv2DTranspose Convolution2DTranspose=Conv2DTranspose",
        "layers.convolutional.conv3d": "Conv3D Convolution3D=Conv3D",
        "layers.convolutional.conv3d_transpose": "Conv3DTranspose Convolution3DTranspose=Conv3DTranspose",
        "layers.convolutional.depthwise_conv1d": "DepthwiseConv1D",
        "layers.convolutional.depthwise_conv2d": "DepthwiseConv2D",
        "layers.convolutional.separable_conv1d": "SeparableConv1D SeparableConvolution1D=SeparableConv1D",
        "layers.convolutional.separable_conv2d": "SeparableConv2D SeparableConvolution2D=SeparableConv2D",
        "layers.core.dense": "Dense",
        "layers.core.einsum_dense": "EinsumDense",
        "layers.core.embedding": "Embedding",
        "layers.core.identity": "Identity",
        "layers.core.input_layer": "Input InputLayer",
        "layers.core.lambda_layer": "Lambda",
        "layers.core.masking": "Masking",
        "layers.core.reversible_embedding": "ReversibleEmbedding",
        "layers.core.wrapper": "Wrapper",
        "layers.input_spec": "InputSpec",
        "layers.layer": "Layer",
        "layers.lookup": "deserialize serialize",
        "layers.merging.add": "Add add",
        "layers.merging.average": "Average average",
        "layers.merging.concatenate": "Concatenate concatenate",
        "layers.merging.dot": "Dot dot",
        "layers.merging.maximum": "Maximum maximum",
        "layers.merging.minimum": "Minimum minimum",
        "layers.merging.multiply": "Multiply multiply",
        "layers.merging.subtract": "Subtract subtract",
        "layers.normalization.batch_normalization": "BatchNormalization",
        "layers.normalization.group_normalization": "GroupNormalization",
        "layers.normalization.layer_normalization": "LayerNormalization",
        "layers.normalization.rms_normalization": "RMSNormalization",
        "layers.normalization.spectral_normalization": "SpectralNormalization",
        "layers.normalization.unit_normalization": "UnitNormalization",
        "layers.pooling.adaptive_average_pooling1d": "AdaptiveAveragePooling1D",
        "layers.pooling.adaptive_average_pooling2d": "AdaptiveAveragePooling2D",
        "layers.pooling.adaptive_average_pooling3d": "AdaptiveAveragePooling3D",
        "layers.pooling.adaptive_max_pooling1d": "AdaptiveMaxPooling1D",
        "layers.pooling.adaptive_max_pooling2d": "AdaptiveMaxPooling2D",
        "layers.pooling.adaptive_max_pooling3d": "AdaptiveMaxPooling3D",
        "layers.pooling.average_pooling1d": "AveragePooling1D AvgPool1D=AveragePooling1D",
        "layers.pooling.average_pooling2d": "AveragePooling2D AvgPool2D=AveragePooling2D",
        "layers.pooling.average_pooling3d": "AveragePooling3D AvgPool3D=AveragePooling3D",
        "layers.pooling.global_average_pooling1d": "GlobalAveragePooling1D GlobalAvgPool1D=GlobalAveragePooling1D",
        "layers.pooling.global_average_pooling2d": "GlobalAveragePooling2D GlobalAvgPool2D=GlobalAveragePooling2D",
        "layers.pooling.global_average_pooling3d": "GlobalAveragePooling3D GlobalAvgPool3D=GlobalAveragePooling3D",
        "layers.pooling.global_max_pooling1d": "GlobalMaxPooling1D GlobalMaxPool1D=GlobalMaxPooling1D",
        "layers.pooling.global_max_pooling2d": "GlobalMaxPooling2D GlobalMaxPool2D=GlobalMaxPooling2D",
        "layers.pooling.global_max_pooling3d": "GlobalMaxPooling3D GlobalMaxPool3D=GlobalMaxPooling3D",
        "layers.pooling.max_pooling1d": "MaxPooling1D MaxPool1D=MaxPooling1D",
        "layers.pooling.max_pooling2d": "MaxPooling2D MaxPool2D=MaxPooling2D",
        "layers.pooling.max_pooling3d": "MaxPooling3D MaxPool3D=MaxPooling3D",
        "layers.preprocessing.category_encoding": "CategoryEncoding",
        "layers.preprocessing.discretization": "Discretization",
        "layers.preprocessing.hashed_crossing": "HashedCrossing",
        "layers.preprocessing.hashing": "Hashing",
        "layers.preprocessing.image.aug_mix": "AugMix",
        "layers.preprocessing.image.auto_contrast": "AutoContrast",
        "layers.preprocessing.image.center_crop": "CenterCrop",
        "layers.preprocessing.image.clahe": "ContrastLimitedAdaptiveHistogramEqualization",
        "layers.preprocessing.image.cut_mix": "CutMix",
        "layers.preprocessing.image.equalization": "Equalization",
        "layers.preprocessing.image.max_num_bounding_boxes": "MaxNumBoundingBoxes",
        "layers.preprocessing.image.mix_up": "MixUp",
        "layers.preprocessing.image.pipeline": "Pipeline",
        "layers.preprocessing.image.rand_augment": "RandAugment",
        "layers.preprocessing.image.random_brightness": "RandomBrightness",
        "layers.preprocessing.image.random_color_degeneration": "RandomColorDegeneration",
        "layers.preprocessing.image.random_color_jitter": "RandomColorJitter",
        "layers.preprocessing.image.random_contrast": "RandomContrast",
        "layers.preprocessing.image.random_crop": "RandomCrop",
        "layers.preprocessing.image.random_elastic_transform": "RandomElasticTransform",
        "layers.preprocessing.image.random_erasing": "RandomErasing",
        "layers.preprocessing.image.random_flip": "RandomFlip",
        "layers.preprocessing.image.random_gaussian_blur": "RandomGaussianBlur",
        "layers.preprocessing.image.random_grayscale": "RandomGrayscale",
        "layers.preprocessing.image.random_hue": "RandomHue",
        "layers.preprocessing.image.random_invert": "RandomInvert",
        "layers.preprocessing.image.random_perspective": "RandomPerspective",
        "layers.preprocessing.image.random_posterization": "RandomPosterization",
        "layers.preprocessing.image.random_rotation": "RandomRotation",
        "layers.preprocessing.image.random_saturation": "RandomSaturation",
        "layers.preprocessing.image.random_sharpness": "RandomSharpness",
        "layers.preprocessing.image.random_shear": "RandomShear",
        "layers.preprocessing.image.random_translation": "RandomTranslation",
        "layers.preprocessing.image.random_zoom": "RandomZoom",
        "layers.preprocessing.image.resizing": "Resizing",
        "layers.preprocessing.image.solarization": "Solarization",
        "layers.preprocessing.integer_lookup": "IntegerLookup",
        "layers.preprocessing.mel_spectrogram": "MelSpectrogram",
        "layers.preprocessing.normalization": "Normalization",
        "layers.preprocessing.rescaling": "Rescaling",
        "layers.preprocessing.stft_spectrogram": "STFTSpectrogram",
        "layers.preprocessing.string_lookup": "StringLookup",
        "layers.preprocessing.text_vectorization": "TextVectorization",
        "layers.recurrent.bidirectional": "Bidirectional",
        "layers.recurrent.conv_lstm1d": "ConvLSTM1D",
        "layers.recurrent.conv_lstm2d": "ConvLSTM2D",
        "layers.recurrent.conv_lstm3d": "ConvLSTM3D",
        "layers.recurrent.gru": "GRU",
        "layers.recurrent.gru_cell": "GRUCell",
        "layers.recurrent.lstm": "LSTM",
        "layers.recurrent.lstm_cell": "LSTMCell",
        "layers.recurrent.rnn": "RNN",
        "layers.recurrent.simple_rnn": "SimpleRNN",
        "layers.recurrent.simple_rnn_cell": "SimpleRNNCell",
        "layers.recurrent.stacked_rnn_cells": "StackedRNNCells",
        "layers.recurrent.time_distributed": "TimeDistributed",
        "layers.regularization.alpha_dropout": "AlphaDropout",
        "layers.regularization.activity_regularization": "ActivityRegularization",
        "layers.regularization.dropout": "Dropout",
        "layers.regularization.gaussian_dropout": "GaussianDropout",
        "layers.regularization.gaussian_noise": "GaussianNoise",
        "layers.regularization.spatial_dropout": "SpatialDropout1D SpatialDropout2D SpatialDropout3D",
        "layers.reshaping.cropping1d": "Cropping1D",
        "layers.reshaping.cropping2d": "Cropping2D",
        "layers.reshaping.cropping3d": "Cropping3D",
        "layers.reshaping.flatten": "Flatten",
        "layers.reshaping.permute": "Permute",
        "layers.reshaping.repeat_vector": "RepeatVector",
        "layers.reshaping.reshape": "Reshape",
        "layers.reshaping.up_sampling1d": "UpSampling1D",
        "layers.reshaping.up_sampling2d": "UpSampling2D",
        "layers.reshaping.up_sampling3d": "UpSampling3D",
        "layers.reshaping.zero_padding1d": "ZeroPadding1D",
        "layers.reshaping.zero_padding2d": "ZeroPadding2D",
        "layers.reshaping.zero_padding3d": "ZeroPadding3D",
    },
    "fastnn.legacy": {},
    "fastnn.legacy.saving": {"saving.legacy_objects": "deserialize_keras_object serialize_keras_object"},
    "fastnn.losses": {
        "losses.loss": "Loss",
        "losses.crossentropy": "BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy "
        "CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy KLDivergence SparseCategoricalCrossentropy "
        "binary_crossentropy binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy "
        "categorical_generalized_cross_entropy kl_divergence sparse_categorical_crossentropy",
        "losses.lookup": "deserialize get serialize",
        "losses.margin": "CategoricalHinge Circle Hinge SquaredHinge categorical_hinge circle hinge squared_hinge",
        "losses.overlap": "Dice Tversky dice tversky",
        "losses.sequence": "CTC ctc",
        "losses.regression": "CosineSimilarity Huber LogCosh MeanAbsoluteError MeanAbsolutePercentageError "
        "MeanSquaredError MeanSquaredLogarithmicError Poisson cosine_similarity huber log_cosh mean_absolute_error "
        "mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error poisson",
    },
    "fastnn.metrics": {
        "losses.crossentropy": "binary_crossentropy binary_focal_crossentropy categorical_crossentropy "
        "categorical_focal_crossentropy kl_divergence sparse_categorical_crossentropy",
        "losses.margin": "categorical_hinge hinge squared_hinge",
        "losses.regression": "huber log_cosh mean_absolute_error mean_absolute_percentage_error mean_squared_error "
        "mean_squared_logarithmic_error poisson",
        "metrics.accuracy": "Accuracy BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy "
        "SparseTopKCategoricalAccuracy TopKCategoricalAccuracy binary_accuracy categorical_accuracy "
        "sparse_categorical_accuracy sparse_top_k_categorical_accuracy top_k_categorical_accuracy",
        "metrics.confusion": "AUC FalseNegatives FalsePositives Precision PrecisionAtRecall Recall RecallAtPrecision "
        "SensitivityAtSpecificity SpecificityAtSensitivity TrueNegatives TruePositives",
        "metrics.f_score": "F1Score FBetaScore",
        "metrics.iou": "BinaryIoU IoU MeanIoU OneHotIoU OneHotMeanIoU",
        "metrics.lookup": "deserialize get serialize",
        "metrics.losses": "BinaryCrossentropy CategoricalCrossentropy CategoricalHinge ConcordanceCorrelation "
        "CosineSimilarity Hinge KLDivergence LogCoshError MeanAbsoluteError MeanAbsolutePercentageError "
        "MeanSquaredError MeanSquaredLogarithmicError PearsonCorrelation Poisson RootMeanSquaredError "
        "SparseCategoricalCrossentropy SquaredHinge concordance_correlation pearson_correlation",
        "metrics.mean": "Mean MeanMetricWrapper Sum",
        "metrics.metric": "Metric",
        "metrics.r2_score": "R2Score",
    },
    "fastnn.mixed_precision": {
        "dtype_policy": "DTypePolicy Policy=DTypePolicy dtype_policy global_policy=dtype_policy set_dtype_policy "
        "set_global_policy=set_dtype_policy",
        "optimizers.loss_scale": "LossScaleOptimizer",
    },
    "fastnn.models": {
        "models.cloning": "clone_model",
        "models.json_format": "model_from_json",
        "models.model": "Model",
        "models.sequential": "Sequential",
        "saving.file_editor": "KerasFileEditor",
        "saving.model_file": "load_model save_model",
    },
    "fastnn.ops": {
        "ops.activations": "celu elu gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu "
        "log_sigmoid relu relu6 selu silu soft_shrink softsign sparse_plus sparse_sigmoid squareplus swish "
        "tanh_shrink threshold",
        "ops.adaptive_pool": "adaptive_average_pool adaptive_max_pool",
        "ops.attention": "dot_product_attention",
        "ops.boxes": "concatenate flip",
        "ops.branches": "cond switch",
        "ops.complex_numbers": "angle conj conjugate imag isreal polar real view view_as_complex view_as_real",
        "ops.contractions": "dot einsum inner outer tensordot vdot",
        "ops.convolution": "conv conv_transpose depthwise_conv separable_conv",
        "ops.counting": "argpartition bincount digitize histogram isin unravel_index",
        "ops.creation": "arange array convert_to_numpy convert_to_tensor diag diagflat diagonal dtype empty "
        "empty_like eye full full_like geomspace identity is_tensor linspace logspace meshgrid ones ones_like trace "
        "tri tril triu zeros zeros_like",
        "ops.ctc": "ctc_decode ctc_loss",
        "ops.einops": "rearrange",
        "ops.elementwise": "abs absolute add cast cbrt clip divide divide_no_nan erf exp exp2 expm1 floor_divide "
        "fmod hypot log log10 log1p log2 logaddexp maximum minimum mod multiply negative power reciprocal rsqrt "
        "saturate_cast sigmoid sign softplus sqrt square stop_gradient subtract tanh true_divide",
        "ops.factorizations": "cholesky eig eigh lu_factor qr svd",
        "ops.fourier": "extract_sequences fft fft2 ifft2 irfft istft rfft stft",
        "ops.gather": "multi_hot nonzero one_hot scatter scatter_update segment_max segment_min segment_prod "
        "segment_sum take take_along_axis unique",
        "ops.indexing": "get_item getitem slice slice_update",
        "ops.joining": "append array_split depth_to_space dsplit dstack fliplr flipud hsplit hstack pad repeat rot90 "
        "space_to_depth split stack tile unstack vsplit vstack",
        "ops.layout": "broadcast_to copy expand_dims moveaxis ndim ravel reshape shape size squeeze swapaxes transpose",
        "ops.logic": "equal greater greater_equal isclose isfinite isinf isnan isneginf isposinf less less_equal "
        "logical_and logical_not logical_or logical_xor nan_to_num not_equal select where",
        "ops.loops": "fori_loop map scan vectorized_map while_loop",
        "ops.matmul": "matmul",
        "ops.nan": "nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmin nanprod nanstd nansum nanvar",
        "ops.normalization": "batch_normalization layer_normalization normalize rms_normalization",
        "ops.norms": "cdist norm psnr",
        "ops.own_gradient": "custom_gradient",
        "ops.patches": "fold unfold",
        "ops.pieces": "roll",
        "ops.pool2d": "average_pool max_pool",
        "ops.prefix_scan": "associative_scan",
        "ops.quantiles": "median nanmedian nanpercentile nanquantile percentile quantile",
        "ops.rare": "allclose bitwise_and bitwise_invert bitwise_left_shift bitwise_not bitwise_or "
        "bitwise_right_shift bitwise_xor deg2rad erfc erfinv fabs fmax fmin gcd heaviside i0 lcm ldexp left_shift "
        "logaddexp2 nextafter rad2deg right_shift signbit sinc",
        "ops.reduce": "all amax amin any argmax argmin cumprod cumsum max mean min prod sum",
        "ops.rounding": "ceil floor round trunc",
        "ops.softmax": "binary_crossentropy categorical_crossentropy in_top_k log_softmax softmax "
        "sparse_categorical_crossentropy sparsemax",
        "ops.solving": "cholesky_inverse det inv logdet lstsq matrix_rank pinv slogdet solve solve_triangular",
        "ops.sorting": "argsort searchsorted sort top_k",
        "ops.statistics": "average count_nonzero logsumexp moments ptp std var",
        "ops.transforms": "jvp vectorize",
        "ops.trigonometry": "arccos arccosh arcsin arcsinh arctan arctan2 arctanh cos cosh sin sinh tan",
        "ops.vectors": "corrcoef correlate cross diff kron trapezoid vander",
        "ops.window_functions": "bartlett blackman hamming hanning kaiser",
    },
    "fastnn.ops.linalg": {
        "ops": "cholesky cholesky_inverse det eig eigh inv jvp lstsq lu_factor matrix_rank norm pinv qr solve "
        "solve_triangular svd",
    },
    "fastnn.ops.nn": {
        "ops": "adaptive_average_pool adaptive_max_pool average_pool batch_normalization binary_crossentropy "
        "categorical_crossentropy celu conv conv_transpose ctc_decode ctc_loss depth_to_space depthwise_conv "
        "dot_product_attention elu fold gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh "
        "layer_normalization leaky_relu log_sigmoid log_softmax max_pool moments multi_hot normalize one_hot polar "
        "psnr relu relu6 rms_normalization selu separable_conv sigmoid silu soft_shrink softmax softplus softsign "
        "space_to_depth sparse_categorical_crossentropy sparse_plus sparse_sigmoid sparsemax squareplus swish "
        "tanh_shrink threshold unfold",
    },
    "fastnn.ops.numpy": {
        "ops": "abs absolute add all allclose amax amin angle any append arange arccos arccosh arcsin arcsinh arctan "
        "arctan2 arctanh argmax argmin argpartition argsort array array_split average bartlett bincount "
        "bitwise_and bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor "
        "blackman broadcast_to cbrt ceil clip concatenate conj conjugate copy corrcoef correlate cos cosh "
        "count_nonzero cross cumprod cumsum deg2rad diag diagflat diagonal diff digitize divide divide_no_nan "
        "dot dsplit dstack einsum empty empty_like equal exp exp2 expand_dims expm1 eye fabs flip fliplr "
        "flipud floor floor_divide fmax fmin fmod full full_like gcd geomspace get_item greater greater_equal "
        "hamming hanning heaviside histogram hsplit hstack hypot i0 identity imag inner isclose isfinite isin "
        "isinf isnan isneginf isposinf isreal kaiser kron lcm ldexp left_shift less less_equal linspace log "
        "log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logspace matmul "
        "max maximum mean median meshgrid min minimum mod moveaxis multiply nan_to_num nanargmax nanargmin "
        "nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile nanstd nansum "
        "nanvar ndim negative nextafter nonzero not_equal ones ones_like outer pad percentile power prod ptp "
        "quantile rad2deg ravel real reciprocal repeat reshape right_shift roll rot90 round searchsorted "
        "select sign signbit sin sinc sinh size slogdet sort split sqrt square squeeze stack std subtract sum "
        "swapaxes take take_along_axis tan tanh tensordot tile trace transpose trapezoid tri tril triu "
        "true_divide trunc unique unravel_index vander var vdot vectorize view vsplit vstack where zeros "
        "zeros_like",
    },
    "fastnn.optimizers": {
        "optimizers.adafactor": "Adafactor",
        "optimizers.adam": "Adam AdamW",
        "optimizers.adaptive": "Adadelta Adagrad Adamax Ftrl Lamb Nadam RMSprop",
        "optimizers.lookup": "deserialize get serialize",
        "optimizers.loss_scale": "LossScaleOptimizer",
        "optimizers.momentum": "Lion SGD",
        "optimizers.multi": "MultiOptimizer OptimizerMap",
        "optimizers.muon": "Muon",
        "optimizers.schedule_free": "ScheduleFreeAdamW",
        "optimizers.optimizer": "Optimizer",
    },
    "fastnn.optimizers.legacy": {
        "optimizers.keras2": "Adagrad=LegacyOptimizer Adam=LegacyOptimizer Ftrl=LegacyOptimizer "
        "Optimizer=LegacyOptimizer RMSprop=LegacyOptimizer SGD=LegacyOptimizer",
    },
    "fastnn.optimizers.schedules": {
        "optimizers.schedules.learning_rate_schedule": "LearningRateSchedule",
        "optimizers.schedules.lookup": "deserialize serialize",
        "optimizers.schedules.schedules": "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay "
        "PiecewiseConstantDecay PolynomialDecay",
    },
    "fastnn.preprocessing": {
        "preprocessing.from_directory": "image_dataset_from_directory text_dataset_from_directory",
        "preprocessing.timeseries": "timeseries_dataset_from_array",
    },
    "fastnn.preprocessing.image": {
        "preprocessing.image_files": "array_to_img img_to_array load_img save_img",
        "preprocessing.resizing": "smart_resize",
    },
    "fastnn.preprocessing.sequence": {"utils.encoding": "pad_sequences"},
    "fastnn.quantizers": {
        "quantizers.abs_max": "AbsMaxQuantizer abs_max_quantize abs_max_quantize_grouped_with_zero_point",
        "quantizers.configs": "AWQConfig Float8QuantizationConfig GPTQConfig Int4QuantizationConfig "
        "Int8QuantizationConfig QuantizationConfig",
        "quantizers.fake_quant": "fake_quant_with_min_max_vars",
        "quantizers.float8": "compute_float8_amax_history compute_float8_scale quantize_and_dequantize",
        "quantizers.int4": "pack_int4 unpack_int4",
        "quantizers.lookup": "deserialize get serialize",
        "quantizers.quantizer": "Quantizer",
    },
    "fastnn.random": {
        "random.samplers": "beta binomial categorical dropout gamma normal randint shuffle truncated_normal uniform",
        "random.seed_generator": "SeedGenerator",
    },
    "fastnn.regularizers": {
        "regularizers.regularizer": "Regularizer",
        "regularizers.regularizers": "L1 L1L2 L2 OrthogonalRegularizer l1=L1 l1_l2=L1L2 l2=L2 "
        "orthogonal_regularizer=OrthogonalRegularizer",
        "regularizers.lookup": "deserialize get serialize",
    },
    "fastnn.saving": {
        "object_registration": "CustomObjectScope custom_object_scope=CustomObjectScope get_custom_objects "
        "get_registered_name get_registered_object register_keras_serializable",
        "serialization": "deserialize_keras_object serialize_keras_object",
        "saving.file_editor": "KerasFileEditor",
        "saving.model_file": "load_model save_model",
        "saving.weights": "load_weights save_weights",
    },
    "fastnn.utils": {
        "models.feature_space": "FeatureSpace",
        "preprocessing.from_directory": "audio_dataset_from_directory image_dataset_from_directory "
        "text_dataset_from_directory",
        "preprocessing.image_files": "array_to_img img_to_array load_img save_img",
        "preprocessing.splitting": "split_dataset",
        "preprocessing.timeseries": "timeseries_dataset_from_array",
        "graph.dtypes": "standardize_dtype",
        "graph.symbolic": "is_keras_tensor",
        "config": "disable_interactive_logging enable_interactive_logging is_interactive_logging_enabled",
        "utils.encoding": "normalize pad_sequences to_categorical",
        "utils.files": "get_file",
        "utils.named_values": "Config",
        "utils.progbar": "Progbar",
        "utils.seeding": "set_random_seed",
        "models.network": "get_source_inputs",
        "models.plotting": "model_to_dot plot_model",
        "naming": "clear_session",
        "training.data": "pack_x_y_sample_weight unpack_x_y_sample_weight",
        "training.py_dataset": "PyDataset Sequence=PyDataset",
        "object_registration": "CustomObjectScope custom_object_scope=CustomObjectScope get_custom_objects "
        "get_registered_name get_registered_object register_keras_serializable",
        "serialization": "deserialize_keras_object serialize_keras_object",
    },
    "fastnn.utils.bounding_boxes": {
        "ops.bounding_boxes": "affine_transform clip_to_image_size compute_ciou compute_iou convert_format crop "
        "decode_deltas_to_boxes encode_box_to_deltas pad",
    },
    "fastnn.utils.legacy": {"saving.legacy_objects": "deserialize_keras_object serialize_keras_object"},
    "fastnn.utils.np_utils": {"utils.encoding": "normalize to_categorical"},
    "fastnn.wrappers": {
        "wrappers.estimators": "SKLearnClassifier SKLearnRegressor SKLearnTransformer",
    },
    "fastnn.visualization": {
        "visualization.drawing": "draw_bounding_boxes draw_segmentation_masks",
        "visualization.galleries": "plot_bounding_box_gallery plot_image_gallery plot_segmentation_mask_gallery",
    },
}


def table(package: str) -> dict[str, tuple[str, str]]:
    """`{public name: (defining module, attribute)}` of one lazy public module."""
    names = {}
    for module, line in PUBLIC.get(package, {}).items():
        source = f"fastnn.{module}"
        for entry in line.split():
            public, _, attribute = entry.partition("=")
            names[public] = (source, attribute or public)
    return names


def find(package: str, name: str) -> tuple[str, str] | None:
    """Which module defines a public name, and as what; None where there is none. No table of all is made for that: it
    would be a thirtieth of what a first import adds to a process."""
    for module, line in PUBLIC.get(package, {}).items():
        for entry in line.split() if name in line else ():
            public, _, attribute = entry.partition("=")
            if public == name:
                return f"fastnn.{module}", attribute or public
    return None


def names_of(package: str, module: str, attribute: str) -> list[str]:
    """Under which names a public module has what another one defines."""
    entries = PUBLIC.get(package, {}).get(module.removeprefix("fastnn."), "").split()
    pairs = [entry.partition("=")[::2] for entry in entries]
    return [public for public, other in pairs if (other or public) == attribute]


def submodules(package: str) -> list[str]:
    """Names of the public modules directly inside `package` ("fastnn" or "fastnn.optimizers")."""
    prefix = package.removeprefix("fastnn").removeprefix(".")
    return [name.rpartition(".")[2] for name in MODULES if name.rpartition(".")[0] == prefix]


def public_names() -> list[str]:
    """Every public dotted name except the modules themselves, such as "fastnn.layers.Dense"; imports what it must."""
    names = [f"{package}.{name}" for package in PUBLIC for name in table(package)]
    for module in MODULES:
        package = f"fastnn.{module}"
        if package not in PUBLIC:
            names += [f"{package}.{name}" for name in importlib.import_module(package).__all__]
    return sorted(names)


def attach(package: str, adapt=None):
    """The `__getattr__`, which knows `__all__`, too, and `__dir__` of a lazy public module.

    Args:
        package: its name.
        adapt: `(name, value) -> value`: what the module gives under a name, if not the value where that is defined.

    Example:
        __getattr__, __dir__ = _api.attach(__name__)
    """

    def __getattr__(name):
        if name == "__all__":
            return sorted(table(package)) + submodules(package)
        if place := find(package, name):
            module, attribute = place
            value = getattr(importlib.import_module(module), attribute)
            if adapt is not None:
                value = adapt(name, value)
            setattr(sys.modules[package], name, value)
            return value
        if name in submodules(package):
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def __dir__():
        return __getattr__("__all__")

    return __getattr__, __dir__


def modules_on_use(package: str):
    """The `__getattr__` of an inner package whose modules are imported when they are first used, not by who names them.

    Example:
        from fastnn import plan
        plan.executable.Executable(graph)  # the import of fastnn.plan.executable
    """

    def __getattr__(name):
        module = f"{package}.{name}"
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None

    return __getattr__
