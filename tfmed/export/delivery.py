"""`saved_model`: a trained run handed over, proven equal to what was trained."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmed import log
from tfmed.data.dataset import Dataset
from tfmed.export import card, card_text, parity, tflite
from tfmed.export.load import Exported
from tfmed.export.release import release, versions
from tfmed.export.runner import latency_ms
from tfmed.export.saved_model import write as write_saved_model
from tfmed.planning import dumps
from tfmed.run import Run, write_text
from tfmed.training import Study, open_study

OUT_OF_FOLD = (
    "The scores are out of fold: each is of one fold's network, and the exported model is the "
    "mean of all of them, which itself was scored on no examples."
)


def saved_model(run: Run | Study, base: str | Path) -> Path:
    """Export a trained run: SavedModel, TFLite files, card, checksums.

    The written files are compared with the live model on the run's own scans before the version
    is visible. Its card is left in the run too, as `card.json` and `card.md`.

    Args:
        run: whose training has finished, opened or not; its `scores.json`, if there, goes into
            the card.
        base: the model's folder, `savedmodels/NAME`.

    Returns:
        The new version's folder, `savedmodels/NAME/VERSION`.

    Raises:
        DataError: the run is not trained.
        ExportError: an exported form does not answer as the live model, or `base` cannot be
            written.
    """
    study, base = run if isinstance(run, Study) else open_study(run), Path(base)
    predictor = study.predictor
    log.info(f"exporting to {base}")
    with release(base) as draft:
        folder = draft.folder / "tflite"
        write_saved_model(predictor, draft.folder)
        converted = tflite.write(predictor, folder, study.task.samples(study))
        files = {variant: folder / f"{variant}.tflite" for variant in converted.bytes}
        variants = _variants(study, files, converted)
        exported = Exported(draft.folder, predictor.describe())
        made = _card(study, base.name, variants, study.task.proof(study, exported, files))
        card.write(draft.folder, made)
        # Before the version is visible, so that `written` knows it whenever this is killed.
        study.run.write_json(card.NAME, made)
        write_text(study.run.path("card.md"), card_text.markdown(made))
    assert draft.path is not None
    return draft.path


def written(run: Run, base: str | Path) -> Path | None:
    """The version under `base` that the run's card tells of; None where there is none.

    The card has latencies that were measured for it, so no two exports have the same.
    """
    if not run.has(card.NAME):
        return None
    own = run.read_json(card.NAME)
    for version in reversed(versions(Path(base))):
        folder = Path(base) / str(version)
        if (folder / card.NAME).is_file() and Run(folder).read_json(card.NAME) == own:
            return folder
    return None


def _card(
    study: Study,
    name: str,
    variants: dict[str, dict[str, Any]],
    proof: list[parity.Row],
) -> dict[str, Any]:
    predictor = study.predictor
    scores = study.run.read_json("scores.json") if study.run.has("scores.json") else {}
    # A cross-validation's own test part was answered by what is exported: that is its score.
    scores = {**scores.get("test", scores), "threshold": predictor.threshold}
    pooled = len(study.members) > 1 and scores.get("split") != "test"
    plan = hashlib.sha256(dumps(study.plan).encode()).hexdigest()
    return card.make(
        predictor,
        name,
        data=_provenance(study.dataset),
        image=_image_facts(study.dataset),
        scores=scores,
        tflite=variants,
        parity=proof,
        provenance={"plan_sha256": plan},
        limits=[OUT_OF_FOLD, *predictor.limits] if pooled else predictor.limits,
    )


def _variants(
    study: Study, files: Mapping[str, Path], converted: tflite.Converted
) -> dict[str, dict[str, Any]]:
    """Size, latency and scores of each TFLite file."""
    scores = study.task.file_scores(study, files)
    found: dict[str, dict[str, Any]] = {
        variant: {
            "bytes": converted.bytes[variant],
            "latency_ms": round(latency_ms(file), 3),
            **scores.get(variant, {}),
            **({"note": converted.notes[variant]} if variant in converted.notes else {}),
        }
        for variant, file in files.items()
    }
    return found | {variant: {"failed": why} for variant, why in converted.failed.items()}


def _provenance(dataset: Dataset) -> dict[str, Any]:
    """What the card may say of the data."""
    table = dataset.table[dataset.table["split"] != ""]
    return {
        "name": dataset.name,
        **dataset.facts,
        "examples": table["split"].value_counts().to_dict(),
        "patients": table.groupby("split")["patient"].nunique().to_dict(),
        "rejected": len(dataset.rejects),
    }


def _image_facts(dataset: Dataset) -> dict[str, Any]:
    table = dataset.table
    spacing = table[["row_spacing_mm", "column_spacing_mm"]].median()
    return {
        "modality": ", ".join(sorted({value for value in table["modality"] if value})),
        "units": ", ".join(sorted({value for value in table["units"] if value})),
        "spacing_mm": None if spacing.isna().any() else [round(float(s), 4) for s in spacing],
    }
