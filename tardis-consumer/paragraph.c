#include "paragraph.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

static int width_of(const char *text, size_t length);
static void print_clean(const char *text, size_t length);

void paragraph_print(int indent, const char *label, const char *text)
{
    int column = width_of(label, strlen(label));
    int is_first = 1;
    const char *word = text + strspn(text, " ");
    print_clean(label, strlen(label));
    for (; *word; word += strspn(word, " ")) {
        size_t length = strcspn(word, " ");
        int width = width_of(word, length);
        if (!is_first && column + 1 + width > PARAGRAPH_WIDTH) {
            putchar('\n');
            column = 0;
            is_first = 1;
        }
        int gap = is_first ? (column < indent ? indent - column : column > 0) : 1;
        printf("%*s", gap, "");
        print_clean(word, length);
        column += gap + width;
        is_first = 0;
        word += length;
    }
    putchar('\n');
}

/* Characters of UTF-8. */
static int width_of(const char *text, size_t length)
{
    int width = 0;
    for (size_t i = 0; i < length; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

static void print_clean(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        int is_c1 = c == 0xc2 && i + 1 < length && ((unsigned char)text[i + 1] & 0xe0) == 0x80;
        putchar(c < 0x20 || c == 0x7f || is_c1 ? '?' : c);
        i += (size_t)is_c1;
    }
}

const char *paragraph_duration(apr_interval_time_t duration, apr_pool_t *pool)
{
    static const struct {
        apr_int64_t seconds;
        const char *name;
    } units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}};
    apr_int64_t seconds = duration > 0 ? apr_time_sec(duration) : 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (seconds >= 2 * units[i].seconds)
            return apr_psprintf(pool, "%" APR_INT64_T_FMT " %s", seconds / units[i].seconds, units[i].name);
    }
    return apr_psprintf(pool, "%" APR_INT64_T_FMT " second%s", seconds, seconds == 1 ? "" : "s");
}
