/**
 * @file mail_template.h
 * The texts of mail, as files: a line `Subject: ...`, an empty line, and the body, with `{{name}}` where a
 * value is put in. Lines before the subject that begin with `#` are comments. A line whose variables are all
 * empty is left out, and so is an empty line that would then follow another one.
 *
 * All that can be wrong with a template is found when it is read: putting values in cannot fail. What is put
 * in is never looked at again, so a value can hold `{{`; control characters of a value become spaces, so that
 * none ends a line or a header.
 */
#ifndef MAIL_TEMPLATE_H
#define MAIL_TEMPLATE_H

#include "tardis_error.h"

/** What a mail is about; each has a template. */
typedef enum { MAIL_COMPLETE, MAIL_FAILED, MAIL_DIGEST, MAIL_KINDS } mail_kind_t;

/** What can be put in; mail_template.c names them and says in which templates they are known. */
typedef enum {
    MAIL_ID,
    MAIL_TITLE,
    MAIL_UID,
    MAIL_PROVIDER,
    MAIL_STATE,
    MAIL_STATE_BEFORE,
    MAIL_FILES,
    MAIL_BYTES,
    MAIL_DIRECTORY,
    MAIL_URL,
    MAIL_COMMAND,
    MAIL_PROGRAM,
    MAIL_ERROR_CODE,
    MAIL_ERROR_TEXT,
    MAIL_FAULT,
    MAIL_ADVICE,
    MAIL_TOTAL,
    MAIL_COMPLETE_COUNT,
    MAIL_FAILED_COUNT,
    MAIL_OTHER_COUNT,
    MAIL_SUMMARY,
    MAIL_COMPLETE_LIST,
    MAIL_FAILED_LIST,
    MAIL_OTHER_LIST,
    MAIL_VARIABLES /**< how many there are */
} mail_variable_t;

/** A template. */
typedef struct mail_template_t mail_template_t;

/** The templates of all kinds. */
typedef struct mail_templates_t {
    const mail_template_t *of[MAIL_KINDS];
} mail_templates_t;

/** The name of the file that holds the template of a kind. */
const char *mail_template_file(mail_kind_t kind);

/**
 * Reads the templates of all kinds from files in @a directory.
 * @return TARDIS_CONFIG_INVALID; where a file is wrong the text begins with its name and the line.
 */
tardis_error_t *mail_templates_read(mail_templates_t **templates, const char *directory, apr_pool_t *pool);

/**
 * Reads one.
 * @param name of the file, for errors.
 * @param text of @a length bytes; not changed.
 * @return TARDIS_CONFIG_INVALID, beginning with name and line.
 */
tardis_error_t *mail_template_parse(const mail_template_t **template, mail_kind_t kind, const char *name,
                                    const char *text, apr_size_t length, apr_pool_t *pool);

/**
 * Puts values in.
 * @param values by mail_variable_t, UTF-8; NULL is the same as "". Lists have lines that end in LF but for
 * the last; all others become one line.
 * @param subject set to one line of at most 250 bytes.
 * @param body set to lines that end in LF.
 */
void mail_template_fill(const mail_template_t *template, const char *const values[MAIL_VARIABLES],
                        const char **subject, const char **body, apr_pool_t *pool);

#endif
