/**
 * @file transfer_method.h
 * The transfer methods that ship. Not installed.
 */
#ifndef TARDIS_TRANSFER_METHODS_H
#define TARDIS_TRANSFER_METHODS_H

#include "tardis_transfer_method.h"

/**
 * `webdav`: HTTP PUT and MKCOL to `<sl><serversite>/<dest_path>/<path>`, with `user` and `password` as HTTP
 * Basic. `serversite` is a path, not percent-encoded, that exists.
 */
extern const tardis_transfer_method_t transfer_method_webdav;

/**
 * `file`: `serversite` is an absolute directory on this host. A file is written beside its place, flushed,
 * and renamed; no symbolic link below `serversite` is followed.
 */
extern const tardis_transfer_method_t transfer_method_file;

#endif
