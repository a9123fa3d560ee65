#include "trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/memory.h"
#include "../model/block.h"
#include "reduce.h"
#include "team.h"
#include "topology.h"

/* What became of one block. */
typedef struct cvy_tally {
    double loss;
    size_t correct;
} cvy_tally;

/* A thread's own things; nobody else writes them. */
typedef struct cvy_worker {
    float *workspace;
    float *gradients; /* [depth][variables.floats]: the sums of its forest's nodes */
    int depth;
    cvy_tally *tallies; /* of its blocks of the current step */
    size_t tally_capacity;
    cvy_forest forest;
    bool finite; /* its slice of gradient and parameters, after the update */
    char padding[64];
} cvy_worker;

struct cvy_trainer {
    const cvy_network *network;
    const cvy_kernels *kernels;
    cvy_variables variables;
    cvy_plan plan;
    cvy_optimizer optimizer;
    float *parameters;
    uint64_t seed;
    int threads_limit, threads;
    cvy_team *team;
    int workers_count;
    cvy_worker *workers;
    /* After the last whole epoch: parameters and optimizer state, to go back to when a run diverges. */
    float *saved[1 + CVY_OPTIMIZER_SLOTS];
    cvy_optimizer saved_optimizer;
};

/* ---- Making one ------------------------------------------------------------------------------------------------- */

static bool check_network(const cvy_trainer *trainer, cvy_status *status) {
    const cvy_layer *last = &trainer->network->layers[trainer->network->count - 1];
    if (trainer->plan.classes == 0)
        return cvy_fail(status, CVY_FAILED, last->name,
                        "the network must end in a softmax over a vector for categorical cross-entropy");
    if (trainer->plan.first_trainable == trainer->plan.count)
        return cvy_fail(status, CVY_FAILED, trainer->network->name,
                        "no layer has parameters: there is nothing to train");
    return true;
}

static bool make(cvy_trainer *trainer, const cvy_trainer_options *options, cvy_status *status) {
    if (!cvy_variables_layout(trainer->network, &trainer->variables, status) ||
        !cvy_plan_make(trainer->network, &trainer->variables, &trainer->plan, status) ||
        !check_network(trainer, status))
        return false;
    size_t floats = trainer->variables.floats;
    trainer->parameters = cvy_allocate(floats, sizeof(float), "parameters", status);
    if (!trainer->parameters || !cvy_optimizer_create(&trainer->optimizer, &options->optimizer, floats, status))
        return false;
    for (int i = 0; i < 1 + cvy_optimizer_slots(&options->optimizer); i++)
        if (!(trainer->saved[i] = cvy_allocate(floats, sizeof(float), "parameters", status)))
            return false;
    cvy_variables_initialize(&trainer->variables, options->seed, trainer->parameters);
    return true;
}

cvy_trainer *cvy_trainer_new(const cvy_network *network, const cvy_trainer_options *options, cvy_status *status) {
    cvy_trainer *trainer = cvy_allocate(1, sizeof *trainer, "trainer", status);
    if (!trainer)
        return NULL;
    trainer->network = network;
    trainer->kernels = options->kernels;
    trainer->seed = options->seed;
    trainer->threads_limit = options->threads;
    if (options->threads == 0) {
        cvy_topology topology;
        if (!cvy_topology_read(&topology, status)) {
            cvy_trainer_free(trainer);
            return NULL;
        }
        trainer->threads_limit = topology.threads;
    }
    trainer->threads = trainer->threads_limit < 2 ? trainer->threads_limit : 2; /* a batch of 32 is two blocks */
    if (!make(trainer, options, status)) {
        cvy_trainer_free(trainer);
        return NULL;
    }
    return trainer;
}

static void free_workers(cvy_trainer *trainer) {
    for (int i = 0; i < trainer->workers_count; i++) {
        free(trainer->workers[i].workspace);
        free(trainer->workers[i].gradients);
        free(trainer->workers[i].tallies);
    }
    free(trainer->workers);
    trainer->workers = NULL;
    trainer->workers_count = 0;
}

