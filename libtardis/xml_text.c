#include "xml_text.h"

#include <string.h>

#include <apr_strings.h>

#define SIZE_FIRST 1024

void xml_text_reserve(xml_text_t *text, apr_size_t more, apr_pool_t *pool)
{
    apr_size_t needed = text->length + more + 1;
    if (needed <= text->size)
        return;
    apr_size_t size = text->size ? text->size : SIZE_FIRST;
    while (size < needed)
        size *= 2;
    char *data = apr_palloc(pool, size);
    if (text->length)
        memcpy(data, text->data, text->length);
    data[text->length] = '\0';
    text->data = data;
    text->size = size;
}

void xml_text_append(xml_text_t *text, const char *data, apr_size_t length, apr_pool_t *pool)
{
    xml_text_reserve(text, length, pool);
    memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void xml_text_truncate(xml_text_t *text, apr_size_t length)
{
    if (length >= text->length)
        return;
    text->length = length;
    text->data[length] = '\0';
}

int xml_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int xml_is_blank(const char *text)
{
    while (xml_is_space(*text))
        text++;
    return *text == '\0';
}

const char *xml_trim(const char *text, apr_pool_t *pool)
{
    while (xml_is_space(*text))
        text++;
    apr_size_t length = strlen(text);
    while (length && xml_is_space(text[length - 1]))
        length--;
    return apr_pstrmemdup(pool, text, length);
}

const char *xml_clip(const char *text, apr_size_t length, apr_size_t maximum, apr_pool_t *pool)
{
    if (length <= maximum)
        return apr_pstrmemdup(pool, text, length);
    while (maximum && ((unsigned char)text[maximum] & 0xc0) == 0x80)
        maximum--;
    return apr_pstrcat(pool, apr_pstrmemdup(pool, text, maximum), "...", NULL);
}

apr_size_t xml_characters(const char *text)
{
    apr_size_t count = 0;
    for (; *text; text++) {
        if (((unsigned char)*text & 0xc0) != 0x80)
            count++;
    }
    return count;
}
