"""Runs a SavedModel on TensorFlow's C++ runtime, without Python TensorFlow.

Run the folder by its path, so that nothing of the package around it is
imported:

    python keras_mixattn/serving/c_runtime saved_models/demo "a calm sea"

or with JSON requests on standard input and a JSON report on standard output:

    echo '[{"signature": "serving_default", "inputs": {"text": ["hi"]}}]' |
        python keras_mixattn/serving/c_runtime saved_models/demo
"""

import argparse
import json
import sys
import time

from c_library import TEXT_LIBRARIES
from c_library import RuntimeFailure
from session import Session


def _answer(session, request):
    start = time.perf_counter()
    try:
        answer = {
            "outputs": session.run(request["signature"], request["inputs"])
        }
    except RuntimeFailure as failure:
        message = {"code": failure.code, "message": failure.message}
        return {"error": message}
    return {**answer, "seconds": time.perf_counter() - start}


def _report(arguments):
    try:
        session = Session(arguments.directory, arguments.text_library)
    except RuntimeFailure as failure:
        return {"error": {"code": failure.code, "message": failure.message}}
    if arguments.text:
        inputs = {"text": arguments.text}
        requests = [{"signature": "serving_default", "inputs": inputs}]
    else:
        requests = json.load(sys.stdin)
    return {
        "directory": str(session.directory),
        "load_seconds": session.load_seconds,
        "xla_disabled": session.xla_disabled,
        "signatures": {
            name: [list(inputs), list(outputs)]
            for name, (inputs, outputs) in session.signatures.items()
        },
        "python_modules": [
            name
            for name in ("tensorflow", "keras", "keras_hub", "keras_mixattn")
            if name in sys.modules
        ],
        "answers": [_answer(session, request) for request in requests],
    }


def _lines(texts, outputs):
    for number, text in enumerate(texts):
        row = {name: values[number] for name, values in outputs.items()}
        answer = json.dumps(row, ensure_ascii=False)
        if "label" in row:
            answer = f"{row['label']}\t{max(row['probabilities']):.4f}"
        yield f"{answer}\t{text}"


def main():
    """Reads requests, prints the report, or the answers for a person."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", help="a SavedModel or its versions")
    parser.add_argument("text", nargs="*", help="texts for serving_default")
    parser.add_argument("--text_library", action="append", metavar="NAME")
    arguments = parser.parse_args()
    arguments.text_library = arguments.text_library or TEXT_LIBRARIES
    report = _report(arguments)
    failure = report.get("error")
    if not arguments.text:
        print(json.dumps(report))
    else:
        answer = report.get("answers", [report])[0]
        failure = answer.get("error")
        if failure:
            print(f"{failure['code']}: {failure['message']}", file=sys.stderr)
        else:
            print("\n".join(_lines(arguments.text, answer["outputs"])))
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
