#include "schema_private.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "tardis_command.h"
#include "tardis_db.h"

/* How long a host that was killed holds up the others: renewed before each statement, and it does no harm if
 * a long statement outlasts it, because statements may be run twice. */
#define LEASE_SECONDS 10
/* How long to wait for another host's upgrade, and between looks at it. */
#define WAIT_LIMIT apr_time_from_sec(600)
#define WAIT_STEP (APR_USEC_PER_SEC / 5)

typedef struct {
    const tardis_context_t *context;
    tardis_schema_side_t side;
    const char *component;
    const char *owner; /* of the lease */
    apr_array_header_t *applied;
} upgrade_t;

static tardis_error_t *create_version_table(tardis_db_t *db, apr_pool_t *pool);
static tardis_error_t *upgrade_component(upgrade_t *upgrade, apr_pool_t *pool);
static tardis_error_t *wait_for_lease(const upgrade_t *upgrade, apr_pool_t *pool);
static tardis_error_t *take_lease(const upgrade_t *upgrade, int *taken, apr_pool_t *pool);
static tardis_error_t *apply_steps(upgrade_t *upgrade, apr_pool_t *pool);
static tardis_error_t *read_version(const upgrade_t *upgrade, unsigned *version, apr_pool_t *pool);
static tardis_error_t *apply_step(const upgrade_t *upgrade, const schema_step_t *step, apr_pool_t *pool);
static void give_lease_back(const upgrade_t *upgrade, apr_pool_t *pool);

tardis_error_t *tardis_schema_upgrade(const tardis_context_t *context, tardis_schema_side_t side,
                                      apr_array_header_t **applied, apr_pool_t *pool)
{
    upgrade_t upgrade = {.context = context, .side = side, .owner = tardis_process_name(pool)};
    upgrade.applied = *applied = apr_array_make(pool, 4, sizeof(const char *));
    tardis_error_t *error = create_version_table(context->db, pool);
    for (const char *const *component = schema_components(side); !error && *component; component++) {
        upgrade.component = *component;
        error = upgrade_component(&upgrade, pool);
    }
    return error;
}

static tardis_error_t *create_version_table(tardis_db_t *db, apr_pool_t *pool)
{
    return tardis_db_execute(
        db,
        "CREATE TABLE IF NOT EXISTS schema_version ("
        "  component   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
        "  version     INT UNSIGNED NOT NULL,"
        "  lease_owner VARCHAR(255) CHARACTER SET ascii NULL COMMENT 'who upgrades it now',"
        "  lease_until DATETIME(6) NULL,"
        "  PRIMARY KEY (component)"
        ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
        TARDIS_DB_NO_VALUES, NULL, pool);
}

static tardis_error_t *upgrade_component(upgrade_t *upgrade, apr_pool_t *pool)
{
    tardis_error_t *error = tardis_db_execute(
        upgrade->context->db, "INSERT IGNORE INTO schema_version (component, version) VALUES (?, 0)",
        TARDIS_DB_VALUES(tardis_db_text(upgrade->component)), NULL, pool);
    if (!error)
        error = wait_for_lease(upgrade, pool);
    if (error)
        return error;
    error = apply_steps(upgrade, pool);
    give_lease_back(upgrade, pool);
    return error;
}

static tardis_error_t *wait_for_lease(const upgrade_t *upgrade, apr_pool_t *pool)
{
    apr_time_t deadline = apr_time_now() + WAIT_LIMIT;
    int taken = 0;
    for (int round = 0; !taken; round++) {
        if (round == 1)
            tardis_log(upgrade->context, TARDIS_LOG_NOTICE,
                       "schema of the %s: waiting for another upgrade of it", upgrade->component);
        if (round > 0)
            apr_sleep(WAIT_STEP);
        if (tardis_command_interrupted())
            return tardis_error_create(pool, TARDIS_INTERRUPTED, "interrupted while another upgrade ran");
        if (apr_time_now() > deadline)
            return tardis_error_create(pool, TARDIS_DATABASE_BUSY, "another upgrade of the %s does not end",
                                       upgrade->component);
        tardis_error_t *error = take_lease(upgrade, &taken, pool);
        if (error)
            return error;
    }
    return NULL;
}

/* A conditional UPDATE decides, because named locks do not span the nodes of a cluster. */
static tardis_error_t *take_lease(const upgrade_t *upgrade, int *taken, apr_pool_t *pool)
{
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        upgrade->context->db,
        "UPDATE schema_version SET lease_owner = ?, lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND"
        " WHERE component = ? AND (lease_until IS NULL OR lease_until < UTC_TIMESTAMP(6) OR lease_owner = ?)",
        TARDIS_DB_VALUES(tardis_db_text(upgrade->owner), tardis_db_signed(LEASE_SECONDS),
                         tardis_db_text(upgrade->component), tardis_db_text(upgrade->owner)),
        &changes, pool);
    *taken = !error && changes.rows == 1;
    return error && error->code == TARDIS_DATABASE_BUSY ? NULL : error;
}

static tardis_error_t *apply_steps(upgrade_t *upgrade, apr_pool_t *pool)
{
    unsigned version;
    tardis_error_t *error = read_version(upgrade, &version, pool);
    for (const schema_step_t *step = schema_steps; !error && step->component; step++) {
        if (strcmp(step->component, upgrade->component) != 0 || step->version <= version)
            continue;
        error = apply_step(upgrade, step, pool);
        if (error)
            break;
        version = step->version;
        APR_ARRAY_PUSH(upgrade->applied, const char *) =
            apr_psprintf(pool, "%s %u", step->component, version);
    }
    return error ? error : schema_compare(upgrade->component, version, upgrade->side, pool);
}

static tardis_error_t *read_version(const upgrade_t *upgrade, unsigned *version, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(upgrade->context->db, "SELECT version FROM schema_version WHERE component = ?",
                        TARDIS_DB_VALUES(tardis_db_text(upgrade->component)), &rows, pool);
    *version = !error && tardis_db_rows_next(rows) ? (unsigned)tardis_db_rows_unsigned(rows, 0) : 0;
    return error;
}

/* A column or an index that is there already, or gone already, is left by an upgrade that was killed. */
static tardis_error_t *apply_step(const upgrade_t *upgrade, const schema_step_t *step, apr_pool_t *pool)
{
    int taken;
    tardis_error_t *error = NULL;
    for (const char *const *statement = step->statements; !error && *statement; statement++) {
        error = take_lease(upgrade, &taken, pool);
        if (!error)
            error = tardis_db_execute(upgrade->context->db, *statement, TARDIS_DB_NO_VALUES, NULL, pool);
        if (error && error->code == TARDIS_DATABASE_DUPLICATE)
            error = NULL;
    }
    if (!error)
        error = tardis_db_execute(
            upgrade->context->db, "UPDATE schema_version SET version = ? WHERE component = ? AND version < ?",
            TARDIS_DB_VALUES(tardis_db_unsigned(step->version), tardis_db_text(step->component),
                             tardis_db_unsigned(step->version)),
            NULL, pool);
    return error ? tardis_error_prefix(pool, error, "schema step %s %u", step->component, step->version)
                 : NULL;
}

/* If this fails the lease runs out by itself. */
static void give_lease_back(const upgrade_t *upgrade, apr_pool_t *pool)
{
    tardis_db_execute(upgrade->context->db,
                      "UPDATE schema_version SET lease_owner = NULL, lease_until = NULL"
                      " WHERE component = ? AND lease_owner = ?",
                      TARDIS_DB_VALUES(tardis_db_text(upgrade->component), tardis_db_text(upgrade->owner)),
                      NULL, pool);
}
