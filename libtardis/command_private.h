/**
 * @file command_private.h
 * What the files command*.c and process.c share.
 */
#ifndef TARDIS_COMMAND_PRIVATE_H
#define TARDIS_COMMAND_PRIVATE_H

#include "tardis_command.h"

/** Makes SIGTERM and SIGINT set tardis_command_interrupted(), and ignores SIGPIPE. */
void process_catch_signals(void);

#endif
