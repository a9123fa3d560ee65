/* Preprocessing as text: what it says, and what is wrong with it. */
#include "suite.h"
#include "texts.h"

#include <string.h>

#include "../../src/data/preprocess.h"

static bool parse(const char *text, void *p, cvy_status *status) {
    return cvy_preprocessing_parse(text, p, status);
}

static cvy_preprocessing parsed(const char *text) {
    cvy_preprocessing p = {0};
    parse_or_fail(parse, text, &p);
    return p;
}

TEST(every_key_is_read) {
    cvy_preprocessing p = parsed(
        "deskew,center_crop=24x20,scale=1/255,offset=-1,mean=0.1307,variance=0.25,average_pooling=2,test_shift=1,"
        "image_size=28x30");
    assert_true(p.deskew);
    assert_int_equal(p.center_crop[0], 24);
    assert_int_equal(p.center_crop[1], 20);
    assert_true(p.scale == 1.0 / 255 && p.offset == -1 && p.mean == 0.1307 && p.variance == 0.25);
    assert_int_equal(p.average_pooling[0], 2);
    assert_int_equal(p.average_pooling[1], 2);
    assert_int_equal(p.test_shift, 1);
    assert_int_equal(p.image_size[0], 28);
    assert_int_equal(p.image_size[1], 30);
}

TEST(nothing_is_none) {
    static const char *const texts[] = {"", "none", "scale=1,mean=0", "deskew=false"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        cvy_preprocessing p = parsed(texts[i]);
        char text[CVY_PREPROCESSING_MAX];
        cvy_preprocessing_text(&p, text);
        assert_string_equal(text, "none");
        assert_memory_equal(&p, &cvy_preprocessing_none, sizeof p);
    }
}

static const char longest[] =
    "deskew,center_crop=1000000000x1000000000,scale=-1.2345678901234567e-30,offset=-1.2345678901234567e-30,"
    "mean=-1.2345678901234567e-30,variance=1.2345678901234567e-30,average_pooling=1000000000x1000000000,test_shift=8,"
    "image_size=1000000000x1000000000";

TEST(texts_come_back) {
    static const char *const texts[] = {
        "deskew",
        "average_pooling=3x2,center_crop=20",
        "variance=0.1,scale=1/3,deskew,test_shift=8",
        "Deskew=TRUE,SCALE=+.5e1",
        "offset=1e-30,mean=-7,scale=-3.25e10",
        longest,
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        cvy_preprocessing p = parsed(texts[i]);
        char text[CVY_PREPROCESSING_MAX];
        cvy_preprocessing_text(&p, text);
        cvy_preprocessing again = parsed(text);
        assert_memory_equal(&p, &again, sizeof p);
    }
}

TEST(errors_name_the_key) {
    static const wrong_text wrong[] = {
        {"sharpen", "'sharpen' is unknown; there are deskew, center_crop, scale"},
        {"deskew=1", "deskew is '1'; true or false is expected"},
        {"deskew,", "'' is unknown"},
        {"deskew,,scale=2", "'' is unknown"},
        {"=1", "'' is unknown"},
        {"scale=0/0", "scale is '0/0'"},
        {"scale=1/", "scale is '1/'"},
        {"center_crop=24x,deskew", "center_crop is '24x'"},
        {"deskew,deskew", "deskew is given twice"},
        {"center_crop", "center_crop has no value; H or HxW"},
        {"center_crop=0", "center_crop is '0'; H or HxW"},
        {"center_crop=24x", "center_crop is '24x'; H or HxW"},
        {"center_crop=24x24x1", "center_crop is '24x24x1'"},
        {"center_crop=-24", "center_crop is '-24'"},
        {"average_pooling=99999999999", "average_pooling is '99999999999'"},
        {"scale=", "scale is ''; a number is expected"},
        {"scale=1/0", "scale is '1/0'"},
        {"scale=1/ 2", "scale is '1/ 2'"},
        {"scale=1/2/3", "scale is '1/2/3'"},
        {"scale=nan", "scale is 'nan'"},
        {"offset=1e300", "offset is '1e300'"},
        {"variance=0", "variance is '0'; a number above 0"},
        {"variance=1e-300", "variance is '1e-300'; a number above 0"},
        {"test_shift=9", "test_shift is '9'; a whole number from 1 to 8"},
    };
    expect_wrong_texts(parse, sizeof(cvy_preprocessing), "preprocessing", wrong, COUNT(wrong), false);
    char text[1000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    cvy_preprocessing p;
    cvy_status status = {0};
    assert_false(cvy_preprocessing_parse(text, &p, &status));
}

TEST(extents_follow) {
    static const struct {
        const char *text;
        int height, width, to_height, to_width;
    } cases[] = {
        {"none", 28, 27, 28, 27},
        {"deskew,scale=2", 28, 27, 28, 27},
        {"center_crop=24x20", 28, 28, 24, 20},
        {"average_pooling=2", 28, 27, 14, 13},
        {"average_pooling=3x2,center_crop=10", 28, 28, 3, 5},
        {"center_crop=28", 28, 28, 28, 28},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cvy_preprocessing p = parsed(cases[i].text);
        cvy_status status = {0};
        int height = cases[i].height, width = cases[i].width;
        assert_true(cvy_preprocessing_extents(&p, "images", &height, &width, &status));
        assert_int_equal(height, cases[i].to_height);
        assert_int_equal(width, cases[i].to_width);
    }
    static const struct {
        const char *text, *what;
    } wrong[] = {{"center_crop=29x5", "images of 28 x 28 are smaller than the crop, 29 x 5"},
                 {"center_crop=4,average_pooling=5", "images of 4 x 4 are smaller than the pooling window, 5 x 5"}};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        cvy_preprocessing p = parsed(wrong[i].text);
        cvy_status status = {0};
        int height = 28, width = 28;
        assert_false(cvy_preprocessing_extents(&p, "images", &height, &width, &status));
        assert_string_equal(status.where, "images");
        assert_string_equal(status.what, wrong[i].what);
    }
}

RUN_TESTS("preprocess", NULL, NULL)
