"""Stand-ins for docker and TensorFlow Serving: NOT TensorFlow Serving.

Run as `docker`, this file "starts" a container, which is a small HTTP server
that reads models.config and answers as the scripts of a kit expect. It shows
that the scripts work, and nothing about the server.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path


class Server(BaseHTTPRequestHandler):
    """Answers for the models of a folder and the labels of a config."""

    models = config = None
    # What the server does wrong, if anything.
    fault = None

    def do_GET(self):
        config = self.config.read_text()
        loaded = re.findall(r"^ *versions: (\d+)$", config, re.M)
        labels = dict(re.findall(r'key: "(\w+)" value: (\d+)', config))
        if self.path == "/monitoring/prometheus/metrics":
            # As many as a server has, of which the first is looked for.
            line = "# TYPE :tensorflow:core:graph_runs counter\n"
            return self.answer(200, line * 25_000)
        found = re.fullmatch(
            r"/v1/models/demo(?:/versions/(\d+)|/labels/(\w+))?(/metadata)?",
            self.path,
        )
        version, label, metadata = found.groups()
        if metadata:
            version = labels[label or "stable"]
            if self.fault == "labels" and label == "canary":
                version = "1"
            return self.answer(
                200,
                {
                    "model_spec": {"name": "demo", "version": version},
                    "metadata": {
                        "signature_def": {
                            "serving_default": {},
                            **{f"signature_{n}": {} for n in range(25_000)},
                        }
                    },
                },
            )
        state = "AVAILABLE" if version in {*loaded, None} else "END"
        if self.fault == "loading":
            state = "LOADING"
        status = [{"version": version, "state": state}]
        return self.answer(200, {"model_version_status": status})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            request = json.loads(body)
        except ValueError:
            return self.answer(400, {"error": "JSON Parse error"})
        known = ("serving_default", "serving_tokens", "classify")
        if request["signature_name"] not in known:
            code = 200 if self.fault == "signatures" else 400
            return self.answer(code, {"error": "Serving signature not found"})
        return self.answer(200, {"predictions": []})

    def answer(self, code, content):
        text = (
            content
            if isinstance(content, str)
            else json.dumps(content, indent=1)
        )
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def start(config, fault=None):
    """Returns a server on a free port; whoever calls it runs and closes it."""
    handler = type("Handler", (Server,), {"config": config, "fault": fault})
    return ThreadingHTTPServer(("127.0.0.1", 0), handler)


def docker(arguments):
    """What the command docker would do."""
    action = arguments[0]
    folder = Path(os.environ["DOUBLE_FOLDER"])
    if action == "run":
        (folder / "run.json").write_text(json.dumps(arguments))
        process = subprocess.Popen(
            [sys.executable, __file__, "server", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not (folder / "port").exists():
            time.sleep(0.02)
        print(process.pid)
    elif action == "server":
        mounts = dict(
            reversed(argument.removesuffix(":ro").split(":"))
            for argument in arguments
            if argument.endswith(":ro")
        )
        config = Path(mounts["/config"]) / "models.config"
        server = start(config, os.environ.get("DOUBLE_FAULT"))
        (folder / "port.new").write_text(str(server.server_port))
        (folder / "port.new").rename(folder / "port")
        server.serve_forever()
    elif action == "port":
        print(f"127.0.0.1:{(folder / 'port').read_text()}")
    elif action == "rm":
        os.kill(int(arguments[-1]), signal.SIGTERM)
        (folder / "removed").touch()


if __name__ == "__main__":
    docker(sys.argv[1:])
