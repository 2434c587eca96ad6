"""The clean evaluation: a model rebuilt from stock layers, scored where no submitted code ever ran."""
