#!/usr/bin/env bash
# convoy convert, and Keras's files wherever a file of weights or a network is asked for.
. "$(dirname "$0")/tap.sh"
golden=$tests/../golden/keras

if ! "$program" convert "$golden/functional_adam.keras" "$work/probe.safetensors" >"$work/out" 2>"$work/err" &&
    grep -q libhdf5-103-1 "$work/err"; then
    skip "Keras's files" "the module convoy-hdf5.so is not built"
    finish
fi

# ---- There and back: the weights stay the same, bit for bit.

for name in functional_adam sequential_rmsprop sequential_sgd; do
    run 0 "$name.keras to safetensors" "$program" convert "$golden/$name.keras" "$work/first.safetensors"
    says out '^.*first\.safetensors: [0-9]+ parameters'
    for end in keras h5; do
        run 0 "$name: safetensors to .$end" "$program" convert "$work/first.safetensors" "$work/x.$end"
        run 0 "$name: .$end to safetensors" "$program" convert "$work/x.$end" "$work/second.safetensors" \
            --model "$work/first.safetensors"
        same "$work/first.safetensors" "$work/second.safetensors" "  the same file"
    done
    run 0 "$name: .h5 to .keras" "$program" convert "$golden/$name.h5" "$work/x.keras"
    says out 'after 4 steps of its optimizer$'
    run 0 "$name: .weights.h5 with a network" "$program" convert "$golden/$name.weights.h5" "$work/x.weights.h5" \
        --model "$golden/$name.keras"
    says out 'after 4 steps of its optimizer$'
done

# ---- Other commands.

run 0 "summary of a .keras file" "$program" summary --model "$golden/functional_adam.keras"
says out 'hidden \(Dense\)'
run 0 "train --save x.keras" "$program" train --data "$data" --epochs 1 --save "$work/lesson.keras"
run 0 "evaluate --weights x.keras" "$program" evaluate --data "$data" --weights "$work/lesson.keras"
cp "$work/out" "$work/expected"
run 0 "to safetensors" "$program" convert "$work/lesson.keras" "$work/lesson.safetensors"
run 0 "evaluate the safetensors" "$program" evaluate --data "$data" --weights "$work/lesson.safetensors"
same "$work/out" "$work/expected" "  the same accuracy"

# ---- What goes wrong.

run 2 "no OUT" "$program" convert "$golden/functional_adam.keras"
says err '^convoy: OUT: missing$'
run 2 "a third operand" "$program" convert a b c
says err '^convoy: c: unexpected argument$'
run 1 "weights without a network" "$program" convert "$golden/functional_adam.weights.h5" "$work/x.keras"
says err 'functional_adam\.weights\.h5: holds weights, but no network'
run 1 "another network" "$program" convert "$golden/functional_adam.keras" "$work/x.keras" --model lesson
says err 'its weights are not the network.s: it holds 6 arrays'
head -c 30000 "$golden/functional_adam.keras" >"$work/cut.keras"
run 1 "a .keras file cut short" "$program" convert "$work/cut.keras" "$work/x.keras"
says err "^convoy: $work/cut.keras: "
head -c 20000 "$golden/functional_adam.h5" >"$work/cut.h5"
run 1 "an .h5 file cut short" "$program" convert "$work/cut.h5" "$work/x.keras"
says err "^convoy: $work/cut.h5: is cut short: 20000 of [0-9]+ bytes"
printf '\x1f\x8b0000000000' >"$work/x.gz"
run 1 "a gzipped file" "$program" convert "$work/x.gz" "$work/x.keras"
says err 'is a gzipped file; expected safetensors'
run 1 "deskewed images" "$program" train --data "$data" --images 32 --preprocess deskew --save "$work/deskewed.keras"
says err 'preprocessing deskew cannot be written as a layer of Keras; .safetensors can hold it'
finish
