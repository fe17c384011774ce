#include "suggest.h"

#include <string.h>

#include <apr_strings.h>

/* Longer names are not compared: nobody mistypes one of ours that far. */
#define LENGTH_MAXIMUM 64

static size_t distance(const char *a, const char *b, apr_pool_t *pool);
static size_t smaller(size_t a, size_t b);

void suggest_consider(const char **best, const char *given, const char *candidate, apr_pool_t *pool)
{
    size_t length = strlen(candidate);
    if (length > LENGTH_MAXIMUM || strlen(given) > LENGTH_MAXIMUM)
        return;
    size_t away = distance(given, candidate, pool);
    if (away > (length + 2) / 3)
        return;
    if (!*best || away < distance(given, *best, pool))
        *best = candidate;
}

const char *suggest_text(const char *best, apr_pool_t *pool)
{
    return best ? apr_psprintf(pool, "; perhaps you meant \"%s\"", best) : "";
}

/* Optimal string alignment: how many letters must be added, left out, changed or swapped with their
 * neighbour. */
static size_t distance(const char *a, const char *b, apr_pool_t *pool)
{
    size_t rows = strlen(a) + 1;
    size_t columns = strlen(b) + 1;
    size_t *cost = apr_palloc(pool, sizeof(*cost) * rows * columns);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            size_t *here = &cost[i * columns + j];
            if (i == 0 || j == 0) {
                *here = i + j;
                continue;
            }
            *here = cost[(i - 1) * columns + j - 1] + (a[i - 1] != b[j - 1]);
            *here = smaller(*here, cost[(i - 1) * columns + j] + 1);
            *here = smaller(*here, cost[i * columns + j - 1] + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                *here = smaller(*here, cost[(i - 2) * columns + j - 2] + 1);
        }
    }
    return cost[rows * columns - 1];
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}
