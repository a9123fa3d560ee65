/* The beginner's Keras program in C, line by line. What stands in a comment is the Keras that the line below it
 * mirrors.
 *
 *     cc lesson.c $(pkg-config --cflags --libs convoy) -o lesson
 */
#include <convoy.h>

#include <stdio.h>
#include <stdlib.h>

/* Keras prints this by itself. */
static bool print_epoch(const cvy_progress *progress, void *user) {
    (void)user;
    printf("Epoch %d/%d - accuracy: %.4f - loss: %.4f\n", progress->epoch, progress->epochs, progress->accuracy,
           progress->loss);
    return true;
}

int main(void) {
    cvy_status status = {0};

    /* (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data() */
    cvy_dataset *train = cvy_dataset_load(NULL, CVY_TRAIN, &status);
    cvy_dataset *test = cvy_dataset_load(NULL, CVY_TEST, &status);

    /* X = keras.layers.Input(shape=[28, 28, 1]) */
    cvy_model *model = cvy_model_new(NULL, &status);
    cvy_input(model, 28, 28, 1, &status);
    /* H = keras.layers.Conv2D(3, kernel_size=5, activation="swish")(X) */
    cvy_conv2d(model, &(cvy_conv2d_options){.filters = 3, .kernel_size = {5}, .activation = "swish"}, &status);
    /* H = keras.layers.MaxPool2D()(H) */
    cvy_max_pooling2d(model, NULL, &status);
    /* H = keras.layers.Conv2D(6, kernel_size=5, activation="swish")(H) */
    cvy_conv2d(model, &(cvy_conv2d_options){.filters = 6, .kernel_size = {5}, .activation = "swish"}, &status);
    /* H = keras.layers.MaxPool2D()(H) */
    cvy_max_pooling2d(model, NULL, &status);
    /* H = keras.layers.Flatten()(H) */
    cvy_flatten(model, &status);
    /* H = keras.layers.Dense(84, activation="swish")(H) */
    cvy_dense(model, &(cvy_dense_options){.units = 84, .activation = "swish"}, &status);
    /* Y = keras.layers.Dense(10, activation="softmax")(H) */
    cvy_dense(model, &(cvy_dense_options){.units = 10, .activation = "softmax"}, &status);

    /* model.compile(loss="categorical_crossentropy", metrics=["accuracy"]) */
    cvy_compile(model, NULL, &status);
    /* model.fit(x_train, y_train, epochs=10) */
    cvy_fit(model, train, &(cvy_fit_options){.epochs = 10, .on_epoch = print_epoch}, &status);
    /* model.evaluate(x_test, y_test) */
    cvy_evaluation unseen = cvy_evaluate(model, test, &status);
    /* model.predict(x_train[0:5]) */
    float softmax[5][10] = {{0}};
    cvy_predict(model, train, 0, 5, softmax[0], &status);
    /* model.summary() */
    char *summary = cvy_summary(model, 0, &status);

    if (status.code == CVY_OK) {
        printf("Test - accuracy: %.4f - loss: %.4f\n", unseen.accuracy, unseen.loss);
        /* print(pd.DataFrame(softmax).round(2)); print(y_train[0:5]) */
        for (int image = 0; image < 5; image++) {
            for (int digit = 0; digit < 10; digit++)
                printf("%5.2f", (double)softmax[image][digit]);
            printf("   label %d\n", cvy_dataset_labels(train)[image]);
        }
        printf("%s", summary);
    } else {
        fprintf(stderr, "lesson: %s: %s\n", status.where, status.what);
    }
    free(summary);
    cvy_model_free(model);
    cvy_dataset_free(train);
    cvy_dataset_free(test);
    return (int)status.code;
}
