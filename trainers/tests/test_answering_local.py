"""A local model's answers depend on the question alone, and what questions share is computed once."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from asking import GREEDY, SAMPLED, about, alike, asked
from peft import LoraConfig, get_peft_model
from tiny_families import save_llava, save_llava_onevision, save_qwen2_5, save_qwen3_moe
from tiny_questions import questions, random_clip
from transformers import GenerationConfig

from videossr import ConfigError, Sample
from videossr.completion import said
from videossr_trainers.answering import Asked, Decoding
from videossr_trainers.answering.cost import Spent
from videossr_trainers.answering.drawing import OwnDraws
from videossr_trainers.answering.families import metadata
from videossr_trainers.answering.local import LocalAnswerer
from videossr_trainers.answering.sitting import Sitting, Usage
from videossr_trainers.engine.encoding import PromptBatch, PromptEncoder, place_holders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def texts(
    answerer: LocalAnswerer, samples: Iterable[Sample], decoding: Decoding
) -> list[tuple[str, ...]]:
    """The answers' texts, in the order in which they came."""
    return [
        tuple(answer.text for answer in answers)
        for _, answers in answerer.answer(asked(samples), decoding)
    ]


@pytest.fixture
def answerer(tiny_folder: Path) -> LocalAnswerer:
    """The tiny model."""
    return LocalAnswerer.load(str(tiny_folder), batch_size=8)


