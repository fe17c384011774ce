#include "why_meaning.h"

#include <stddef.h>

#define TRY_URL "{curl} --head {url}/"
#define SEE_FILES "ls -lR {store}/{id}"
#define SEE_STORE "ls -ld {store}"

/* clang-format off */
static const why_meaning_t meanings[] = {
    {TARDIS_PROVIDER_UNREACHABLE, "nothing answers at the provider's address", NULL, NULL, TRY_URL},
    {TARDIS_PROVIDER_TIMEOUT, "the provider takes too long to answer", NULL, NULL, TRY_URL},
    {TARDIS_TLS_FAILED, "no trusted connection to the provider comes about", NULL, NULL, TRY_URL},
    {TARDIS_KEY_REFUSED, "the provider does not accept our key from this host's address", NULL,
     "tardis-provider key add --site NAME --address ADDRESS", NULL},
    {TARDIS_PROVIDER_UNKNOWN, "consumer.conf has no key for this provider that can be used",
     NULL, NULL, NULL},
    {TARDIS_UID_UNKNOWN, "the provider says that it has no such experiment",
     NULL, "tardis-provider list", NULL},
    {TARDIS_HTTPS_REQUIRED, "the provider's URL begins with http:, and it accepts https: only",
     NULL, NULL, NULL},
    {TARDIS_REQUEST_REFUSED, "the provider finds the request wrong",
     NULL, NULL, "{consumer} config show"},
    {TARDIS_PROVIDER_ERROR, "the provider fails on its own side when it is asked", NULL, NULL, NULL},
    {TARDIS_PROVIDER_REDIRECT, "the provider wants to be asked at another URL, where our key does not belong",
     NULL, NULL, TRY_URL},
    {TARDIS_ANSWER_MALFORMED, "what answers at the provider's URL does not speak the protocol",
     NULL, NULL, TRY_URL},
    {TARDIS_ANSWER_TOO_LARGE, "the provider's answers are larger than the protocol allows",
     NULL, NULL, TRY_URL},
    {TARDIS_TRANSFER_FAILED, "the provider gave the transfer up", NULL, WHY_ASK_PROVIDER, NULL},
    {TARDIS_TRANSFER_BAD_REQUEST, "the provider knows of no transfer of this experiment to us",
     "Ask the provider's administrator what became of the transfer to this site.",
     WHY_ASK_PROVIDER, NULL},
    {TARDIS_TRANSFER_SERVER_ERROR, "the provider's transfer system fails", NULL, WHY_ASK_PROVIDER, NULL},
    {TARDIS_DEADLINE_EXCEEDED, "the provider had begun to send the files, and did not come to an end in time",
     NULL,
     WHY_ASK_PROVIDER, NULL},
    /* What a provider names as its reason for giving up. */
    {TARDIS_DESTINATION_FULL, "the provider found the store here full",
     "Free space in the store, then retry.",
     NULL, "df -h {store}"},
    {TARDIS_DESTINATION_REFUSED, "the provider was not let write into the store here", NULL, NULL, SEE_STORE},
    {TARDIS_DESTINATION_ERROR, "the store here failed when the provider wrote into it",
     NULL, NULL, SEE_STORE},
    {TARDIS_TRANSFER_CANCELLED, "the provider's administrator cancelled the transfer",
     "Ask the provider's administrator; a retry asks for the files again.", WHY_ASK_PROVIDER, NULL},
    /* What is found here. */
    {TARDIS_FILE_MISSING, "files that were promised have not arrived", NULL, NULL, NULL},
    {TARDIS_FILE_UNREADABLE, "files in the store cannot be read by the tick", NULL, NULL, SEE_FILES},
    {TARDIS_FILE_NOT_REGULAR, "the store has something else where files were promised",
     NULL, NULL, SEE_FILES},
    {TARDIS_SIZE_MISMATCH, "files have arrived with another size than was promised", NULL, NULL, NULL},
    {TARDIS_DIGEST_MISMATCH, "files have arrived with another content than was promised", NULL, NULL, NULL},
    {TARDIS_CANCELLED_BY_HAND, "somebody here gave it up", "A retry begins anew, if it is wanted after all.",
     NULL, NULL},
    {TARDIS_MANIFEST_EMPTY, "it was registered without files, and only you can say whether that is meant",
     "If it is meant, set `allow_empty = true` in consumer.conf and retry; if not, the provider has to "
     "register it again with its files.", NULL, NULL},
    {TARDIS_STORE_UNAVAILABLE, "the tick cannot look into the store",
     "Check that the store is mounted, and readable by the user that runs the tick.", NULL, SEE_STORE},
    {TARDIS_IO_ERROR, "this host cannot read the store without errors", NULL, NULL, SEE_STORE},
    {TARDIS_DATABASE_ROW_INVALID, "its row in the database holds what this version cannot read", NULL, NULL,
     "{consumer} show {id}"},
};
/* clang-format on */

const why_meaning_t *why_meaning_of(tardis_error_code_t code)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (meanings[i].code == code)
            return &meanings[i];
    }
    return NULL;
}
