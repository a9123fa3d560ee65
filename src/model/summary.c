/* Keras's model.summary(): a table of three columns. Widths, wrapping and colours follow the library rich, which Keras
 * prints it with. */
#include "summary.h"

#include "../base/text_stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TABLE_WIDTH = 88, /* at most, and 4 less than the terminal */
    TABLE_MARGIN = 4,
    MIN_COLUMNS = 24, /* a narrower table has a column without room for text */
    COLUMNS = 3,
    TEXT_MAX = 256, /* glyphs: a name, a class name and some brackets */
};

/* ---- Text in cells ---------------------------------------------------------------------------------------------- */

enum style { PLAIN, BOLD, NUMBER, NONE, SYMBOL };

static const char *const style_codes[] = {
    [PLAIN] = "", [BOLD] = "\033[1m", [NUMBER] = "\033[38;5;34m", [NONE] = "\033[38;5;45m", [SYMBOL] = "\033[38;5;33m",
};

/* A character; it counts as one column. */
struct glyph {
    char utf8[5];
    enum style style;
};

struct text {
    int count;
    struct glyph glyphs[TEXT_MAX];
};

static int utf8_length(const char *bytes) {
    unsigned char lead = (unsigned char)*bytes;
    int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    for (int i = 1; i < length; i++)
        if (((unsigned char)bytes[i] & 0xC0) != 0x80)
            return 1;
    return length;
}