void cvy_trainer_free(cvy_trainer *trainer) {
    if (!trainer)
        return;
    free_workers(trainer);
    cvy_team_free(trainer->team);
    for (int i = 0; i < 1 + CVY_OPTIMIZER_SLOTS; i++)
        free(trainer->saved[i]);
    cvy_optimizer_destroy(&trainer->optimizer);
    free(trainer->parameters);
    cvy_plan_free(&trainer->plan);
    cvy_variables_free(&trainer->variables);
    free(trainer);
}

const cvy_variables *cvy_trainer_variables(const cvy_trainer *trainer) {
    return &trainer->variables;
}

float *cvy_trainer_parameters(cvy_trainer *trainer) {
    return trainer->parameters;
}

const float *cvy_trainer_gradient(const cvy_trainer *trainer) {
    return trainer->workers_count ? trainer->workers[0].gradients : NULL;
}

int cvy_trainer_threads(const cvy_trainer *trainer) {
    return trainer->threads;
}

int cvy_trainer_classes(const cvy_trainer *trainer) {
    return trainer->plan.classes;
}

/* ---- Sharing a batch out ---------------------------------------------------------------------------------------- */

static size_t blocks_of(size_t images) {
    return (images + CVY_LANES - 1) / CVY_LANES;
}

/* Blocks [begin, end) are thread's share. */
static void share_of(size_t blocks, int thread, int threads, size_t *begin, size_t *end) {
    *begin = blocks * (size_t)thread / (size_t)threads;
    *end = blocks * ((size_t)thread + 1) / (size_t)threads;
}

/* Gives worker what it needs for `blocks` blocks a step; depth 0: forward only. */
static bool equip(cvy_trainer *trainer, cvy_worker *worker, size_t blocks, int depth, cvy_status *status) {
    if (!worker->workspace &&
        !(worker->workspace = cvy_allocate(trainer->plan.workspace, sizeof(float), "block workspace", status)))
        return false;
    if (worker->depth < depth) {
        free(worker->gradients);
        worker->depth = 0;
        worker->gradients = cvy_allocate((size_t)depth * trainer->variables.floats, sizeof(float), "gradients", status);
        if (!worker->gradients)
            return false;
        worker->depth = depth;
    }
    if (worker->tally_capacity < blocks) {
        free(worker->tallies);
        worker->tally_capacity = 0;
        if (!(worker->tallies = cvy_allocate(blocks, sizeof *worker->tallies, "block results", status)))
            return false;
        worker->tally_capacity = blocks;
    }
    return true;
}

/* The most blocks thread has in a step of `blocks` blocks or in the epoch's last, shorter one, and the most gradients
 * it holds at once. */
static size_t most_blocks(size_t blocks, size_t last_blocks, int thread, int threads, int *depth) {
    size_t most = 0;
    *depth = 1;
    for (int i = 0; i < 2; i++) {
        size_t begin, end;
        share_of(i ? last_blocks : blocks, thread, threads, &begin, &end);
        int needed = cvy_forest_depth((uint32_t)begin, (uint32_t)end);
        *depth = needed > *depth ? needed : *depth;
        most = end - begin > most ? end - begin : most;
    }
    return most;
}

/* Makes a team of `threads` and its workers ready for steps of `blocks` blocks, the last one of last_blocks. */
static bool prepare(cvy_trainer *trainer, int threads, size_t blocks, size_t last_blocks, bool training,
                    cvy_status *status) {
    if (!trainer->team || cvy_team_size(trainer->team) != threads) {
        cvy_team_free(trainer->team);
        if (!(trainer->team = cvy_team_new(threads)))
            return cvy_fail(status, CVY_FAILED, "threads", "no team of %d threads could be made", threads);
    }
    if (trainer->workers_count < threads) {
        cvy_worker *workers = cvy_allocate((size_t)threads, sizeof *workers, "threads", status);
        if (!workers)
            return false;
        if (trainer->workers_count)
            memcpy(workers, trainer->workers, (size_t)trainer->workers_count * sizeof *workers);
        free(trainer->workers);
        trainer->workers = workers;
        trainer->workers_count = threads;
    }
    for (int t = 0; t < threads; t++) {
        int depth;
        size_t most = most_blocks(blocks, last_blocks, t, threads, &depth);
        if (!equip(trainer, &trainer->workers[t], most, training ? depth : 0, status))
            return false;
    }
    return true;
}

