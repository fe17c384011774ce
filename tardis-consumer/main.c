#include "commands.h"

static const tardis_command_t commands[] = {
    {"tick", "", 0, 0, TARDIS_NEEDS_SCHEMA | TARDIS_NEEDS_HTTP, cmd_tick_options,
     "step every experiment that is due once; for cron", cmd_tick},
    {"list", "", 0, 0, TARDIS_NEEDS_SCHEMA, cmd_list_options, "list the experiments", cmd_list},
    {"show", "<id|uid>", 1, 1, TARDIS_NEEDS_SCHEMA, cmd_show_options, "show all about one experiment",
     cmd_show},
    {"why", "<id|uid>", 1, 1, TARDIS_NEEDS_SCHEMA, cmd_why_options,
     "tell why an experiment is where it is, whose turn it is, and what comes next", cmd_why},
    {"retry", "[<id|uid>...]", 0, -1, TARDIS_NEEDS_SCHEMA, cmd_retry_options,
     "start failed experiments again", cmd_retry},
    {"cancel", "<id|uid>...", 1, -1, TARDIS_NEEDS_SCHEMA, cmd_cancel_options, "give experiments up",
     cmd_cancel},
    {"hold", "[<id|uid>...]", 0, -1, TARDIS_NEEDS_SCHEMA, cmd_hold_options,
     "do nothing about experiments, or all of a provider, until they are released", cmd_hold},
    {"release", "[<id|uid>...]", 0, -1, TARDIS_NEEDS_SCHEMA, cmd_release_options, "let what is held go on",
     cmd_release},
    {"providers", "", 0, 0, TARDIS_NEEDS_SCHEMA, cmd_providers_options,
     "tell which providers answer, and which are left alone", cmd_providers},
    {"metrics", "", 0, 0, TARDIS_NEEDS_SCHEMA, cmd_metrics_options, "print figures for Prometheus",
     cmd_metrics},
    {"prune", "", 0, 0, TARDIS_NEEDS_SCHEMA, cmd_prune_options,
     "remove the history of what finished long ago, on request", cmd_prune},
    {"register", "FILE", 1, 1, TARDIS_NEEDS_SCHEMA, cmd_register_options,
     "register a METS document as if a provider had sent it", cmd_register},
    {"export", "<id|uid>", 1, 1, TARDIS_NEEDS_SCHEMA, cmd_export_options,
     "write an experiment's metadata as METS", cmd_export},
    {NULL, NULL, 0, 0, 0, NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    const tardis_tool_t tool = {
        .program = "tardis-consumer",
        .summary =
            "follows the experiments that providers register here until every file has arrived and is proven",
        .config_file = CONSUMER_CONFIG_FILE,
        .side = TARDIS_SCHEMA_CONSUMER,
        .options = consumer_options,
        .commands = commands,
        .check = consumer_settings_check,
    };
    return tardis_tool_main(&tool, argc, (const char *const *)argv);
}