__attribute__((format(printf, 3, 4))) static void append(struct text *text, enum style style, const char *format, ...) {
    char bytes[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(bytes, sizeof bytes, format, arguments);
    va_end(arguments);
    for (const char *c = bytes; *c && text->count < TEXT_MAX;) {
        struct glyph *glyph = &text->glyphs[text->count++];
        int length = utf8_length(c);
        *glyph = (struct glyph){.style = style};
        memcpy(glyph->utf8, c, (size_t)length);
        c += length;
    }
}

static bool is_space(const struct text *text, int i) {
    return text->glyphs[i].utf8[0] == ' ';
}

/* The end of the word at `start`, its leading and trailing spaces included; *bare is where the trailing ones begin. */
static int word_end(const struct text *text, int start, int *bare) {
    int i = start;
    while (i < text->count && is_space(text, i))
        i++;
    while (i < text->count && !is_space(text, i))
        i++;
    *bare = i;
    while (i < text->count && is_space(text, i))
        i++;
    return i;
}

/* Breaks a text into lines of `width` columns: where they begin, and their number. A word that is wider than a line
 * begins a line of its own. With `fold` it continues in the next line, else fit() cuts it. */
static int break_lines(const struct text *text, int width, bool fold, int starts[static TEXT_MAX]) {
    int lines = 1, used = 0, bare;
    starts[0] = 0;
    for (int start = 0, end; start < text->count; start = end) {
        end = word_end(text, start, &bare);
        if (bare - start <= width - used) {
            used += end - start;
            continue;
        }
        if (start > 0)
            starts[lines++] = start;
        used = end - start;
        for (int at = start + width; fold && bare - start > width && used > width; at += width) {
            starts[lines++] = at;
            used -= width;
        }
    }
    return lines;
}

/* Fits a line, from..to of a text, to a cell: cuts it with an ellipsis, or fills it with spaces of a style. */
static struct text fit(const struct text *whole, int from, int to, int width, bool right, enum style filling) {
    struct text line = {0};
    while (to > from && is_space(whole, to - 1))
        to--;
    int length = to - from, shown = length > width ? width - 1 : length;
    if (right)
        append(&line, filling, "%*s", width > length ? width - length : 0, "");
    for (int i = 0; i < shown; i++)
        line.glyphs[line.count++] = whole->glyphs[from + i];
    if (shown < length)
        append(&line, whole->glyphs[from + shown].style, "…");
    if (line.count < width)
        append(&line, filling, "%*s", width - line.count, "");
    return line;
}

/* ---- Output ----------------------------------------------------------------------------------------------------- */

struct printer {
    FILE *out;
    bool bold;           /* escape codes are wanted */
    int columns;         /* of the terminal; 0: as many as a line needs */
    int widths[COLUMNS]; /* of the table's columns, padding included */
};

/* Prints glyphs, with codes around each run of one style. */
static void put(const struct printer *printer, const struct text *text, int from, int to) {
    for (int i = from; i < to; i++) {
        const struct glyph *glyph = &text->glyphs[i];
        bool styled = printer->bold && glyph->style != PLAIN;
        if (styled && (i == from || glyph[-1].style != glyph->style))
            fputs(style_codes[glyph->style], printer->out);
        fputs(glyph->utf8, printer->out);
        if (styled && (i == to - 1 || glyph[1].style != glyph->style))
            fputs("\033[0m", printer->out);
    }
}

/* A line of text outside the table; it wraps at the terminal's edge. */
static void put_line(const struct printer *printer, const struct text *text) {
    int starts[TEXT_MAX], width = printer->columns ? printer->columns : TEXT_MAX;
    int lines = break_lines(text, width, true, starts);
    for (int i = 0; i < lines; i++) {
        int end = i + 1 < lines ? starts[i + 1] : text->count;
        while (end - starts[i] > width && is_space(text, end - 1))
            end--;
        put(printer, text, starts[i], end);
        fputc('\n', printer->out);
    }
}

static void put_spaces(const struct printer *printer, enum style style, int count) {
    struct text spaces = {0};
    append(&spaces, style, "%*s", count, "");
    put(printer, &spaces, 0, spaces.count);
}

/* Prints line `line` of a cell between its paddings; a blank line if the cell has no such line. */
static void put_cell(const struct printer *printer, const struct text *cell, const int *starts, int lines, int line,
                     int column, enum style filling) {
    int width = printer->widths[column];
    if (line < 0 || line >= lines) {
        put_spaces(printer, filling, width);
        return;
    }
    int end = line + 1 < lines ? starts[line + 1] : cell->count;
    struct text fitted = fit(cell, starts[line], end, width - 2, column == COLUMNS - 1, filling);
    put_spaces(printer, filling, 1);
    put(printer, &fitted, 0, fitted.count);
    put_spaces(printer, filling, 1);
}

/* Prints a row of the table, as high as its tallest cell. The header's cells are aligned at the bottom, others at the
 * top. */
static void put_row(const struct printer *printer, const struct text cells[COLUMNS], bool header) {
    const char *border = header ? "┃" : "│";
    int starts[COLUMNS][TEXT_MAX], lines[COLUMNS], height = 0;
    for (int column = 0; column < COLUMNS; column++) {
        lines[column] = break_lines(&cells[column], printer->widths[column] - 2, false, starts[column]);
        height = lines[column] > height ? lines[column] : height;
    }
    for (int line = 0; line < height; line++) {
        for (int column = 0; column < COLUMNS; column++) {
            int blank = header ? height - lines[column] : 0;
            fputs(border, printer->out);
            put_cell(printer, &cells[column], starts[column], lines[column], line - blank, column,
                     header ? BOLD : PLAIN);
        }
        fprintf(printer->out, "%s\n", border);
    }
}

static void put_rule(const struct printer *printer, const char *left, const char *line, const char *crossing,
                     const char *right) {
    for (int column = 0; column < COLUMNS; column++) {
        fputs(column ? crossing : left, printer->out);
        for (int i = 0; i < printer->widths[column]; i++)
            fputs(line, printer->out);
    }
    fprintf(printer->out, "%s\n", right);
}

/* ---- Numbers ---------------------------------------------------------------------------------------------------- */

/* 1234567 as 1,234,567 */
static const char *grouped(size_t number, char text[static 32]) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%zu", number);
    char *end = text;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            *end++ = ',';
        *end++ = digits[i];
    }
    *end = '\0';
    return text;
}

/* Bytes in the largest binary unit, two decimals, rounded half to even as printf would, but in every locale. */
static const char *readable_size(uint64_t bytes, char text[static 32]) {
    static const char *const units[] = {"B", "KB", "MB", "GB"};
    int unit = 0;
    while (unit < 3 && bytes >> (10 * (unit + 1)))
        unit++;
    uint64_t divisor = UINT64_C(1) << (10 * unit), cents = bytes * 100 / divisor, rest = bytes * 100 % divisor;
    if (2 * rest > divisor || (2 * rest == divisor && cents % 2 == 1))
        cents++;
    snprintf(text, 32, "%llu.%02llu %s", (unsigned long long)(cents / 100), (unsigned long long)(cents % 100),
             units[unit]);
    return text;
}

/* ---- The summary ------------------------------------------------------------------------------------------------ */