/* Work that fits a team of exactly the size that was prepared. */
typedef struct cvy_job {
    cvy_team_fn *work;
    void *argument;
    int prepared, granted;
} cvy_job;

static void work_if_whole(void *argument, int thread, int threads) {
    cvy_job *job = argument;
    if (thread == 0)
        job->granted = threads;
    if (threads == job->prepared)
        job->work(job->argument, thread, threads);
}

/* Runs work on as many threads as help, which is never more than there are blocks, and as the system grants. Returns
 * how many these were, 0 on an error. */
static int run_on_team(cvy_trainer *trainer, size_t blocks, size_t last_blocks, bool training, cvy_team_fn *work,
                       void *argument, cvy_status *status) {
    int threads = (size_t)trainer->threads_limit < blocks ? trainer->threads_limit : (int)blocks;
    for (;;) {
        cvy_job job = {.work = work, .argument = argument, .prepared = threads};
        if (!prepare(trainer, threads, blocks, last_blocks, training, status))
            return 0;
        cvy_team_run(trainer->team, work_if_whole, &job);
        if (job.granted == threads)
            return threads;
        threads = job.granted;
    }
}

static bool check_dataset(const cvy_trainer *trainer, const cvy_dataset *dataset, bool labels, cvy_status *status) {
    const cvy_image_shape *input = &trainer->plan.input;
    if (dataset->height * dataset->width * dataset->channels != input->height * input->width * input->channels ||
        (input->height > 1 && (dataset->height != input->height || dataset->width != input->width)))
        return cvy_fail(status, CVY_FAILED, dataset->origin, "images are %d x %d x %d, the network wants %d x %d x %d",
                        dataset->height, dataset->width, dataset->channels, input->height, input->width,
                        input->channels);
    return !labels || cvy_dataset_check_labels(dataset, trainer->plan.classes, status);
}

/* ---- A block ---------------------------------------------------------------------------------------------------- */

static void load_block(const cvy_trainer *trainer, const cvy_dataset *dataset, const uint32_t *index,
                       const cvy_block *block, bool training) {
    const cvy_plan *plan = &trainer->plan;
    float *images = training ? block->workspace + plan->input_images : NULL;
    if (dataset->element == CVY_ELEMENT_U8)
        trainer->kernels->gather_u8_hwc16n(&plan->input, dataset->images, index, block->count,
                                           block->workspace + plan->input_block, images);
    else
        trainer->kernels->gather_f32_hwc16n(&plan->input, dataset->images, index, block->count,
                                            block->workspace + plan->input_block, images);
}

/* Cross-entropy of a block against its images' labels; with a scale, also the gradient that backward begins with. */
static cvy_tally block_loss(const cvy_block *block, const cvy_dataset *dataset, const uint32_t *index,
                            const float *logits, float scale) {
    const cvy_plan *plan = block->plan;
    uint8_t labels[CVY_LANES];
    for (int l = 0; l < block->count; l++)
        labels[l] = dataset->labels[index[l]];
    cvy_block_loss(block, logits, labels, scale);

    const float *loss = block->workspace + plan->loss;
    const int32_t *predicted = (const int32_t *)(block->workspace + plan->predicted);
    cvy_tally result = {0};
    for (int l = 0; l < block->count; l++) {
        result.loss += (double)loss[l];
        result.correct += predicted[l] == labels[l];
    }
    return result;
}

