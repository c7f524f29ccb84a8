"""The pipeline file: YAML text in, a `PipelineSpec` or everything that is wrong with it out; `file` is the door."""
