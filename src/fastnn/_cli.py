"""The console command `fastnn`: `fastnn demo`, `fastnn info`, `fastnn summary` and `fastnn convert`."""

import argparse
import sys


def main(arguments=None) -> int:
    """Runs the command and returns its exit status; `arguments` are `sys.argv[1:]` if None."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    # What a user can mend: a missing file, a bad value, a missing package. Anything else is a bug and shows its trace.
    except (OSError, ValueError, ImportError) as error:
        print(f"fastnn: error: {error}", file=sys.stderr)
        return 1


def _parser():
    parser = argparse.ArgumentParser(prog="fastnn", description="Keras 3's API on a small compiled engine for CPUs.")
    commands = parser.add_subparsers(required=True, metavar="command")

    info = commands.add_parser("info", help="print version, CPU features, kernel table, threads and compiler")
    info.set_defaults(command=_info)

    summary = commands.add_parser("summary", help="print the layers of a model in a .keras or .h5 file")
    summary.set_defaults(command=_summary)
    summary.add_argument("model", help="a .keras or .h5 file")

    convert = commands.add_parser("convert", help="write a model, or its weights, in another format")
    convert.set_defaults(command=_convert)
    convert.add_argument("model", help="a .keras or .h5 file")
    convert.add_argument("output", help="ends in .onnx, .keras, .h5, .weights.h5 or .safetensors")

    demo = commands.add_parser("demo", help="train a small network on real images and show what it learnt")
    demo.set_defaults(command=_demo)
    demo.add_argument(
        "--data",
        choices=("digits", "fashion_mnist", "mnist"),
        default="digits",
        help="digits ships with the package; the others are downloaded once (default: %(default)s)",
    )
    demo.add_argument("--model", choices=("cnn", "mlp"), default="cnn", help="default: %(default)s")
    demo.add_argument("--epochs", type=_positive, help="passes over the training images")
    demo.add_argument("--seed", type=int, default=1, help="same seed, same result (default: %(default)s)")
    demo.add_argument("--threads", type=_positive, help="default: the CPUs at hand")
    demo.add_argument("--output", default="demo-output", metavar="DIR", help="default: %(default)s")
    return parser


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"should be at least 1, but got {value}")
    return value


def _info(_):
    from fastnn import _build_report

    print(_build_report.report())
    return 0


def _summary(options):
    import fastnn

    fastnn.saving.load_model(options.model, compile=False).summary()
    return 0


def _convert(options):
    import fastnn

    model, output = fastnn.saving.load_model(options.model), options.output
    if output.endswith(".onnx"):
        model.export(output, format="onnx", verbose=False)
    elif output.endswith((".weights.h5", ".safetensors")):
        model.save_weights(output)
    elif output.endswith((".keras", ".h5")):
        model.save(output)
    else:
        raise ValueError(f"{output}: the output ends in .onnx, .keras, .h5, .weights.h5 or .safetensors.")
    return 0


def _demo(options):
    from fastnn import _demo as demo

    demo.run(
        data=options.data,
        model=options.model,
        epochs=options.epochs,
        seed=options.seed,
        threads=options.threads,
        output=options.output,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
