#include "dropout.h"

#include "../base/random.h"

/* One 128-bit draw serves four elements of an image. Its index holds layer, image and element, so the numbers depend
 * neither on threads nor on blocks. */
void cvy_dropout_draw(const cvy_stage *stage, const cvy_block_random *random, float *keep) {
    const size_t elements = cvy_shape_count(stage->output);
    const uint64_t threshold = (uint64_t)(stage->rate * 0x1p32);
    const float scale = stage->rate < 1.0 ? (float)(1.0 / (1.0 - stage->rate)) : 0.0f;
    for (size_t l = 0; l < CVY_LANES; l++) {
        const uint64_t image = (uint64_t)stage->first_layer << 56 | (uint64_t)(random->first + l) << 24;
        for (size_t four = 0; 4 * four < elements; four++) {
            const cvy_random draw = cvy_random_at(random->seed, CVY_RANDOM_DROPOUT, random->step, image | four);
            for (size_t e = 4 * four, k = 0; k < 4 && e < elements; k++, e++)
                keep[e * CVY_LANES + l] = draw.u[k] >= threshold ? scale : 0.0f;
        }
    }
}