static void add_tally(cvy_metrics *metrics, const cvy_tally *block) {
    metrics->loss_sum += block->loss;
    metrics->correct += block->correct;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------ */

typedef enum halt { HALT_NO, HALT_STOPPED, HALT_LOSS, HALT_UPDATE } halt;

/* An epoch (or a single step) as all threads see it. */
typedef struct cvy_run {
    cvy_trainer *trainer;
    const cvy_dataset *dataset;
    const uint32_t *order;
    size_t count, batch_size, steps;
    const volatile sig_atomic_t *stop;
    cvy_step_fn *on_step;
    void *user;
    cvy_metrics *metrics;
    uint64_t first_step; /* steps done before this cvy_run */
    double begun, shown; /* clock: the epoch's begin, the last on_step */
    size_t step;         /* thread 0: steps done */
    halt halt;           /* written by thread 0 between the two meetings of a step */
} cvy_run;

/* The images of a step. */
static const uint32_t *batch_of(const cvy_run *run, size_t step, size_t *images) {
    size_t first = step * run->batch_size;
    *images = run->count - first < run->batch_size ? run->count - first : run->batch_size;
    return run->order + first;
}

/* Asks for the images of a thread's next block while it works on the one before: they lie anywhere in the data set. */
static void fetch_images(const cvy_run *run, size_t step, size_t block, size_t end, int thread, int threads) {
    if (block == end) {
        size_t images;
        if (++step == run->steps)
            return;
        batch_of(run, step, &images);
        share_of(blocks_of(images), thread, threads, &block, &end);
        if (block == end)
            return;
    }
    size_t images, bytes = cvy_dataset_image_bytes(run->dataset);
    const uint32_t *index = batch_of(run, step, &images) + block * CVY_LANES;
    size_t count = images - block * CVY_LANES < CVY_LANES ? images - block * CVY_LANES : CVY_LANES;
    for (size_t l = 0; l < count; l++) {
        const char *image = (const char *)run->dataset->images + index[l] * bytes;
        for (size_t line = 0; line < bytes; line += 64)
            __builtin_prefetch(image + line, 0, 2);
    }
}

/* First half of a step: the thread's blocks, forward and backward, and the sum of their gradients as far as its own
 * blocks complete the tree. */
static void train_blocks(const cvy_run *run, size_t step, int thread, int threads) {
    cvy_trainer *trainer = run->trainer;
    cvy_worker *worker = &trainer->workers[thread];
    size_t images, begin, end, floats = trainer->variables.floats;
    const uint32_t *batch = batch_of(run, step, &images);
    const float scale = 1.0f / (float)images;

    share_of(blocks_of(images), thread, threads, &begin, &end);
    worker->forest.count = 0;
    for (size_t b = begin; b < end; b++) {
        const uint32_t *index = batch + b * CVY_LANES;
        size_t left = images - b * CVY_LANES;
        cvy_block block = {&trainer->plan, trainer->kernels, worker->workspace,
                           left < CVY_LANES ? (int)left : CVY_LANES};
        cvy_block_random random = {trainer->seed, (uint32_t)(run->first_step + step), (uint32_t)(b * CVY_LANES)};
        cvy_node node = {0, (uint32_t)b, worker->gradients + (size_t)worker->forest.count * floats};

        load_block(trainer, run->dataset, index, &block, true);
        fetch_images(run, step, b + 1, end, thread, threads);
        const float *logits = cvy_block_forward(&block, trainer->parameters, &random);
        worker->tallies[b - begin] = block_loss(&block, run->dataset, index, logits, scale);
        cvy_block_backward(&block, trainer->parameters, node.sum);
        cvy_forest_push(&worker->forest, node, trainer->kernels, 0, floats);
    }
}

/* Second half: the thread's slice of the parameters takes in all threads' sums. The sum itself ends up in the first
 * worker's first buffer. */
static void update_slice(const cvy_run *run, int thread, int threads) {
    cvy_trainer *trainer = run->trainer;
    size_t lines = trainer->variables.floats / CVY_LANES;
    size_t first = lines * (size_t)thread / (size_t)threads * CVY_LANES;
    size_t count = lines * ((size_t)thread + 1) / (size_t)threads * CVY_LANES - first;

    cvy_forest batch = {0};
    for (int t = 0; t < threads; t++)
        for (int i = 0; i < trainer->workers[t].forest.count; i++)
            cvy_forest_push(&batch, trainer->workers[t].forest.nodes[i], trainer->kernels, first, count);
    cvy_forest_close(&batch, trainer->kernels, first, count);
    trainer->workers[thread].finite = cvy_optimizer_update(&trainer->optimizer, trainer->kernels, first, count,
                                                           batch.nodes[0].sum, trainer->parameters);
}

enum { SHOWS_A_SECOND = 20 };

/* Thread 0, while the others update: sums the step's results in the order of its blocks, reports, and says whether to
 * go on. */
static void conclude(cvy_run *run, int threads) {
    cvy_trainer *trainer = run->trainer;
    size_t images;
    batch_of(run, run->step, &images);
    double before = run->metrics->loss_sum;
    for (int t = 0; t < threads; t++) {
        size_t begin, end;
        share_of(blocks_of(images), t, threads, &begin, &end);
        for (size_t b = begin; b < end; b++)
            add_tally(run->metrics, &trainer->workers[t].tallies[b - begin]);
    }
    run->metrics->images += images;
    run->step++;

    if (!isfinite(run->metrics->loss_sum - before)) {
        run->halt = HALT_LOSS;
        return;
    }
    if (run->stop && *run->stop)
        run->halt = HALT_STOPPED;
    if (!run->on_step)
        return;
    double now = cvy_clock();
    bool last = run->step == run->steps || run->halt != HALT_NO;
    if (!last && run->step > 1 && now - run->shown < 1.0 / SHOWS_A_SECOND)
        return;
    run->shown = now;
    if (!run->on_step(run->step, run->steps, now - run->begun, run->metrics, run->user))
        run->halt = HALT_STOPPED;
}

static bool all_finite(const cvy_trainer *trainer, int threads) {
    for (int t = 0; t < threads; t++)
        if (!trainer->workers[t].finite)
            return false;
    return true;
}

/* Every thread's way through an epoch. The threads meet twice a step: when the gradients are complete, and when the
 * parameters are updated. */
static void train(void *argument, int thread, int threads) {
    cvy_run *run = argument;
    cvy_trainer *trainer = run->trainer;
    for (size_t step = 0; step < run->steps; step++) {
        if (thread == 0)
            cvy_optimizer_begin(&trainer->optimizer);
        train_blocks(run, step, thread, threads);
        cvy_team_barrier(trainer->team);
        update_slice(run, thread, threads);
        if (thread == 0)
            conclude(run, threads);
        cvy_team_barrier(trainer->team);
        if (run->halt != HALT_NO || !all_finite(trainer, threads))
            break;
    }
}

/* ---- Epochs ----------------------------------------------------------------------------------------------------- */

static void keep_state(cvy_trainer *trainer) {
    size_t bytes = trainer->variables.floats * sizeof(float);
    memcpy(trainer->saved[0], trainer->parameters, bytes);
    for (int i = 0; i < cvy_optimizer_slots(&trainer->optimizer.settings); i++)
        memcpy(trainer->saved[1 + i], trainer->optimizer.state[i], bytes);
    trainer->saved_optimizer = trainer->optimizer;
}

static void go_back(cvy_trainer *trainer) {
    size_t bytes = trainer->variables.floats * sizeof(float);
    memcpy(trainer->parameters, trainer->saved[0], bytes);
    for (int i = 0; i < cvy_optimizer_slots(&trainer->optimizer.settings); i++)
        memcpy(trainer->optimizer.state[i], trainer->saved[1 + i], bytes);
    trainer->optimizer = trainer->saved_optimizer;
}

static bool report_halt(const cvy_run *run, cvy_status *status) {
    switch (run->halt) {
    case HALT_NO:
        break;
    case HALT_STOPPED:
        return cvy_fail(status, CVY_INTERRUPTED, "training", "stopped after step %zu of %zu", run->step, run->steps);
    case HALT_LOSS:
        return cvy_fail(status, CVY_DIVERGED, "training", "the loss of step %zu of %zu is not a finite number",
                        run->step, run->steps);
    case HALT_UPDATE:
        return cvy_fail(status, CVY_DIVERGED, "training",
                        "a gradient or parameter of step %zu of %zu is not a finite number", run->step, run->steps);
    }
    return true;
}

static bool go(cvy_trainer *trainer, cvy_run *run, cvy_status *status) {
    if (!check_dataset(trainer, run->dataset, true, status))
        return false;
    if (run->count == 0)
        return cvy_fail(status, CVY_FAILED, run->dataset->origin, "no images to train on");
    if (run->batch_size > run->count)
        run->batch_size = run->count;
    run->steps = (run->count + run->batch_size - 1) / run->batch_size;
    size_t last;
    batch_of(run, run->steps - 1, &last);
    run->trainer = trainer;
    run->first_step = trainer->optimizer.step;
    run->begun = cvy_clock();
    int threads = run_on_team(trainer, blocks_of(run->batch_size), blocks_of(last), true, train, run, status);
    if (!threads)
        return false;
    trainer->threads = threads;
    if (run->halt != HALT_LOSS && !all_finite(trainer, threads))
        run->halt = HALT_UPDATE;
    return report_halt(run, status);
}

bool cvy_trainer_step(cvy_trainer *trainer, const cvy_dataset *dataset, const uint32_t *order, size_t count,
                      cvy_metrics *metrics, cvy_status *status) {
    cvy_run run = {.dataset = dataset, .order = order, .count = count, .batch_size = count, .metrics = metrics};
    return go(trainer, &run, status);
}

bool cvy_trainer_epoch(cvy_trainer *trainer, const cvy_dataset *dataset, const uint32_t *order, size_t count,
                       size_t batch_size, const volatile sig_atomic_t *stop, cvy_step_fn *on_step, void *user,
                       cvy_metrics *metrics, cvy_status *status) {
    *metrics = (cvy_metrics){0};
    cvy_run run = {.dataset = dataset,
                   .order = order,
                   .count = count,
                   .batch_size = batch_size,
                   .stop = stop,
                   .on_step = on_step,
                   .user = user,
                   .metrics = metrics};
    keep_state(trainer);
    if (go(trainer, &run, status))
        return true;
    if (status->code == CVY_DIVERGED)
        go_back(trainer);
    return false;
}

/* ---- Forward only ----------------------------------------------------------------------------------------------- */

typedef struct cvy_forward_run {
    cvy_trainer *trainer;
    const cvy_dataset *dataset;
    size_t first, count;
    float *probabilities;
    bool labels;
} cvy_forward_run;

/* Softmax of a block into rows [count][classes]. */
static void store_probabilities(const cvy_block *block, const float *logits, float *rows) {
    const cvy_plan *plan = block->plan;
    const float *lanes = block->workspace + plan->probabilities;
    cvy_block_probabilities(block, logits);
    for (int l = 0; l < block->count; l++)
        for (int c = 0; c < plan->classes; c++)
            rows[(size_t)l * (size_t)plan->classes + (size_t)c] = lanes[c * CVY_LANES + l];
}

static void forward_blocks(void *argument, int thread, int threads) {
    const cvy_forward_run *run = argument;
    cvy_trainer *trainer = run->trainer;
    cvy_worker *worker = &trainer->workers[thread];
    size_t begin, end;
    share_of(blocks_of(run->count), thread, threads, &begin, &end);
    for (size_t b = begin; b < end; b++) {
        size_t done = b * CVY_LANES, left = run->count - done;
        cvy_block block = {&trainer->plan, trainer->kernels, worker->workspace,
                           left < CVY_LANES ? (int)left : CVY_LANES};
        uint32_t index[CVY_LANES];
        for (int l = 0; l < block.count; l++)
            index[l] = (uint32_t)(run->first + done + (size_t)l);
        load_block(trainer, run->dataset, index, &block, false);
        const float *logits = cvy_block_forward(&block, trainer->parameters, NULL);
        if (run->labels)
            worker->tallies[b - begin] = block_loss(&block, run->dataset, index, logits, 0.0f);
        if (run->probabilities)
            store_probabilities(&block, logits, run->probabilities + done * (size_t)trainer->plan.classes);
    }
}

bool cvy_trainer_forward(cvy_trainer *trainer, const cvy_dataset *dataset, size_t first, size_t count,
                         float *probabilities, cvy_metrics *metrics, cvy_status *status) {
    if (!check_dataset(trainer, dataset, metrics != NULL, status))
        return false;
    if (first > dataset->count || count > dataset->count - first)
        return cvy_fail(status, CVY_FAILED, dataset->origin, "images %zu to %zu are wanted, there are %zu", first,
                        first + count, dataset->count);
    if (count == 0)
        return true;
    cvy_forward_run run = {trainer, dataset, first, count, probabilities, metrics != NULL};
    size_t blocks = blocks_of(count);
    int threads = run_on_team(trainer, blocks, blocks, false, forward_blocks, &run, status);
    if (!threads)
        return false;
    if (!metrics)
        return true;
    for (int t = 0; t < threads; t++) {
        size_t begin, end;
        share_of(blocks, t, threads, &begin, &end);
        for (size_t b = begin; b < end; b++)
            add_tally(metrics, &trainer->workers[t].tallies[b - begin]);
    }
    metrics->images += count;
    return true;
}