@pytest.mark.parametrize("decoding", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_answers_depend_on_the_question_alone(answerer: LocalAnswerer, decoding: Decoding) -> None:
    """Asked one at a time, by three or eight, forwards or backwards: each key has the same texts."""
    asked_here = list(asked(alike()))
    found = []
    for batch_size, order in ((1, 1), (3, 1), (8, 1), (8, -1)):
        answerer.batch_size = answerer._most = batch_size
        answers = answerer.answer(asked_here[::order], decoding)
        found.append({one.key: [answer.text for answer in said] for one, said in answers})
    assert len(asked_here) == len(found[0])
    assert [found[0]] * 4 == found
    assert len({tuple(said) for said in found[0].values()}) > len(asked_here) // 2


@pytest.mark.parametrize("save", [None, save_qwen3_moe], ids=["dense", "mixture of experts"])
def test_greedy_answers_are_those_of_the_stock_model(
    tiny_folder: Path, tmp_path: Path, save: Callable[[Path], Path] | None
) -> None:
    """What the stock `generate` answers to each whole prompt by itself, sharing or not."""
    answerer = LocalAnswerer.load(str(save(tmp_path) if save else tiny_folder), batch_size=8)
    model, processor = answerer.model, answerer.processor
    stock = []
    for prompt in PromptEncoder(processor).encode(alike()):
        batch = PromptBatch.of([prompt], model, processor.tokenizer.pad_token_id)
        sequences = model.generate(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            mm_token_type_ids=batch.token_types,
            generation_config=GenerationConfig(
                max_new_tokens=6,
                do_sample=False,
                suppress_tokens=place_holders(processor),
                pad_token_id=processor.tokenizer.pad_token_id,
                eos_token_id=model.generation_config.eos_token_id,
            ),
            **batch.vision,
        )
        row = sequences[0, batch.input_ids.shape[1] :]
        stock.append((said(processor.tokenizer.decode(row, skip_special_tokens=True)),))
        model.model.rope_deltas = None
    assert stock == texts(answerer, alike(), GREEDY)
    assert answerer.throughput.spared_tokens > 0


def test_a_video_goes_through_the_tower_once(
    answerer: LocalAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five questions about one video show the vision tower as many patches as one question does."""
    seen = []
    tower = answerer.model.model.visual
    stock = tower.forward

    def counted(pixels: torch.Tensor, *args: object, **kwargs: object) -> object:
        seen.append(len(pixels))
        return stock(pixels, *args, **kwargs)

    monkeypatch.setattr(tower, "forward", counted)
    samples = about([random_clip(0)], "When?", "Where?", "In which order?", "Which?", "How many?")
    texts(answerer, samples, GREEDY)
    # By hand: 4 frames of 32 x 64 pixels are 2 pairs of 2 x 4 patches.
    assert [16] == seen


def test_shared_tokens_are_counted(answerer: LocalAnswerer) -> None:
    """All up to the first token that differs, for each question but the first of those that share."""
    samples = about([random_clip(0)], "When?", "Where?", "Where?")
    prompts = [p.input_ids.tolist() for p in PromptEncoder(answerer.processor).encode(samples)]
    differs = next(i for i, (a, b) in enumerate(zip(*prompts[:2], strict=False)) if a != b)
    texts(answerer, samples, GREEDY)
    assert 2 * differs == answerer.throughput.spared_tokens
    assert sum(map(len, prompts)) == answerer.throughput.prompt_tokens


def test_a_template_that_tells_early_what_comes_later_forbids_sharing(
    answerer: LocalAnswerer,
) -> None:
    """Where the prompts' tokens part before the video's end, each is computed by itself."""
    answerer.processor.chat_template = (
        "{{ messages[0].content[-1].text }}" + answerer.processor.chat_template
    )
    samples = about([random_clip(0)], "When?", "In which order?")
    alone = [texts(answerer, [sample], GREEDY)[0] for sample in samples]
    assert alone == texts(answerer, samples, GREEDY)
    assert answerer.throughput.spared_tokens == 0


def test_sharing_by_times_alone_would_be_noticed(
    answerer: LocalAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparisons above can fail: taking clips of equal times for the same changes answers."""
    right = texts(answerer, alike(), GREEDY)
    monkeypatch.setattr(
        "videossr_trainers.answering.prefixes.clip_digest", lambda clip: str(clip.times.tolist())
    )
    assert right != texts(answerer, alike(), GREEDY)


def test_answers_to_one_question_vary_and_the_first_stay(answerer: LocalAnswerer) -> None:
    """Three answers differ; asked for two, they are the first two; another seed gives others."""
    three = texts(answerer, alike(), SAMPLED)
    two = texts(answerer, alike(), replace(SAMPLED, answers=2))
    assert [said[:2] for said in three] == two
    assert all(len(set(said)) == 3 for said in three)
    other = texts(answerer, alike(), replace(SAMPLED, seed=5))
    assert not {said for row in three for said in row} & {said for row in other for said in row}


def test_tokens_are_drawn_as_softmax_says() -> None:
    """Over 20,000 rows the shares are those of softmax at the temperature, and one token is left.

    To within five standard deviations: 5 x sqrt(0.25 / 20,000) = 0.018 at most.
    """
    scores = torch.tensor([1.0, *[0.0] * 8, -torch.inf]).expand(20_000, -1)
    drawn = OwnDraws(list(range(20_000)), 0.5, torch.device("cpu"))(torch.empty(0), scores)
    shares = drawn.argmax(1).bincount(minlength=10) / 20_000
    torch.testing.assert_close(shares, (scores[0] / 0.5).softmax(0), rtol=0, atol=0.018)
    assert bool((drawn.isfinite().sum(1) == 1).all())


def test_many_greedy_answers_are_one(answerer: LocalAnswerer) -> None:
    """At temperature 0 the answer is worked out once, and given as often as was asked for."""
    once = texts(answerer, questions(), GREEDY)
    spent = answerer.throughput.completion_tokens
    assert [said * 4 for said in once] == texts(answerer, questions(), replace(GREEDY, answers=4))
    assert 2 * spent == answerer.throughput.completion_tokens


@pytest.mark.parametrize("decoding", [replace(GREEDY, answers=3), SAMPLED], ids=["greedy", "drawn"])
def test_a_prompt_is_charged_once(answerer: LocalAnswerer, decoding: Decoding) -> None:
    """However many answers it has; what is worked out once is counted once."""
    ((_, answers),) = answerer.answer(asked(questions()[:1]), decoding)
    (prompt,) = PromptEncoder(answerer.processor).encode(questions()[:1])
    assert [len(prompt.input_ids), 0, 0] == [answer.prompt_tokens for answer in answers]
    worked_out = 3 if decoding.temperature else 1
    assert worked_out == sum(bool(answer.completion_tokens) for answer in answers)


def test_draws_follow_the_content(answerer: LocalAnswerer) -> None:
    """The same question under another name gets the same answers."""
    (sample,) = questions()[:1]
    first, second = (
        [answer.text for _, answers in answerer.answer([one], SAMPLED) for answer in answers]
        for one in (Asked("here", sample), Asked("there", replace(sample, answer="9")))
    )
    assert first == second


def test_thoughts_are_no_answer(answerer: LocalAnswerer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither they nor tags are in the text, as of a server's model; a cut end is noted."""
    spoken = ["<think>A? No.</think>\n<answer>B</answer>"]
    monkeypatch.setattr(
        answerer.processor.tokenizer, "batch_decode", lambda *_args, **_options: spoken
    )
    ((_, (answer,)),) = answerer.answer(asked(questions()[:1]), GREEDY)
    assert ("B", 6, True) == (answer.text, answer.completion_tokens, answer.truncated)


def test_order_is_kept_and_few_questions_are_held(answerer: LocalAnswerer) -> None:
    """Questions about one video are put together across others, yet reported in order.

    At any time at most four batches of questions are drawn and not yet reported.
    """
    answerer.batch_size = answerer._most = 2
    shared, drawn = random_clip(0), []

    def counted() -> Iterator[Asked]:
        for number in range(30):
            drawn.append(number)
            clip = random_clip(number) if number % 3 else shared
            yield Asked(str(number), *about([clip], f"When {number}?"))

    keys, held = [], []
    for one, _ in answerer.answer(counted(), GREEDY):
        held.append(len(drawn) - len(keys))
        keys.append(one.key)
    assert [str(number) for number in range(30)] == keys
    assert max(held) <= 8
    assert answerer.throughput.spared_tokens > 0


def lack_memory(
    answerer: LocalAnswerer, monkeypatch: pytest.MonkeyPatch, *, rows: int = 99, tokens: int = 9999
) -> None:
    """Make the model run out of memory with more rows or longer ones than these."""
    stock = answerer.model.forward

    @functools.wraps(stock)  # generate looks at the signature
    def forward(*args: object, **kwargs: torch.Tensor) -> object:
        if kwargs["input_ids"].shape[0] > rows or kwargs["input_ids"].shape[1] > tokens:
            raise torch.OutOfMemoryError("tried to allocate 2.00 GiB\nand more")
        return stock(*args, **kwargs)

    monkeypatch.setattr(answerer.model, "forward", forward)


def test_a_batch_that_does_not_fit_is_halved(
    answerer: LocalAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers are those of small batches, and the next batches are as small."""
    samples = [*questions(), *questions()]
    right = texts(answerer, samples, GREEDY)
    answerer.batch_size = answerer._most = 4
    lack_memory(answerer, monkeypatch, rows=2)
    with pytest.warns(UserWarning, match="4 questions at once: out of memory: .* with 2 at once"):
        assert right == texts(answerer, samples, GREEDY)
    assert answerer.throughput.halvings == 1


def test_a_question_that_does_not_fit_alone_fails_by_itself(
    answerer: LocalAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported with the reason, and the rest is answered."""
    short, long = (
        about([random_clip(0)], "When?")[0],
        about([random_clip(1, frames=24)], "When?")[0],
    )
    right = texts(answerer, [short], GREEDY)
    lack_memory(answerer, monkeypatch, tokens=60)
    with pytest.warns(UserWarning, match="out of memory"):
        answers = [said for _, (said,) in answerer.answer(asked([short, long, short]), GREEDY)]
    assert ["out of memory: tried to allocate 2.00 GiB"] == [
        a.failure for a in answers if a.failure
    ]
    assert [right[0][0], "", right[0][0]] == [answer.text for answer in answers]
    assert (4, 1) == (answerer.throughput.questions, answerer.throughput.failures)


def test_a_prompt_beyond_the_context_fails_with_the_numbers(answerer: LocalAnswerer) -> None:
    """Such a question is not asked, its neighbours are."""
    answerer.model.config.text_config.max_position_embeddings = 100
    samples = [*about([random_clip(0)], "When?"), *about([random_clip(1, frames=24)], "When?")]
    length = len(PromptEncoder(answerer.processor).encode(samples)[1].input_ids)
    first, second = (said for _, (said,) in answerer.answer(asked(samples), GREEDY))
    assert first.failure is None
    assert second.failure == (
        f"a prompt of {length} tokens and an answer of up to 6 do not fit into the model's context of "
        "100: show fewer or smaller frames"
    )


def test_tokens_and_time_are_accounted_for(answerer: LocalAnswerer) -> None:
    """Tokens are those of the answers, a prompt's once for all of its own; shares do not exceed the whole."""
    sitting, spent = Sitting(answerer), Spent()
    for _, answers in sitting.answer(asked(alike()), SAMPLED):
        spent += Spent.on(answers)
    found = answerer.throughput
    assert found.questions == len(alike())
    assert (found.prompt_tokens, found.completion_tokens) == (
        spent.prompt_tokens,
        spent.completion_tokens,
    )
    usage = sitting.usage
    assert (len(alike()), spent, found) == (usage.questions, usage.asked, usage.throughput)
    assert usage.seconds >= found.model_seconds
    assert (usage, None) == Usage.read(json.loads(json.dumps(usage.tree())))
    both = usage + usage
    assert (spent + spent, usage.seconds) == (both.asked, both.seconds)
    assert "in the model" in both.in_words()
    assert 0 < found.rendering_seconds + found.model_seconds <= found.seconds
    assert "questions a second" in str(found)


def test_an_answers_length_has_its_end_in_it(answerer: LocalAnswerer) -> None:
    """A model that ends at once has answered with one token and no text."""
    end = answerer.processor.tokenizer.eos_token_id
    others = [token for token in range(len(answerer.processor.tokenizer)) if token != end]
    answerer._family._forbidden += others
    ((_, (answer,)),) = answerer.answer(asked(questions()[:1]), GREEDY)
    assert ("", 1, False) == (answer.text, answer.completion_tokens, answer.truncated)


# Other families


@pytest.fixture(params=[save_qwen2_5, save_llava_onevision], ids=["qwen2.5", "llava onevision"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> LocalAnswerer:
    """A model that is read through its own processor."""
    return LocalAnswerer.load(str(request.param(tmp_path)), batch_size=3)


@pytest.mark.filterwarnings("ignore:.*videos? cost far more tokens")
def test_other_families_answer_as_their_stock_model(other: LocalAnswerer) -> None:
    """Greedy answers are what processor and `generate` give; sampled ones vary, and come back."""
    model, processor = other.model, other.processor
    (sample,) = about([random_clip(0)], "When?")
    inputs = processor(
        text=processor.apply_chat_template(list(sample.prompt), add_generation_prompt=True),
        videos=[sample.clips[0].frames],
        video_metadata=[metadata(sample.clips[0])],
        do_sample_frames=False,
        return_tensors="pt",
    )
    sequences = model.generate(
        **inputs,
        max_new_tokens=6,
        do_sample=False,
        suppress_tokens=other._family._forbidden,
    )
    row = sequences[0, inputs["input_ids"].shape[1] :]
    stock = said(processor.tokenizer.decode(row, skip_special_tokens=True))
    found = texts(other, [*questions(), sample], GREEDY)
    assert stock == found[-1][0]
    sampled = texts(other, [*questions(), sample], SAMPLED)
    assert all(len(set(said)) == 3 for said in sampled)
    other.batch_size = other._most = 1
    assert sampled == texts(other, [*questions(), sample], SAMPLED)


def test_metadata_gives_processors_the_real_times() -> None:
    """Uneven times come out as they are, and the rate is the mean one: 3 gaps in 6 seconds."""
    clip = replace(random_clip(0), times=torch.tensor([2.0, 2.5, 4.0, 8.0], dtype=torch.float64))
    told = metadata(clip)
    assert told.timestamps == pytest.approx([2.0, 2.5, 4.0, 8.0])
    assert told.sampled_fps == pytest.approx(0.5)


# Loading


def test_a_model_that_takes_no_video_is_refused(tmp_path: Path) -> None:
    """By the class's own word, before anything is asked."""
    folder = save_llava(tmp_path)
    with pytest.raises(ConfigError, match="LlavaForConditionalGeneration takes image, text and no"):
        LocalAnswerer.load(str(folder))


def test_nothing_under_that_name(tmp_path: Path) -> None:
    """A wrong name is a mistake in the option, with the reason."""
    with pytest.raises(ConfigError, match=r"--model .*nothing' cannot be loaded: no such folder;"):
        LocalAnswerer.load(str(tmp_path / "nothing"))


def adapter(tiny_folder: Path, folder: Path) -> Path:
    """A LoRA adapter of random weights, without a processor of its own."""
    base = LocalAnswerer.load(str(tiny_folder)).model
    torch.manual_seed(0)
    wrapped = get_peft_model(
        base, LoraConfig(target_modules=["q_proj", "v_proj"], r=4, init_lora_weights=False)
    )
    wrapped.save_pretrained(folder)
    return folder


def test_an_adapter_answers_otherwise_than_its_base(tiny_folder: Path, tmp_path: Path) -> None:
    """Its folder is enough: the base and the processor are found through it, sharing works in it."""
    base = LocalAnswerer.load(str(tiny_folder))
    adapted = LocalAnswerer.load(str(adapter(tiny_folder, tmp_path)), batch_size=8)
    samples = alike()
    assert texts(base, samples, GREEDY) != texts(adapted, samples, GREEDY)
    together = texts(adapted, samples, SAMPLED)
    adapted.batch_size = adapted._most = 1
    assert together == texts(adapted, samples, SAMPLED)
    assert base.identity != adapted.identity


def test_an_adapter_without_its_base_says_so(tiny_folder: Path, tmp_path: Path) -> None:
    """The error names the base that is missing, and whose it is."""
    moved = tmp_path / "base"
    shutil.copytree(tiny_folder, moved)
    folder = adapter(moved, tmp_path / "adapter")
    shutil.rmtree(moved)
    with pytest.raises(ConfigError, match=r"/base', the base of the adapter .*cannot be loaded"):
        LocalAnswerer.load(str(folder))


def test_identity_is_the_content(tiny_folder: Path, tmp_path: Path) -> None:
    """A copy elsewhere is the same model, another precision or other weights another."""
    name = tmp_path / "copy"
    shutil.copytree(tiny_folder, name)
    here = LocalAnswerer.load(str(tiny_folder), batch_size=2)
    assert here.identity == LocalAnswerer.load(str(name)).identity
    assert here.identity != LocalAnswerer.load(str(name), precision="bfloat16").identity
    weights = name / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    assert here.identity != LocalAnswerer.load(str(name)).identity
    assert "form" in json.loads(here.identity)
    with pytest.raises(ValueError, match="identity: none was given"):
        _ = LocalAnswerer(here.model, here.processor).identity


def test_half_precision_answers(tiny_folder: Path) -> None:
    """In bfloat16 every question is answered, whatever it shares."""
    answerer = LocalAnswerer.load(str(tiny_folder), precision="bfloat16", batch_size=8)
    assert answerer.model.dtype == torch.bfloat16
    answers = [said for _, said in answerer.answer(asked(alike()), SAMPLED)]
    assert all(answer.failure is None for said in answers for answer in said)


# Several processes


@pytest.mark.slow
def test_processes_share_the_work(tiny_folder: Path, tmp_path: Path) -> None:
    """Two processes ask each question once; the main one has all answers, in order.

    Of five questions the shares are two and three; of a single one, none and one.
    """
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    folder = Path(__file__).parent
    ran = subprocess.run(
        [*launcher, folder / "ask_on_two.py", tiny_folder, tmp_path, "5", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)},
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    alone = LocalAnswerer.load(str(tiny_folder))
    for count in (5, 1):
        expected = [list(said) for said in texts(alone, alike()[:count], SAMPLED)]
        assert expected == json.loads((tmp_path / f"{count}.json").read_text())
        shares = [json.loads((tmp_path / f"{count}of{rank}.json").read_text()) for rank in (0, 1)]
        assert [count // 2, count - count // 2] == [len(share) for share in shares]
        assert [f"question {i}" for i in range(count)] == [key for share in shares for key in share]