/* Keras asks for columns that end at 45, 80 and 100 % of the table, without padding. With padding and borders the table
 * is 10 columns too wide; rich takes 3, 4 and 3 off. */
static void set_widths(struct printer *printer, int columns) {
    static const int share[COLUMNS] = {45, 80, 100}, excess[COLUMNS] = {3, 4, 3};
    int table = columns && columns < TABLE_WIDTH + TABLE_MARGIN ? columns - TABLE_MARGIN : TABLE_WIDTH;
    for (int column = 0, before = 0; column < COLUMNS; column++) {
        int end = share[column] * table / 100;
        printer->widths[column] = end - before + 2 - excess[column];
        before = end;
    }
}

static void describe_shape(cvy_shape shape, struct text *cell) {
    int extents[3] = {shape.height, shape.width, shape.channels};
    append(cell, PLAIN, "(");
    append(cell, NONE, "None");
    for (int i = 3 - shape.rank; i < 3; i++) {
        append(cell, PLAIN, ", ");
        append(cell, NUMBER, "%d", extents[i]);
    }
    append(cell, PLAIN, ")");
}

static void put_layer(const struct printer *printer, const cvy_layer *layer) {
    struct text cells[COLUMNS] = {0};
    char number[32];
    append(&cells[0], PLAIN, "%s (", layer->name);
    append(&cells[0], SYMBOL, "%s", cvy_layer_class(layer->kind));
    append(&cells[0], PLAIN, ")");
    describe_shape(layer->output, &cells[1]);
    append(&cells[2], NUMBER, "%s", grouped(layer->parameters, number));
    put_row(printer, cells, false);
}

static void put_header(const struct printer *printer, const char *name) {
    struct text title = {0}, cells[COLUMNS] = {0};
    append(&title, BOLD, "Model: \"%s\"", name);
    put_line(printer, &title);
    append(&cells[0], BOLD, "Layer (type)");
    append(&cells[1], BOLD, "Output Shape");
    append(&cells[2], BOLD, "Param #");
    put_rule(printer, "┏", "━", "┳", "┓");
    put_row(printer, cells, true);
    put_rule(printer, "┡", "━", "╇", "┩");
}

static void put_total(const struct printer *printer, const char *what, size_t parameters, uint64_t bytes) {
    struct text line = {0};
    char number[32], size[32];
    append(&line, BOLD, " %s params: ", what);
    append(&line, NUMBER, "%s", grouped(parameters, number));
    append(&line, PLAIN, " (%s)", readable_size(bytes, size));
    put_line(printer, &line);
}

static void put_totals(const struct printer *printer, size_t parameters, long optimizer_parameters) {
    size_t optimizer = optimizer_parameters < 0 ? 0 : (size_t)optimizer_parameters;
    /* Floats, except for the step counter, an int64. */
    uint64_t bytes = 4 * (uint64_t)parameters, optimizer_bytes = optimizer ? 4 * (uint64_t)optimizer + 4 : 0;
    put_total(printer, "Total", parameters + optimizer, bytes + optimizer_bytes);
    put_total(printer, "Trainable", parameters, bytes);
    put_total(printer, "Non-trainable", 0, 0);
    if (optimizer_parameters >= 0)
        put_total(printer, "Optimizer", optimizer, optimizer_bytes);
}

static void put_summary(const struct printer *printer, const cvy_network *network, long optimizer_parameters) {
    size_t parameters = 0;
    put_header(printer, network->name);
    int first = network->sequential ? 1 : 0; /* Sequential does not count its input among its layers */
    for (int i = first; i < network->count; i++) {
        if (i > first)
            put_rule(printer, "├", "─", "┼", "┤");
        put_layer(printer, &network->layers[i]);
        parameters += network->layers[i].parameters;
    }
    put_rule(printer, "└", "─", "┴", "┘");
    put_totals(printer, parameters, optimizer_parameters);
}

char *cvy_summary_text(const cvy_network *network, int columns, long optimizer_parameters, bool bold,
                       cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    cvy_text_stream stream;
    if (!cvy_text_begin(&stream, "summary", status))
        return NULL;
    struct printer printer = {.out = stream.out, .bold = bold};
    printer.columns = columns > 0 && columns < MIN_COLUMNS ? MIN_COLUMNS : columns;
    set_widths(&printer, printer.columns);
    put_summary(&printer, network, optimizer_parameters);
    return cvy_text_end(&stream, "summary", status);
}
