"""What a fine-tuning run leaves: preset, pictures, model card, figures."""

from pathlib import Path

from training.answering import all_answers
from training.files import written_whole
from training.finetune_config import FinetuneConfig
from training.kinds import KINDS
from training.model_card import model_card
from training.report import draw_curves
from training.report import write_metrics
from training.run_directory import RunDirectory


def write_results(
    config: FinetuneConfig,
    model,
    record: dict,
    splits: dict,
    inputs: dict[str, str],
    run: RunDirectory,
) -> None:
    """Measures, writes preset and pictures and, last, `metrics.json`.

    Args:
        config: The configuration.
        model: The model with the weights of the best epoch.
        record: What `fit_resumably` returned.
        splits: The examples.
        inputs: Digests of the preset and the examples.
        run: Where the files go.

    Raises:
        InputError: A file cannot be written.
    """
    metrics = measure(config, model, record, splits)
    names, metric = metrics["class_names"], metrics["metric"]
    run.save_preset(model)
    with written_whole(run / "preset" / "README.md") as partial:
        card = model_card(config, model, metrics, inputs)
        partial.write_text(card, encoding="utf-8")
    history = metrics["history"]
    draw_curves(history, "epochs", run / "curves.png", ("loss", metric))
    KINDS[config.kind].draw(metrics, names, run.path)
    write_metrics(metrics, run / "metrics.json")
    print(_summary(metrics, run / "preset"))


def measure(config: FinetuneConfig, model, record: dict, splits: dict) -> dict:
    """Measures a trained model on dev and test.

    Args:
        config: The configuration.
        model: The model.
        record: What `fit_resumably` returned.
        splits: The examples.

    Returns:
        What `metrics.json` is to hold. Details are of test or, if there is
        none, of dev.
    """
    kind = KINDS[config.kind]
    names = kind.names(splits["train"])
    metric = kind.metric(config.metric, names)
    held_out = [name for name in ("dev", "test") if name in splits]
    answers = {
        name: all_answers(
            kind, splits[name], model, config.batch_size, f"Answering {name}"
        )
        for name in held_out
    }
    last = held_out[-1]
    calibration = kind.calibration(splits["dev"], answers["dev"])
    history = record["history"]
    return {
        "metric": metric,
        "scores": {
            name: kind.scores(splits[name], answers[name], names)
            for name in held_out
        },
        "baselines": kind.baselines(splits["train"], splits[last], metric),
        "baselines_measured_on": last,
        "best_epoch": 1
        + max(range(len(history)), key=lambda n: history[n][f"val_{metric}"]),
        "class_names": names,
        **calibration,
        **kind.details(splits[last], answers[last], names, model, calibration),
        "parameters": model.count_params(),
        "texts": {name: len(split) for name, split in splits.items()},
        "seconds": record["seconds"],
        "history": history,
    }


def _summary(metrics: dict, preset: Path) -> str:
    metric, last = metrics["metric"], metrics["baselines_measured_on"]
    baselines = ", ".join(
        f"{name.replace('_', ' ')} {score:.1%}"
        for name, score in metrics["baselines"].items()
    )
    return (
        f"{metric.replace('_', ' ').capitalize()} on {last}: "
        f"{metrics['scores'][last][metric]:.1%}"
        f"{f' ({baselines})' if baselines else ''}. Wrote {preset}."
    )
