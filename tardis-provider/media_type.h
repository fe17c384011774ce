/*
 * Media types by file name.
 */
#ifndef PROVIDER_MEDIA_TYPE_H
#define PROVIDER_MEDIA_TYPE_H

/* The media type of a file of this name, by its extension; application/octet-stream if that says nothing. */
const char *media_type_of(const char *name);

#endif
