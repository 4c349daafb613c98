"""One fine-tuning with several seeds: mean, spread and median run."""

import dataclasses
import statistics
from collections.abc import Callable

from training.finetune_config import FinetuneConfig
from training.report import write_metrics
from training.run_directory import RunDirectory


def run_seeds(
    config: FinetuneConfig,
    fresh: bool,
    run_one: Callable[[FinetuneConfig, bool], dict],
) -> dict:
    """Makes a run for each seed, below `run_directory`, and sums them up.

    Finished runs are skipped and an interrupted one goes on.

    Args:
        config: The configuration, with `seeds` runs from `seed` on.
        fresh: Whether earlier runs are replaced.
        run_one: Makes the run of a configuration with one seed and returns
            its metrics.

    Returns:
        What the `metrics.json` of all runs holds; its `scores` are means.

    Raises:
        InputError: Another run is there, or a run fails.
    """
    run = RunDirectory(config, {}, fresh, ("metrics.json",))
    metrics = {}
    for seed in range(config.seed, config.seed + config.seeds):
        name = f"seed{seed}"
        one = dataclasses.replace(
            config, seed=seed, seeds=1, run_directory=str(run / name)
        )
        metrics[name] = run_one(one, fresh)
        run.claim()  # not before: what was given may not be legal
    summary = summarize(metrics)
    write_metrics(summary, run / "metrics.json")
    print(table(summary))
    print(f"Wrote {run / 'metrics.json'}.")
    return summary


def summarize(metrics: dict[str, dict]) -> dict:
    """Returns the mean, the spread and the median of runs.

    Args:
        metrics: What the `metrics.json` of each run holds, by its name.

    Returns:
        A dict of `metric`; `measured_on`; `scores`, the means, and
        `standard_deviation`, both by split and name; `runs`, the scores of
        each; `median_run`, the one in the middle, of an even number the
        worse of the two there; and, of the first run, what is the same for
        all, or nearly so.
    """
    first = next(iter(metrics.values()))
    metric, last = first["metric"], first["baselines_measured_on"]
    runs = {name: one["scores"] for name, one in metrics.items()}
    ranked = sorted(runs, key=lambda name: runs[name][last][metric])
    return {
        "metric": metric,
        "measured_on": last,
        "scores": _over(runs, statistics.fmean),
        "standard_deviation": _over(runs, statistics.stdev),
        "runs": runs,
        "median_run": ranked[(len(ranked) - 1) // 2],
        "baselines": first["baselines"],
        "parameters": first["parameters"],
        "texts": first["texts"],
        "seconds": sum(one["seconds"] for one in metrics.values()),
    }


def table(summary: dict) -> str:
    """Returns the scores of runs as Markdown, a row each.

    Args:
        summary: What `summarize` returned.

    Returns:
        The lines, without a line feed at the end.
    """
    split, runs = summary["measured_on"], summary["runs"]
    names = list(summary["scores"][split])
    spread = summary["standard_deviation"][split]
    lines = [
        f"| {split} | {' | '.join(names)} |",
        "|---" * (len(names) + 1) + "|",
    ]
    for name, scores in runs.items():
        cells = [f"{scores[split][one]:.4f}" for one in names]
        note = " (median)" if name == summary["median_run"] else ""
        lines.append(f"| {name}{note} | {' | '.join(cells)} |")
    cells = [
        f"{mean:.4f} ± {spread[name]:.4f}"
        for name, mean in summary["scores"][split].items()
    ]
    lines.append(f"| mean ± deviation | {' | '.join(cells)} |")
    return "\n".join(lines)


def _over(runs: dict[str, dict], statistic) -> dict:
    first = next(iter(runs.values()))
    return {
        split: {
            name: statistic([scores[split][name] for scores in runs.values()])
            for name in first[split]
        }
        for split in first
    }
