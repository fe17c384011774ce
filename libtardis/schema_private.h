/**
 * @file schema_private.h
 * What schema/embed.awk makes of the files in schema/, for the files schema*.c.
 */
#ifndef TARDIS_SCHEMA_PRIVATE_H
#define TARDIS_SCHEMA_PRIVATE_H

#include <stddef.h>

#include "tardis_schema.h"

/** One numbered step. */
typedef struct {
    const char *component;
    unsigned version;
    const char *const *statements; /**< ends with NULL */
} schema_step_t;

/** One line of a manifest: a table, column or index as tardis_schema_describe() writes it. */
typedef struct {
    const char *component;
    const char *text;
} schema_line_t;

/** All steps, in the order in which they are applied; ends with a NULL component. */
extern const schema_step_t schema_steps[] __attribute__((visibility("hidden")));

/** All manifests; ends with a NULL component. */
extern const schema_line_t schema_manifest[] __attribute__((visibility("hidden")));

/** The components of @a side, in the order in which they are made; ends with NULL. */
const char *const *schema_components(tardis_schema_side_t side);

/** TARDIS_SCHEMA_MISMATCH if @a version of @a component is not the newest one that is known here. */
tardis_error_t *schema_compare(const char *component, unsigned version, tardis_schema_side_t side,
                               apr_pool_t *pool);

#endif
