#!/usr/bin/env bash
# convoy train on every format of data sets. The same images give the same weights, whatever they are read from.
. "$(dirname "$0")/tap.sh"

# train FORMAT PLACE OPTION...: trains a few steps on 100 images in that format; the weights go to $work/FORMAT.safetensors.
train() {
    python3 "$tests/make_data.py" "$work/$1" 100 40 "$1" || exit 99
    run 0 "train on $1" "$program" train --data "$work/$2" --epochs 2 --seed 1 --save "$work/$1.safetensors" "${@:3}"
    says out '^Test accuracy: '
}

train idx-sorted idx-sorted
for format in npy npz emnist png; do
    case $format in
    npz) place=npz/data.npz ;;
    emnist) place=emnist/emnist-letters ;;
    *) place=$format ;;
    esac
    train $format $place
    same "$work/$format.safetensors" "$work/idx-sorted.safetensors" "the same weights as from IDX files"
done

cat >"$work/colour.json" <<'JSON'
{"class_name": "Sequential", "config": {"name": "colour", "layers": [
{"class_name": "InputLayer", "config": {"name": "input", "batch_shape": [null, 32, 32, 3], "dtype": "float32"}},
{"class_name": "Conv2D", "config": {"name": "conv2d", "filters": 4, "kernel_size": [5, 5], "activation": "relu"}},
{"class_name": "MaxPooling2D", "config": {"name": "pool", "pool_size": [4, 4]}},
{"class_name": "Flatten", "config": {"name": "flatten"}},
{"class_name": "Dense", "config": {"name": "dense", "units": 10, "activation": "softmax"}}]}}
JSON
train cifar cifar --model "$work/colour.json"
train npz-colour npz-colour/data.npz --model "$work/colour.json"
same "$work/npz-colour.safetensors" "$work/cifar.safetensors" "the same weights from float64 as from CIFAR-10's files"
run 1 "colour images for a grey network" "$program" train --data "$work/cifar" --epochs 1
says err '^convoy: .*/cifar: images are 32 x 32 x 3, the network wants 28 x 28 x 1$'

rm "$work"/npy/*_train.npy
run 0 "evaluate needs test images only" "$program" evaluate --data "$work/npy" --weights "$work/npy.safetensors"
run 1 "train needs training images" "$program" train --data "$work/npy"
says err '^convoy: .*/npy: holds no training images, but x_test\.npy, y_test\.npy\. Convoy reads an \.npz file'
run 1 "a file that is no .npz" "$program" train --data "$work/npy/x_test.npy"
says err '^convoy: .*x_test\.npy: is no \.npz: begins with 0x934e, expected a zip archive; other formats are read from '
finish
