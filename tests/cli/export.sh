#!/usr/bin/env bash
# Networks as C source and as ONNX models: every compiler that is here takes the source, and its head is right.
. "$(dirname "$0")/tap.sh"
strict=(-std=c99 -Os -Wall -Wextra -pedantic -Werror -c)
arm=(arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard)

run 0 "the lesson as C" "$program" train --data "$data" --epochs 1 --save "$work/lesson.c"
run 0 "a recipe as C" "$program" train --data "$data" --recipe fast-97.7 --save "$work/recipe.c"
run 0 "LeNet-5 as C" "$program" train --data "$data" --epochs 1 --model lenet5 --save "$work/lenet5.c"
grep -q 'deskew,center_crop=24x24,.*average_pooling=2x2,image_size=28x28, which predict' "$work/recipe.c"
result $? "the recipe's head says its preprocessing"
run 0 "the lesson as ONNX" "$program" train --data "$data" --epochs 1 --save "$work/lesson.onnx"
run 1 "a recipe that deskews as ONNX" "$program" train --data "$data" --recipe fast-97.7 --save "$work/recipe.onnx"
says err "^convoy: $work/recipe.onnx: deskew has no operator in ONNX"
[ ! -e "$work/recipe.onnx" ]
result $? "  no file is left"

for network in lesson recipe lenet5; do
    for compiler in cc gcc clang; do
        if ! command -v $compiler >/dev/null; then
            skip "$network.c by $compiler" "$compiler is not installed"
            continue
        fi
        run 0 "$network.c by $compiler" $compiler "${strict[@]}" -o "$work/$network.o" "$work/$network.c"
        nm -u "$work/$network.o" | grep -vE ' (mem(cpy|set)|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail)$' >"$work/out"
        [ ! -s "$work/out" ]
        result $? "  it calls nothing"
    done
    if ! command -v "${arm[0]}" >/dev/null; then
        skip "$network.c for a Cortex-M4" "${arm[0]} is not installed"
        continue
    fi
    run 0 "$network.c for a Cortex-M4" "${arm[@]}" "${strict[@]}" -o "$work/$network.o" "$work/$network.c"
    run 0 "  its size" arm-none-eabi-size "$work/$network.o"
    read -r text _ bss _ < <(sed 1d "$work/out")
    weights=$(sed -nE 's/^ \* Flash +([0-9]+) bytes.*/\1/p' "$work/$network.c")
    buffers=$(sed -nE 's/^ \* RAM +([0-9]+) bytes.*/\1/p' "$work/$network.c")
    [ "$bss" -eq "$buffers" ] && [ "$text" -gt "$weights" ] && [ "$text" -lt $((weights + 4096)) ]
    result $? "  RAM and flash are what the head says"
done
finish
