#!/usr/bin/env bash
# The quickstart experiment without Ladle: one process per stage, one mergekit command per merge, one scoring.
# usage: benchmarks/chain/run.sh OUT [SEED]
set -euo pipefail

out=$(mkdir -p "$1" && cd "$1" && pwd)
seed=${2:-42}
python=${PYTHON:-python}
merge=${MERGEKIT:-mergekit-yaml}
cd "$(dirname "$0")"

export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 TRL_EXPERIMENTAL_SILENCE=1 TOKENIZERS_PARALLELISM=false
export HF_HOME="$out/cache" HF_DATASETS_DISABLE_PROGRESS_BARS=1 TRANSFORMERS_VERBOSITY=error
: >"$out/seconds.tsv"

stage() { # name, command...: run it and note its wall seconds
  local name=$1 begin
  shift
  begin=$EPOCHREALTIME
  "$@" >"$out/$name.log" 2>&1 || { tail -n 20 "$out/$name.log" >&2; exit 1; }
  awk -v name="$name" -v begin="$begin" -v end="$EPOCHREALTIME" \
    'BEGIN { printf "%s\t%.1f\n", name, end - begin }' | tee -a "$out/seconds.tsv"
}

slerp() { # name, first, second
  cat >"$out/$1.yaml" <<YAML
merge_method: slerp
base_model: $out/$2
models:
  - model: $out/$2
  - model: $out/$3
parameters:
  t: 0.5
dtype: float32
YAML
  stage "$1" "$merge" "$out/$1.yaml" "$out/$1" --no-write-model-card --quiet
}

lerp() { # name, first, second
  cat >"$out/$1.yaml" <<YAML
merge_method: linear
models:
  - model: $out/$2
    parameters: {weight: 0.5}
  - model: $out/$3
    parameters: {weight: 0.5}
dtype: float32
YAML
  stage "$1" "$merge" "$out/$1.yaml" "$out/$1" --no-write-model-card --quiet
}

stage blank "$python" start.py "$out/blank" --seed "$seed"
stage base "$python" text.py "$out/blank" base.jsonl "$out/base" --steps 300 --lr 3e-3 --seed "$seed"
stage instruct "$python" chat.py "$out/base" instruct.jsonl "$out/instruct" --steps 180 --lr 7e-4 --seed "$seed"
stage cpt "$python" text.py "$out/base" cpt.jsonl "$out/cpt" --steps 150 --lr 1.2e-3 --seed "$seed"
stage cpt-sft "$python" chat.py "$out/cpt" sft.jsonl "$out/cpt-sft" --steps 60 --lr 3e-4 --seed "$seed"
for method in "orpo 0.5" "dpo 0.1"; do
  read -r name beta <<<"$method"
  stage "cpt-sft-$name" "$python" pairs.py "$name" "$out/cpt-sft" preferences.jsonl "$out/cpt-sft-$name" \
    --steps 40 --lr 1e-4 --beta "$beta" --seed "$seed"
done
trained="cpt cpt-sft cpt-sft-orpo cpt-sft-dpo"
for name in $trained; do
  slerp "$name-slerp" instruct "$name"
done
lerp cpt-sft-orpo-lerp instruct cpt-sft-orpo
models="base instruct $trained"
for name in $trained; do
  models="$models $name-slerp"
done
cd "$out"
# shellcheck disable=SC2086
stage score "$python" "$OLDPWD/score.py" blank scores.json $models cpt-sft-orpo-lerp
cat score.log
