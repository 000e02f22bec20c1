"""One file a pipeline: a Config, a `run` and a two-line `main`."""

PIPELINES = {
    "index": "tfmed.pipelines.index:main",
    "measure": "tfmed.pipelines.measure:main",
    "classify": "tfmed.pipelines.classify:main",
    "regress": "tfmed.pipelines.regress:main",
    "segment": "tfmed.pipelines.segment:main",
    "predict": "tfmed.pipelines.predict:main",
    "evaluate": "tfmed.pipelines.evaluate:main",
    "explain": "tfmed.pipelines.explain:main",
    "export": "tfmed.pipelines.export:main",
}
