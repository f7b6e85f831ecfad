"""Models that cannot be loaded, and what is said of them: missing, broken, hostile, adapters of others."""

import json
import shutil
from pathlib import Path

import pytest

from reasoner.engines import load_engine
from reasoner.engines.local_loading import adapter_name, find_model
from reasoner.errors import EngineError
from tests.tiny_model import make_adapter, make_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_model(folder / "qwen3")
    make_model(folder / "gpt2", "gpt2")
    make_model(folder / "other", "llama", seed=1)
    make_adapter(folder / "qwen3", folder / "run-1" / "adapter")
    return folder


def broken(models: Path, tmp_path: Path) -> Path:
    return shutil.copytree(models / "qwen3", tmp_path / "broken")


def refusal(model: str | Path, adapter: str | Path = "") -> str:
    with pytest.raises(EngineError) as caught:
        load_engine(str(model), str(adapter))
    return str(caught.value)


def test_a_missing_folder(tmp_path: Path) -> None:
    assert "no model folder" in refusal(tmp_path / "nowhere")
    assert "no config.json" in refusal(tmp_path)


def test_a_built_in_solver_without_weights_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("reasoner.engines.local_loading.BUILT_IN", str(tmp_path / "solver"))
    assert "make model" in refusal(tmp_path / "solver")


def test_a_folder_without_weights(models: Path, tmp_path: Path) -> None:
    folder = broken(models, tmp_path)
    (folder / "model.safetensors").unlink()
    assert "has no weights" in refusal(folder)
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    assert "pickled weights only" in refusal(folder)


def test_weights_that_are_cut_off_or_incomplete(models: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = broken(models, tmp_path)
    weights = load_file(folder / "model.safetensors")
    save_file({name: value for name, value in weights.items() if "mlp" not in name}, folder / "model.safetensors")
    assert "incomplete" in refusal(folder)
    (folder / "model.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{}")
    assert "cannot be loaded" in refusal(folder)


@pytest.mark.parametrize("config", ["{", "[]", '{"model_type": "no such thing"}', '{"model_type": "t5"}'])
def test_a_config_that_is_no_decoders(models: Path, tmp_path: Path, config: str) -> None:
    folder = broken(models, tmp_path)
    (folder / "config.json").write_text(config)
    assert "cannot be loaded" in refusal(folder)


def test_a_folder_without_a_tokenizer(models: Path, tmp_path: Path) -> None:
    folder = broken(models, tmp_path)
    for file in folder.glob("tokenizer*"):
        file.unlink()
    assert "no tokenizer" in refusal(folder)


def test_code_that_comes_with_a_model_is_not_run(models: Path, tmp_path: Path) -> None:
    folder = broken(models, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w')\n")
    refusal(folder)
    assert not (tmp_path / "owned").exists()


def test_a_name_that_the_hub_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "check the name and the network" in refusal("nobody/no-such-model")


def test_an_adapter_of_another_model(models: Path, tmp_path: Path) -> None:
    assert "was made for the model" in refusal(models / "other", models / "run-1" / "adapter")
    renamed = shutil.copytree(models / "gpt2", tmp_path / "qwen3")  # the same name, other layers
    assert "does not fit" in refusal(renamed, models / "run-1" / "adapter")


def test_an_adapter_that_is_not_there_or_not_finished(models: Path, tmp_path: Path) -> None:
    assert "no adapter_config.json" in refusal(models / "qwen3", tmp_path)
    folder = shutil.copytree(models / "run-1" / "adapter", tmp_path / "adapter")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    assert "adapter_model.safetensors" in refusal(models / "qwen3", folder)
    (folder / "adapter_model.bin").rename(folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text("{")
    assert "cannot be read" in refusal(models / "qwen3", folder)
    assert "leave out" in refusal(models / "run-1" / "adapter", folder)


def test_an_adapter_follows_the_built_in_solver_into_another_checkout(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here" / "assets" / "model" / "solver"
    shutil.copytree(models / "qwen3", here)
    monkeypatch.setattr("reasoner.engines.local_loading.BUILT_IN", str(here))
    folder = shutil.copytree(models / "run-1" / "adapter", tmp_path / "adapter")
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "/elsewhere/assets/model/solver"
    (folder / "adapter_config.json").write_text(json.dumps(config))
    assert find_model(str(folder)).model == str(here)
    assert find_model(str(here), str(folder)).adapter == str(folder)
    config["base_model_name_or_path"] = ""
    (folder / "adapter_config.json").write_text(json.dumps(config))
    assert "does not name its base model" in refusal(folder)


def test_an_adapter_is_called_by_its_run() -> None:
    assert adapter_name("/runs/run-3/adapter") == "run-3"
    assert adapter_name("/somewhere/lora-16") == "lora-16"
    assert adapter_name("") == ""
