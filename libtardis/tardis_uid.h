/**
 * @file tardis_uid.h
 * uids and paths from outside (protocol.md, "Vocabulary"; mets.md, "Paths").
 */
#ifndef TARDIS_UID_H
#define TARDIS_UID_H

#include <apr_file_io.h>
#include <apr_pools.h>

#include "tardis_error.h"

/** Longest uid, in bytes. */
#define TARDIS_UID_MAX 255

/** 1 to 255 of [A-Za-z0-9_.-]. @return TARDIS_UID_INVALID: "invalid UID: ..." (what is shown of it is
 * bounded). */
tardis_error_t *tardis_uid_check(const char *uid, apr_pool_t *pool);

/** "<institution>.<id>". */
const char *tardis_uid_format(const char *institution, apr_uint64_t experiment_id, apr_pool_t *pool);

/**
 * The experiment id in a uid of this institution. @return TARDIS_UID_INVALID, or TARDIS_UID_UNKNOWN for
 * another institution's, for one that is not a number, and for another way to write the number (leading
 * zeros).
 */
tardis_error_t *tardis_uid_parse(const char *uid, const char *institution, apr_uint64_t *experiment_id,
                                 apr_pool_t *pool);

/**
 * Whether @a path is relative and stays where it is put: no empty, `.` or `..` component, no leading or
 * trailing slash, no backslash, no control character, valid UTF-8, components of at most 255 bytes, at most
 * 4095 bytes in all.
 * @return TARDIS_PATH_INVALID that names what is wrong.
 */
tardis_error_t *tardis_path_check(const char *path, apr_pool_t *pool);

/** Whether text is valid UTF-8 (no surrogates, no overlong forms) without control characters (C0, DEL, C1)
 * other than @a allowed
 * ("\t\n") and without U+FFFE and U+FFFF, which XML cannot carry. */
int tardis_text_is_clean(const char *text, apr_size_t length, const char *allowed);

/**
 * Puts `?` for each control character (C0, DEL, C1), in place, so that text from outside is one line that no
 * terminal obeys. @return @a text.
 */
char *tardis_text_tame(char *text);

/** A strict decoder of UTF-8 that is fed one byte at a time; starts as all zeros. */
typedef struct tardis_utf8_t {
    apr_uint32_t code; /**< the character, once it is complete */
    int missing;       /**< bytes still to come */
    unsigned char low; /**< the least and the greatest value that the next of them may have */
    unsigned char high;
} tardis_utf8_t;

/** Feeds a byte. Returns 1 if it completes the character in @a decoder->code, 0 if more must follow, -1 if it
 * is not UTF-8. */
int tardis_utf8_step(tardis_utf8_t *decoder, unsigned char byte);

/**
 * Opens @a path below @a directory for reading. No component below directory may be a symbolic link; the file
 * must be regular.
 * @param fd set to a descriptor that closes with @a pool.
 * @param size set to its size in bytes.
 * @return TARDIS_PATH_INVALID, TARDIS_FILE_MISSING, TARDIS_FILE_UNREADABLE, TARDIS_FILE_NOT_REGULAR,
 * TARDIS_STORE_UNAVAILABLE (@a directory itself cannot be opened) or TARDIS_IO_ERROR.
 */
tardis_error_t *tardis_path_open(const char *directory, const char *path, int *fd, apr_uint64_t *size,
                                 apr_pool_t *pool);

#endif
