"""What is written at the end of a pre-training run."""

import math

from training.files import written_whole
from training.pretrain_config import PretrainConfig
from training.pretrain_costs import flops_of
from training.pretrain_costs import tokens_per_step
from training.pretrain_model import Pretraining
from training.report import draw_curves
from training.report import write_metrics
from training.run_directory import RunDirectory
from training.windows import Windows

_MASKED_LM = ("masked_lm_loss", "masked_lm_accuracy")
_DETECTION = ("disc_loss", "disc_accuracy", "disc_auc")


def write_results(
    config: PretrainConfig,
    pretraining: Pretraining,
    record: dict,
    windows: dict[str, Windows],
    run: RunDirectory,
) -> None:
    """Writes preset, curves, report and, last, `metrics.json`.

    Args:
        config: The configuration.
        pretraining: What was trained.
        record: The record of the run.
        windows: What was trained and measured on.
        run: Where the files go.

    Raises:
        InputError: They cannot be written.
    """
    with written_whole(run / "preset") as partial:
        pretraining.save_preset(partial)
    history = record["history"]
    detects = config.objective == "replaced_token_detection"
    draw_curves(
        history,
        f"rounds of {config.steps_per_round} steps",
        run / "curves.png",
        (*_MASKED_LM, *(_DETECTION if detects else ())),
    )
    figures = (_detection_figures if detects else _masked_lm_figures)(
        history[-1]
    )
    metrics = {
        **figures,
        "parameters": pretraining.backbone.count_params(),
        "train_windows": len(windows["train"]),
        "damaged_records": sum(rows.damaged for rows in windows.values()),
        "windows_seen": config.steps * config.batch_size,
        "seconds": record["seconds"],
        **_costs(config, pretraining, record),
        "history": history,
    }
    with written_whole(run / "report.md") as partial:
        partial.write_text(_report(config, metrics), encoding="utf-8")
    write_metrics(metrics, run / "metrics.json")
    print(f"{_sentence(metrics)} Wrote {run / 'preset'}.")


def _masked_lm_figures(row: dict) -> dict:
    loss = row["val_masked_lm_loss"]
    figures = {
        "validation_loss": loss,
        "validation_perplexity": math.exp(loss),
        "validation_accuracy": row["val_masked_lm_accuracy"],
    }
    name = "sentence_structure_accuracy"
    if f"val_{name}" in row:
        figures[f"validation_{name}"] = row[f"val_{name}"]
    return figures


def _detection_figures(row: dict) -> dict:
    return {
        f"validation_{name.removeprefix('val_')}": value
        for name, value in row.items()
        if name.startswith("val_")
    }


def _costs(config, pretraining, record) -> dict:
    flops = flops_of(config, pretraining, config.steps)
    seconds = record["training_seconds"]
    tokens = config.steps * tokens_per_step(config)
    return {
        "training_seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "flops": flops,
        "peak_flops": record["peak_flops"],
        "flops_utilization": flops / seconds / record["peak_flops"],
    }


def _sentence(metrics: dict) -> str:
    if "validation_disc_loss" in metrics:
        return (
            "Held-out tokens: "
            f"{metrics['validation_disc_accuracy']:.1%} rightly told from "
            f"replaced ones, area under the curve "
            f"{metrics['validation_disc_auc']:.3f}."
        )
    text = (
        f"Held-out masked tokens: {metrics['validation_accuracy']:.1%} right, "
        f"loss {metrics['validation_loss']:.3f}."
    )
    order = metrics.get("validation_sentence_structure_accuracy")
    if order is not None:
        text += f" Order of two texts: {order:.1%} right."
    return text


def _report(config, metrics) -> str:
    rows = [
        ("family and size", f"{config.model} {config.architecture}"),
        ("parameters of the encoder", f"{metrics['parameters']:,}"),
        ("objective", config.objective),
        ("steps, rows of each", f"{config.steps:,}, {config.batch_size}"),
        ("hours of training", f"{metrics['training_seconds'] / 3600:.2f}"),
        ("tokens per second", f"{metrics['tokens_per_second']:,.0f}"),
        ("operations", f"{metrics['flops']:.3g}"),
        ("share of the peak", f"{metrics['flops_utilization']:.1%}"),
        ("the peak, per second", f"{metrics['peak_flops']:.3g}"),
    ]
    if metrics["damaged_records"]:
        rows.append(("damaged records met", str(metrics["damaged_records"])))
    rows += [
        (name.replace("_", " "), f"{value:.4f}")
        for name, value in metrics.items()
        if name.startswith("validation_")
    ]
    lines = [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(
        [
            "# Pre-training",
            "",
            _sentence(metrics),
            "",
            "| what | figure |",
            "| --- | --- |",
            *lines,
            "",
            "![Curves](curves.png)",
            "",
        ]
    )
