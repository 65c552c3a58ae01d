#!/usr/bin/env bash
# One GRPO step of Qwen3-VL-8B at real size on an NVIDIA card, its weights random; see gpu_step.py.
#
#     bash benchmarks/gpu.sh                  # full fine-tuning with an 8-bit optimizer, then LoRA
#     bash benchmarks/gpu.sh --train lora     # any options of gpu_step.py
#     bash benchmarks/gpu.sh --cpu-small      # the same on a CPU at a small size; also where there is no card
#
# Needs torch and transformers alone. PYTHON says which Python; python3 if unset.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH="trainers/src${PYTHONPATH:+:$PYTHONPATH}" HF_HUB_OFFLINE=1
python=${PYTHON:-python3}

if command -v nvidia-smi >/dev/null; then
    nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
elif [[ " $* " != *" --cpu-small "* ]]; then
    echo "no NVIDIA card: at a small size on the CPU"
    set -- --cpu-small "$@"
fi
if [[ " $* " == *" --train "* ]]; then
    exec "$python" benchmarks/gpu_step.py "$@"
fi
"$python" benchmarks/gpu_step.py --train full "$@"
"$python" benchmarks/gpu_step.py --train lora "$@"
