"""A kit appears whole or not at all, and says what is wrong with an export."""

import argparse
import json
import os
import re
import shutil
from pathlib import Path

import jsonschema
import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.serving import export_saved_model
from keras_mixattn.serving.deployment import deploy
from keras_mixattn.serving.deployment import deploy_command
from keras_mixattn.serving.deployment import rendering
from tests.models.builders import small_classifier
from tests.serving_deployment.exports import write_json


@exit_on_input_error
def main(*arguments):
    parser = argparse.ArgumentParser()
    deploy_command.add_parser(parser.add_subparsers())
    deploy_command.run(parser.parse_args(["deploy", *map(str, arguments)]))


def contents(directory):
    return {
        path.relative_to(directory): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def own_export(export, tmp_path):
    """An export that a test may damage, as version 1 of `demo`."""
    shutil.copytree(export("demo"), tmp_path / "saved_models" / "demo")
    return tmp_path / "saved_models" / "demo"


def test_a_real_export(tmp_path):
    directory = tmp_path / "saved_models" / "demo"
    export_saved_model(small_classifier(), directory, verify=False)
    kit = deploy(directory, tmp_path / "deploy" / "demo")
    for path in (kit / "examples").iterdir():
        name = path.name.removesuffix(".json")
        schema = json.loads((kit / f"schemas/{name}.request.json").read_text())
        jsonschema.validate(json.loads(path.read_text()), schema)
    names = {path.name.split(".")[0] for path in (kit / "examples").iterdir()}
    assert {"serving_default", "serving_tokens"} <= names
    assert "version 1 (stable)," in (kit / "README.md").read_text()
    parameters = (kit / "config" / "batching_parameters.txt").read_text()
    assert "Not warmed up by the export: 2, 4, 8, 16, 32." in parameters


def test_equal_exports_make_equal_kits(kit, export, tmp_path):
    directory = Path(shutil.copytree(export("demo"), tmp_path / "x" / "demo"))
    again = deploy(directory, tmp_path / "deploy" / "demo")
    found, expected = contents(again), contents(kit)
    assert found.keys() == expected.keys()
    for name, content in found.items():
        text = content.replace(b"../../x/", b"../../saved_models/")
        assert text == expected[name], name


def test_the_command(export, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(export("demo"), "--cpus", 2)
    assert "wrote deploy/demo; read deploy/demo/README.md" in (
        capsys.readouterr().out
    )
    assert "cpus: 2" in Path("deploy/demo/compose.yaml").read_text()
    main(export("demo"), "--output", "kit", "--max_batch_size", 8)
    parameters = Path("kit/config/batching_parameters.txt").read_text()
    assert "max_batch_size { value: 8 }" in parameters
    with pytest.raises(SystemExit) as exit:
        main(export("demo"), "--output", "kit")
    assert exit.value.code == 2
    message = capsys.readouterr().err
    assert re.match("error: '.*kit' exists;", message)
    assert message.count("\n") == 1


def test_an_existing_kit_is_replaced_only_if_asked(own_export, tmp_path):
    kit = deploy(own_export, tmp_path / "kit")
    (kit / "notes").write_text("mine")
    (kit / "secrets").mkdir()
    (kit / "secrets" / "tls.key").write_text("key")
    (kit / "secrets" / "tls.key").chmod(0o600)
    with pytest.raises(InputError, match="exists"):
        deploy(own_export, kit)
    assert (kit / "notes").exists()
    deploy(own_export, kit, cpus=7, overwrite=True)
    assert not (kit / "notes").exists()
    # A key cannot be made anew.
    assert (kit / "secrets" / "tls.key").read_text() == "key"
    assert (kit / "secrets" / "tls.key").stat().st_mode & 0o777 == 0o600
    assert "cpus: 7" in (kit / "compose.yaml").read_text()
    assert sorted(os.listdir(tmp_path)) == ["kit", "saved_models"]


def test_a_link_names_the_model(own_export, tmp_path, monkeypatch):
    (tmp_path / "prod").symlink_to(own_export)
    monkeypatch.chdir(own_export)
    for directory, name in (("../../prod", "prod"), (".", "demo")):
        kit = deploy(directory, tmp_path / "kit", overwrite=True)
        assert f"target: /models/{name}\n" in (kit / "compose.yaml").read_text()
    (source,) = re.findall(
        r'source: "(.*)"', (kit / "compose.yaml").read_text()
    )
    assert (kit / source).resolve() == own_export.resolve()


def test_the_model_is_never_replaced(own_export):
    before = contents(own_export)
    for kit in (own_export, own_export.parent):
        with pytest.raises(InputError):
            deploy(own_export, kit, overwrite=True)
    assert contents(own_export) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_interruption_leaves_what_was_there(
    own_export, tmp_path, monkeypatch, overwrite
):
    if overwrite:
        deploy(own_export, tmp_path / "deploy" / "demo")
    before = contents(tmp_path)

    class Interrupted(rendering.Template):
        def substitute(self, values):
            if "autoscaling" in self.template:
                raise KeyboardInterrupt
            return super().substitute(values)

    monkeypatch.setattr(rendering, "Template", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        deploy(own_export, tmp_path / "deploy" / "demo", overwrite=overwrite)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stable": 2}, "stable is 2, but .* holds the versions 1;"),
        ({"canary": 0}, "canary is 0, but .* holds the versions 1;"),
        ({"cpus": 0}, "cpus is 0; it must be a positive integer"),
        ({"cpus": 1.5}, "cpus is 1.5; it must be a positive integer"),
        ({"max_batch_size": True}, "max_batch_size is True"),
    ],
)
def test_arguments_out_of_range(export, tmp_path, options, words):
    with pytest.raises(InputError, match=words):
        deploy(export("demo"), tmp_path / "kit", **options)
    assert not os.listdir(tmp_path)


def test_what_is_no_model_directory(export, tmp_path):
    for directory, words in (
        (tmp_path / "none", "is not a directory"),
        (export("demo") / "1", "is one version of a model"),
        (export("demo") / "1" / "variables", "holds no version"),
        (export("nameless"), "no signature 'serving_default'"),
    ):
        with pytest.raises(InputError, match=words):
            deploy(directory, tmp_path / "kit")
    for name in ("a b", "ä", "_a", "a:b", "a" * 49):
        (tmp_path / name / "1").mkdir(parents=True)
        with pytest.raises(InputError, match="cannot be a model's name"):
            deploy(tmp_path / name, tmp_path / "kit")
    (tmp_path / "zeros" / "01").mkdir(parents=True)
    with pytest.raises(InputError, match="leading zeros; rename it to 1"):
        deploy(tmp_path / "zeros", tmp_path / "kit")
    assert not (tmp_path / "kit").exists()


def change_size(version):
    path = version / "assets.extra" / "manifest.json"
    content = json.loads(path.read_text())
    content["files"]["saved_model.pb"]["bytes"] += 1
    write_json(path, content)


def forget_graph(version):
    path = version / "assets.extra" / "manifest.json"
    content = json.loads(path.read_text())
    del content["files"]["saved_model.pb"]
    write_json(path, content)


def rename_token(version):
    path = version / "assets.extra" / "tokenizer.json"
    path.write_text(path.read_text().replace("cls", "CLS"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            lambda version: (version / "saved_model.pb").unlink(),
            "saved_model.pb' is not the file that the manifest lists",
        ),
        (change_size, "saved_model.pb' is not the file that the manifest"),
        (forget_graph, "saved_model.pb' is not the file that the manifest"),
        (
            lambda version: shutil.rmtree(version / "variables"),
            "variables.* is not the file that the manifest lists",
        ),
        (
            lambda version: (version / "assets.extra/manifest.json").unlink(),
            "manifest.json' is missing or damaged",
        ),
        *(
            (
                lambda version, content=content: write_json(
                    version / "assets.extra" / "manifest.json", content
                ),
                "manifest.json' is missing or damaged",
            )
            for content in ([], {}, {"files": []}, {"files": {"a": 1}})
        ),
        (
            rename_token,
            "tokenizer.json' is missing or damaged",
        ),
    ],
)
def test_damaged_exports(own_export, tmp_path, damage, words):
    damage(own_export / "1")
    with pytest.raises(InputError, match=words) as error:
        deploy(own_export, tmp_path / "kit")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "kit").exists()


@pytest.mark.parametrize("content", [b"not a graph", b""])
def test_a_damaged_graph(own_export, tmp_path, content):
    path = own_export / "1" / "saved_model.pb"
    path.write_bytes(content)
    manifest = own_export / "1" / "assets.extra" / "manifest.json"
    files = json.loads(manifest.read_text())["files"]
    files["saved_model.pb"]["bytes"] = len(content)
    write_json(manifest, {"files": files})
    with pytest.raises(InputError, match="is not a SavedModel"):
        deploy(own_export, tmp_path / "kit")


def test_a_directory_that_cannot_be_written(export, tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(InputError, match="cannot be written"):
        deploy(export("demo"), tmp_path / "file" / "kit")
