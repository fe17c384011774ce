/*
 * tardis-provider: the tool of a facility's administrator, and of its cron.
 */
#include "commands.h"

static const tardis_command_t commands[] = {
    {"import", "DIR", 1, 1, TARDIS_NEEDS_SCHEMA, import_options,
     "enter a directory into the catalogue as an experiment; prints its uid", import_run},
    {"export", "<EPN|uid>", 1, 1, TARDIS_NEEDS_SCHEMA, export_options,
     "write an experiment's metadata as METS", export_run},
    {"transfer", "<EPN|uid>", 1, 1, TARDIS_NEEDS_SCHEMA | TARDIS_NEEDS_HTTP, transfer_options,
     "tell the sites of the experiment's owners of it", transfer_run},
    {"send", "", 0, 0, TARDIS_NEEDS_SCHEMA | TARDIS_NEEDS_HTTP, send_options,
     "do what is due: registrations, transfers, notifications; for cron", send_run},
    {"list", "", 0, 0, TARDIS_NEEDS_SCHEMA, list_options, "list the experiments and where they stand",
     list_run},
    {"show", "<EPN|uid>", 1, 1, TARDIS_NEEDS_SCHEMA, show_options, "show an experiment with its history",
     show_run},
    {"retry", "<EPN|uid>", 1, 1, TARDIS_NEEDS_SCHEMA, site_options,
     "try again now what failed, was cancelled or waits", retry_run},
    {"cancel", "<EPN|uid>", 1, 1, TARDIS_NEEDS_SCHEMA, site_options, "stop what waits or is being sent",
     cancel_run},
    {"key add", "", 0, 0, TARDIS_NEEDS_SCHEMA | TARDIS_NEEDS_HTTP, key_add_options,
     "make a key for a site's consumer; prints it once", key_add_run},
    {"key list", "", 0, 0, TARDIS_NEEDS_SCHEMA, key_list_options,
     "list the keys, without the keys themselves", key_list_run},
    {"key remove", "ID", 1, 1, TARDIS_NEEDS_SCHEMA, NULL, "remove a key", key_remove_run},
    {NULL, NULL, 0, 0, 0, NULL, NULL, NULL},
};

int main(int argc, const char *const *argv)
{
    const tardis_tool_t tool = {
        .program = "tardis-provider",
        .summary = "the provider's side of transferring experiments between MyTardis sites",
        .config_file = TARDIS_SYSCONFDIR "/provider.conf",
        .side = TARDIS_SCHEMA_PROVIDER,
        .options = provider_options,
        .commands = commands,
    };
    return tardis_tool_main(&tool, argc, argv);
}
