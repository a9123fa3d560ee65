#!/usr/bin/env bash
# convoy verify against a golden run of Keras on real MNIST, and against damaged copies of it.
mnist=${XDG_CACHE_HOME:-$HOME/.cache}/convoy
. "$(dirname "$0")/tap.sh"
golden=$tests/../golden/lesson_20_b32.safetensors
network=$tests/../golden/lesson_20.json

if ! [ -e "$mnist/train-images-idx3-ubyte" ]; then
    skip "verify" "MNIST is not in $mnist; tools/fetch-mnist gets it"
    finish
fi

# verify CODE DESCRIPTION FILE ARGUMENT...
verify() {
    run "$1" "$2" "$program" verify "$3" --model "$network" --data "$mnist" "${@:4}"
}

verify 0 "the lesson's golden run" "$golden" --log "$work/log.csv"
for row in losses 'first gradients' 'weights after 1 step' 'weights after 10 steps' 'weights after 100 steps' \
    'weights after 200 steps' 'probabilities before training' "predictions, Keras's weights" 'predictions, own weights'; do
    says out "^$row +[0-9.]+e-[0-9]+ +[0-9.]+e-[0-9]+ +[0-9.]+e[-+][0-9]+ "
done
says out '^all within what is allowed$'
cp "$work/out" "$work/expected"
python3 - "$work/log.csv" <<'PYTHON' >"$work/printed" 2>"$work/err"
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
assert list(rows[0]) == ["step", "loss", "golden_loss", "relative_difference"] and len(rows) == 200
assert max(float(row["relative_difference"]) for row in rows) < 1.5e-5
for row in rows:
    loss, truth = float(row["loss"]), float(row["golden_loss"])
    assert abs(abs(loss - truth) / truth - float(row["relative_difference"])) < 1e-8, row
PYTHON
result $? "its log has every step"

verify 1 "another optimizer does not pass" "$golden" --optimizer adam
says err '^convoy: .*lesson_20_b32.safetensors: .* differ by .* allowed are'
says out 'BEYOND$'

# damage DESCRIPTION PATTERN EDIT: after the edit (Python on `header` and `data`) the file fails and says so.
damage() {
    python3 "$tests/edit_safetensors.py" "$golden" "$work/damaged.safetensors" "$3" || echo "# the edit failed"
    verify 1 "$1" "$work/damaged.safetensors"
    says err "^convoy: $work/damaged.safetensors: $2"
}
# Every kind of tensor is looked at: one value changed a little, in float32 and float64 alike.
for name in grad_step0/dense/kernel after_1/conv2d/bias after_10/dense_1/bias after_100/dense/kernel \
    after_200/conv2d_1/kernel probs_step0; do
    damage "$name changed" '.* differ by ' "nudge('$name@f64', '$name')"
done
damage "losses changed" 'losses differ by ' "nudge('loss_f64', 'loss_f32')"
damage "initial weights changed" '.* differ by ' "nudge('init/conv2d/kernel')"
damage "predictions changed" "predictions, Keras's weights differ by " "nudge('predict_first64_after_training')"
damage "Keras's last weights changed" "predictions, Keras's weights differ by " "nudge('after_200/dense_1/kernel')"
damage "a tensor is missing" 'no tensor "grad_step0/conv2d/bias@f64"' "remove('grad_step0/conv2d/bias@f64')"
damage "the batches are missing" 'no tensor "batches"' "remove('batches')"
damage "a shape is another" 'tensor "init/conv2d/kernel" is F32 \[5, 5, 3, 1\], expected F32 \[5, 5, 1, 3\]' \
    "header['init/conv2d/kernel']['shape'] = [5, 5, 3, 1]"
damage "a tensor of another network" 'tensor "init/conv9/kernel" belongs to no variable' \
    "header['init/conv9/kernel'] = header.pop('init/conv2d/kernel')"
damage "an image that is not there" 'step 0 wants image -1' "put('batches', -1)"
run 1 "another network" "$program" verify "$golden" --model lenet5 --data "$mnist"
says err '^convoy: .*lesson_20_b32.safetensors: tensor '

verify 0 "on the scalar tier and three threads" "$golden" --isa scalar --threads 3
sed 1d "$work/expected" >"$work/rows" && sed 1d "$work/out" >"$work/out.rows"
same "$work/rows" "$work/out.rows" "  the differences are the same"
finish
