"""Bad arguments of `distillation`."""

from tests.tables import BadCase


def model(k, units=3, size=4, outputs=1, dtype="float32"):
    x = k.Input((size,), dtype=dtype)
    y = [k.layers.Dense(units, name=f"dense_{n}")(x) for n in range(outputs)]
    return k.Model(x, y[0] if outputs == 1 else y)


def subclassed(k):
    class Own(k.Model):
        def call(self, inputs):
            return inputs

    return Own()


def distiller(k, teacher=None, student=None, losses=None, **options):
    losses = k.distillation.LogitsDistillation() if losses is None else losses
    return k.distillation.Distiller(teacher or model(k), student or model(k), losses, **options)


def features(k, **options):
    return k.distillation.FeatureDistillation(**options)


BAD = [
    BadCase("temperature_zero", lambda k: k.distillation.LogitsDistillation(0), "temperature"),
    BadCase("temperature_text", lambda k: k.distillation.LogitsDistillation("warm"), "temperature"),
    BadCase("no_logits_loss", lambda k: k.distillation.LogitsDistillation(loss=None), "loss"),
    BadCase("no_feature_loss", lambda k: features(k, loss=[None, None]), "loss"),
    BadCase("unknown_loss", lambda k: features(k, loss="nope"), "nope"),
    BadCase("distiller_no_loss", lambda k: k.distillation.Distiller(model(k), model(k), None), "distillation_losses"),
    BadCase("distiller_compile_no_loss", lambda k: distiller(k).compile("sgd"), "loss"),
    BadCase(
        "distiller_weights",
        lambda k: distiller(
            k, losses=[k.distillation.LogitsDistillation(), features(k)], distillation_loss_weights=[1.0]
        ),
        "distillation_loss_weights",
    ),
    BadCase("distiller_share", lambda k: distiller(k, student_loss_weight=1.5), "student_loss_weight"),
    BadCase("distiller_share_text", lambda k: distiller(k, student_loss_weight="half"), "student_loss_weight"),
    BadCase("distiller_teacher", lambda k: distiller(k, teacher=k.layers.Dense(3)), "Teacher"),
    BadCase("distiller_student", lambda k: distiller(k, student="student"), "Student"),
    BadCase("distiller_inputs", lambda k: distiller(k, student=model(k, size=5)), "input shapes"),
    BadCase("distiller_outputs", lambda k: distiller(k, student=model(k, units=2)), "output shapes"),
    BadCase("distiller_dtypes", lambda k: distiller(k, student=model(k, dtype="int32")), "input dtypes"),
    BadCase("distiller_structures", lambda k: distiller(k, student=model(k, outputs=2)), "structure"),
    BadCase(
        "distiller_layer",
        lambda k: distiller(k, losses=features(k, teacher_layer_name="dense_0", student_layer_name="nope")),
        "nope",
    ),
    BadCase(
        "distiller_layer_of_subclass",
        lambda k: distiller(k, student=subclassed(k), losses=features(k, student_layer_name="dense_0")),
        "symbolic",
    ),
]
